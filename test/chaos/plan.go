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
	"dialer/test/fleet"
)

// plan gives each new process the failpoint to die at, until each failpoint has
// killed as often as wanted.
type plan struct {
	times  int
	folder string // of the files to which processes log their hits

	mu       sync.Mutex
	random   *rand.Rand
	points   []*pointState
	given    int // targets, so far
	stopped  bool
	last     time.Time // of a kill
	failures []string  // other than missing kills
}

// pointState is how far the plan is with one failpoint.
type pointState struct {
	failpoint.Point
	Given, Killed int
	alive         int // processes that have it as their target
}

// target is the point at which a process must die; zero: none.
type target struct {
	point string
	hit   int    // at which hit it dies, counted from 1
	file  string // to which it logs its hits
}

// role is the work of a process, which decides the failpoints it reaches.
type role string

const (
	anyDialer  role = "any dialer"
	listReader role = "the dialer that reads Vonage's list"
	importer   role = "enqueue"
)

// roles of the failpoints and areas that not every dialer reaches.
var roles = map[string]role{"settle": listReader, "reconcile": listReader, "fold.written": listReader, "import": importer}

// maxHits bounds the hit at which a process dies, by failpoint or area, if that is not
// the first one. The hit is drawn, so that some work is done before.
var maxHits = map[string]int{
	"claim": 4, "place": 10, "record": 10, "webhook": 20, "fold": 20, "fold.written": 3, "settle": 2, "reconcile": 2,
	"import.commit": 3, "import.committed": 3,
}

// led is the failpoint that a process reaches only some seconds after others died at
// leads, because it expires the attempts they left.
const led, leads = "sweep.expired", "place.gated"

func areaOf(point string) string {
	area, _, _ := strings.Cut(point, ".")
	return area
}

func roleOf(point string) role { return cmp.Or(roles[point], roles[areaOf(point)], anyDialer) }

// newPlan is for the named failpoints, or for all if none is named.
func newPlan(times int, only []string, folder string, seed uint64) *plan {
	p := &plan{times: times, folder: folder, random: seeded(seed, 4), last: time.Now()}
	for _, point := range failpoint.Points {
		if len(only) == 0 || slices.Contains(only, point.Name) {
			p.points = append(p.points, &pointState{Point: point})
		}
	}
	return p
}

// next gives a process of the first role that has any work left its target: the
// failpoint that is furthest behind. As long as failpoints of the list's reader
// are left, no dialer that may become it lives without a target, so these are
// given more often than needed.
func (p *plan) next(of ...role) (t target, given bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range of {
		if s := p.furthestBehind(r); s != nil && s.Killed+s.alive < p.times {
			return p.give(s), true
		}
	}
	if slices.Contains(of, listReader) {
		if s := p.furthestBehind(listReader); s != nil {
			return p.give(s), true
		}
	}
	if s := p.find(led); s != nil && s.alive > 0 && p.find(leads) != nil && !p.stopped {
		return p.give(s), true // more often than needed
	}
	return target{}, false
}

// furthestBehind is the failpoint with the fewest kills, done or under way, among the
// role's failpoints that have killed too seldom; or nil.
func (p *plan) furthestBehind(r role) (least *pointState) {
	for _, s := range p.points {
		if roleOf(s.Name) != r || p.stopped || s.Killed >= p.times {
			continue
		}
		if least == nil || s.Killed+s.alive < least.Killed+least.alive {
			least = s
		}
	}
	return least
}

// give makes the failpoint a process's target. While one process waits at led, the others
// die at leads.
func (p *plan) give(s *pointState) target {
	if lead := p.find(leads); lead != nil && s.Name == led && s.alive > 0 {
		s = lead
	}
	s.Given++
	s.alive++
	p.given++
	return target{
		point: s.Name, hit: 1 + p.random.IntN(cmp.Or(maxHits[s.Name], maxHits[areaOf(s.Name)], 1)),
		file: filepath.Join(p.folder, fmt.Sprintf("%04d-%s", p.given, s.Name)),
	}
}

// find is the failpoint of this name, or nil if it is not in the plan.
func (p *plan) find(name string) *pointState {
	if i := slices.IndexFunc(p.points, func(s *pointState) bool { return s.Name == name }); i >= 0 {
		return p.points[i]
	}
	return nil
}

// env are the variables that give a process its target.
func (t target) env() []string {
	if t.point == "" {
		return nil
	}
	return []string{fmt.Sprintf("FAILPOINT=%s %d kill", t.point, t.hit), "FAILPOINT_LOG=" + t.file}
}

// ended counts the process if it killed itself at its target.
func (p *plan) ended(t target, exit fleet.Exit) (counted bool) {
	if t.point == "" {
		return false
	}
	counted = !exit.Killed && exit.State != nil && bySIGKILL(exit.State) && t.reached(exit.State.Pid())
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.find(t.point)
	s.alive--
	if counted {
		s.Killed++
		p.last = time.Now()
	}
	return counted
}

func bySIGKILL(state *os.ProcessState) bool {
	status, ok := state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// reached reports whether the process itself logged the hit.
func (t target) reached(pid int) bool {
	log, err := os.ReadFile(t.file)
	return err == nil && slices.Contains(strings.Split(string(log), "\n"), fmt.Sprintf("%d %s %d", pid, t.point, t.hit))
}

// progress is how many kills there were, how many are wanted, and how long ago
// the last one was.
func (p *plan) progress() (killed, wanted int, idle time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.points {
		killed += min(s.Killed, p.times)
	}
	return killed, p.times * len(p.points), time.Since(p.last)
}

// stop gives no more targets.
func (p *plan) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
}

func (p *plan) fail(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures = append(p.failures, text)
}

// pointsOf is how many failpoints the role has.
func (p *plan) pointsOf(r role) (n int) {
	for _, s := range p.points {
		if roleOf(s.Name) == r {
			n++
		}
	}
	return n
}

// result is the state of each failpoint, and everything that is wrong.
func (p *plan) result() (points []pointState, broken []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	broken = slices.Clone(p.failures)
	for _, s := range p.points {
		points = append(points, *s)
		if s.Killed < p.times {
			broken = append(broken, fmt.Sprintf("failpoint %s was hit %d times, not %d", s.Name, s.Killed, p.times))
		}
	}
	return points, broken
}
