package benchtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// CPU is the processor time that this process, Postgres and Redis have used, in user mode
// and in the kernel. It also grows when other programs run, because they share the
// caches, but about equally for all measurements of one run. A throughput means nothing
// then.
type CPU struct{ Go, Postgres, Redis time.Duration }

// Sub is the time used between two readings.
func (c CPU) Sub(before CPU) CPU {
	return CPU{c.Go - before.Go, c.Postgres - before.Postgres, c.Redis - before.Redis}
}

// Add is the sum of two.
func (c CPU) Add(d CPU) CPU { return CPU{c.Go + d.Go, c.Postgres + d.Postgres, c.Redis + d.Redis} }

// Total is what all three used.
func (c CPU) Total() time.Duration { return c.Go + c.Postgres + c.Redis }

// Report reports microseconds per one of n: for all programs, and for each.
func (c CPU) Report(b *testing.B, name string, n float64) {
	for of, used := range map[string]time.Duration{
		"": c.Total(), "-go": c.Go, "-postgres": c.Postgres, "-redis": c.Redis,
	} {
		b.ReportMetric(float64(used.Microseconds())/n, name+of+"-cpu-us")
	}
}

// Meter reads the processor time of this process, and of servers that no other program
// uses meanwhile.
type Meter struct {
	postmaster int                  // 0: there is no Postgres
	redis      func() time.Duration // nil: there is no Redis
}

// NewMeter returns a meter of this process, of the Postgres one of whose processes
// is backend (0: none), and of the Redis whose time is read by redis (nil: none).
// A Postgres whose processes are not visible here, because it runs elsewhere or in a
// container, counts as none.
func NewMeter(backend int, redis func() time.Duration) *Meter {
	m := &Meter{redis: redis}
	if server, err := readStat(backend); err == nil && server.name == "postgres" {
		m.postmaster = server.parent
	}
	return m
}

// Read reads the time used so far.
func (m *Meter) Read(b *testing.B) (used CPU) {
	b.Helper()
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		b.Fatal(err)
	}
	used.Go = time.Duration(own.Utime.Nano() + own.Stime.Nano())
	if m.postmaster != 0 {
		var err error
		if used.Postgres, err = treeTime(m.postmaster); err != nil {
			b.Fatal(err)
		}
	}
	if m.redis != nil {
		used.Redis = m.redis()
	}
	return used
}

// stat is the data of a process in /proc.
type stat struct {
	name       string
	parent     int
	own, ended time.Duration // of the process, and of its children that have ended
}

// tick is the kernel's unit.
const tick = 10 * time.Millisecond

func readStat(pid int) (s stat, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return s, err
	}
	name, rest, _ := strings.Cut(string(text), ") ") // the name may have blanks
	_, s.name, _ = strings.Cut(name, "(")
	fields := strings.Fields(rest)
	if len(fields) < 15 {
		return s, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	number := func(i int) (n int) {
		n, e := strconv.Atoi(fields[i])
		if e != nil {
			err = e
		}
		return n
	}
	s.parent = number(1)
	s.own = time.Duration(number(11)+number(12)) * tick
	s.ended = time.Duration(number(13)+number(14)) * tick
	return s, err
}

// treeTime is the time of a process and its children, also of those that have
// ended.
func treeTime(root int) (sum time.Duration, err error) {
	of, err := readStat(root)
	if err != nil {
		return 0, err
	}
	sum = of.own + of.ended
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	for _, dir := range all {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			return 0, err
		}
		if s, err := readStat(pid); err == nil && s.parent == root { // an error: it has ended meanwhile
			sum += s.own
		}
	}
	return sum, nil
}
