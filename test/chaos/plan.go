package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"dialer/internal/failpoint"
)

// plan says at which failpoint each next process is to die, until each point
// has killed as many as asked.
type plan struct {
	times  int
	folder string // of the files in which processes note their hits

	mu      sync.Mutex
	chance  *rand.Rand
	marks   []*mark
	armings int
	over    bool // nobody is armed any more
	last    time.Time
	faults  []string // what went wrong beside the kills
}

// mark is how far the plan is with one point.
type mark struct {
	failpoint.Point
	Armed, Killed int
	under         int // armed and alive
}

// crew is who passes a point.
type crew string

const (
	anyDialer  crew = "any dialer"
	listReader crew = "the dialer that reads Vonage's lists"
	importer   crew = "enqueue"
)

// crews of the points and areas that not every dialer comes to.
var crews = map[string]crew{"settle": listReader, "reconcile": listReader, "fold.written": listReader, "import": importer}

// mostHits bounds the hit at which a process dies, by point or area, where it
// is not the first one. It is drawn, so that some work is done before.
var mostHits = map[string]int{
	"claim": 4, "place": 10, "record": 10, "webhook": 20, "fold": 20, "fold.written": 3, "settle": 2, "reconcile": 2,
	"import.commit": 3, "import.committed": 3,
}

func areaOf(point string) string {
	area, _, _ := strings.Cut(point, ".")
	return area
}

func crewOf(point string) crew { return cmp.Or(crews[point], crews[areaOf(point)], anyDialer) }

// newPlan is for the named points, or for all if none is.
func newPlan(times int, only []string, folder string, seed uint64) *plan {
	p := &plan{times: times, folder: folder, chance: seeded(seed, 4), last: time.Now()}
	for _, point := range failpoint.Points {
		if len(only) == 0 || slices.Contains(only, point.Name) {
			p.marks = append(p.marks, &mark{Point: point})
		}
	}
	return p
}

// arming is what one process is told; the zero value is nothing.
type arming struct {
	point string
	hit   int
	file  string // in which it notes its hits
}

// take arms a process of one of the crews, the first that has anything left to
// do, at the point that is furthest behind. As long as points of the lists'
// reader are left, none that may become it lives without one: more are armed
// there than need be.
func (p *plan) take(of ...crew) (a arming, armed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range of {
		if m := p.behind(c); m != nil && m.Killed+m.under < p.times {
			return p.arm(m), true
		}
	}
	if slices.Contains(of, listReader) {
		if m := p.behind(listReader); m != nil {
			return p.arm(m), true
		}
	}
	return arming{}, false
}

// behind is, of the crew's points at which too few have died, the one that the
// fewest died at or are to die at, or nil.
func (p *plan) behind(c crew) (least *mark) {
	for _, m := range p.marks {
		if crewOf(m.Name) != c || p.over || m.Killed >= p.times {
			continue
		}
		if least == nil || m.Killed+m.under < least.Killed+least.under {
			least = m
		}
	}
	return least
}

func (p *plan) arm(m *mark) arming {
	m.Armed++
	m.under++
	p.armings++
	return arming{
		point: m.Name, hit: 1 + p.chance.IntN(cmp.Or(mostHits[m.Name], mostHits[areaOf(m.Name)], 1)),
		file: filepath.Join(p.folder, fmt.Sprintf("%04d-%s", p.armings, m.Name)),
	}
}

// env arms a process.
func (a arming) env() []string {
	if a.point == "" {
		return nil
	}
	return []string{fmt.Sprintf("FAILPOINT=%s %d kill", a.point, a.hit), "FAILPOINT_LOG=" + a.file}
}

// ended counts the process if it died by its own hand where it was told to.
func (p *plan) ended(a arming, l life) (died bool) {
	if a.point == "" {
		return false
	}
	died = !l.killed && l.state != nil && bySIGKILL(l.state) && a.reached(l.state.Pid())
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.marks[slices.IndexFunc(p.marks, func(m *mark) bool { return m.Name == a.point })]
	m.under--
	if died {
		m.Killed++
		p.last = time.Now()
	}
	return died
}

func bySIGKILL(state *os.ProcessState) bool {
	status, ok := state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// reached reports whether the process itself noted the hit that it was to die
// at.
func (a arming) reached(pid int) bool {
	noted, err := os.ReadFile(a.file)
	return err == nil && slices.Contains(strings.Split(string(noted), "\n"), fmt.Sprintf("%d %s %d", pid, a.point, a.hit))
}

// state is how many kills there were, how many there are to be, and for how
// long there was none.
func (p *plan) state() (killed, asked int, idle time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.marks {
		killed += min(m.Killed, p.times)
	}
	return killed, p.times * len(p.marks), time.Since(p.last)
}

// end arms nobody any more.
func (p *plan) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
}

func (p *plan) fault(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, text)
}

// countOf is how many points the crew has.
func (p *plan) countOf(c crew) (n int) {
	for _, m := range p.marks {
		if crewOf(m.Name) == c {
			n++
		}
	}
	return n
}

// outcome is what became of each point, and what is wrong with that.
func (p *plan) outcome() (marks []mark, broken []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	broken = slices.Clone(p.faults)
	for _, m := range p.marks {
		marks = append(marks, *m)
		if m.Killed < p.times {
			broken = append(broken, fmt.Sprintf("failpoint %s was hit %d times, not %d", m.Name, m.Killed, p.times))
		}
	}
	return marks, broken
}
