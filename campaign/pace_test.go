package campaign

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// fleet draws what a fleet does with one budget, by a clock of its own.
type paceFleet struct {
	pace      Pace
	now       time.Time
	perSecond float64
	held      []Slot // leased and not used yet
	used      []Use  // not reported yet
	arrivals  []time.Time
}

func newPaceFleet(perSecond float64) *paceFleet {
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	return &paceFleet{pace: Pace{Next: start, Factor: 1}, now: start, perSecond: perSecond}
}

func (f *paceFleet) lease(n int, u Urgency) {
	l, _ := f.pace.Lease(f.now, Creates, Ask{PerSecond: f.perSecond, N: n, Urgency: u, Used: f.used})
	f.held, f.used = append(f.held, l.Slots...), nil
}

// use sends the first request whose slot may still be used, late and over a
// way that is uneven, and reports on it, or loses the report, or dies first.
func (f *paceFleet) use(late, way time.Duration, fate string) {
	if len(f.held) == 0 {
		return
	}
	s := f.held[0]
	f.held = f.held[1:]
	written := s.At.Add(late)
	if written.Before(f.now) {
		written = f.now
	}
	if fate == "died" || !written.Before(s.At.Add(PermitLife)) {
		return
	}
	arrived := written.Add(way)
	f.arrivals = append(f.arrivals, arrived)
	f.now = latest(f.now, arrived)
	if fate == "reported" {
		f.used = append(f.used, Use{Slot: s, Arrived: arrived})
	}
}

// most is the largest number of arrivals in any span.
func most(times []time.Time, span time.Duration) int {
	slices.SortFunc(times, time.Time.Compare)
	n, first := 0, 0
	for i, t := range times {
		for t.Sub(times[first]) >= span {
			first++
		}
		n = max(n, i-first+1)
	}
	return n
}

// Whatever becomes of slots, and whatever is reported of them: no sliding
// second at Vonage holds more requests than the rate.
func TestNoSlidingSecondHoldsMoreThanTheRate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := newPaceFleet(rapid.SampledFrom([]float64{0.4, 1, 2.5, 3, 15, 40, 513, 1300.5}).Draw(t, "rate"))
		milliseconds := func(most time.Duration, what string) time.Duration {
			return time.Duration(rapid.Int64Range(0, int64(most/time.Microsecond)).Draw(t, what)) * time.Microsecond
		}
		use := func(t *rapid.T) {
			f.use(milliseconds(2*PermitLife, "late"), milliseconds(UnheardMost, "way"),
				rapid.SampledFrom([]string{"reported", "reported", "lost", "died"}).Draw(t, "fate"))
		}
		t.Repeat(map[string]func(*rapid.T){
			"lease": func(t *rapid.T) {
				f.lease(rapid.IntRange(0, 20).Draw(t, "n"), Urgency(rapid.IntRange(0, 2).Draw(t, "urgency")))
			},
			"use": use,
			"spend": func(t *rapid.T) { // all there is, one after the other
				f.lease(20, Urgent)
				for range min(len(f.held), 20) {
					use(t)
				}
			},
			"unused": func(*rapid.T) {
				if len(f.held) > 0 {
					f.used, f.held = append(f.used, Use{Slot: f.held[0]}), f.held[1:]
				}
			},
			"pass": func(t *rapid.T) { f.now = f.now.Add(milliseconds(2*time.Second, "time")) },
			"slow": func(t *rapid.T) { f.pace.Factor = rapid.Float64Range(leastFactor, 1).Draw(t, "factor") },
		})
		turns, rest := turnsOf(f.perSecond)
		if n := most(f.arrivals, rest); n > turns {
			t.Fatalf("%d requests within %v, limit %v a second", n, rest, f.perSecond)
		}
	})
}

// The worst that a fleet can do: each turn is used as late as it may be, on the
// slowest way, and next as early as it may be, on the quickest.
func TestATurnRestsHoweverLateItWasUsed(t *testing.T) {
	t.Parallel()
	for _, perSecond := range []float64{0.4, 1, 2.5, 3, 15, 40} {
		for _, fate := range []string{"reported", "lost"} {
			f, uses := newPaceFleet(perSecond), map[int]int{}
			for end := f.now.Add(time.Minute); f.now.Before(end); f.now = f.now.Add(5 * time.Millisecond) {
				f.lease(20, Urgent)
				for len(f.held) > 0 {
					turn := f.held[0].Turn
					if uses[turn]++; uses[turn]%2 == 1 {
						f.use(PermitLife-time.Microsecond, UnheardMost, fate)
					} else {
						f.use(0, 0, fate)
					}
				}
			}
			turns, rest := turnsOf(perSecond)
			if n := most(f.arrivals, rest); n > turns || len(f.arrivals) < 2*turns {
				t.Errorf("%v a second, %s: %d of %d requests within %v", perSecond, fate, n, len(f.arrivals), rest)
			}
		}
	}
}

// steady has somebody want slots all the time and counts what each gets.
func steady(perSecond float64, budget Budget, wants ...Urgency) (got map[Urgency]int, slots int) {
	f := newPaceFleet(perSecond)
	got = map[Urgency]int{}
	end := f.now.Add(20 * time.Second)
	for ; f.now.Before(end); f.now = f.now.Add(5 * time.Millisecond) {
		for _, u := range wants {
			l, _ := f.pace.Lease(f.now, budget, Ask{PerSecond: perSecond, N: 5, Urgency: u, Used: f.used})
			f.used = nil
			got[u] += len(l.Slots)
			slots += len(l.Slots)
			for _, s := range l.Slots {
				f.used = append(f.used, Use{Slot: s, Arrived: s.At.Add(time.Millisecond)})
			}
		}
	}
	return got, slots
}

func TestTheMoreUrgentComesFirstInTheFleet(t *testing.T) {
	t.Parallel()
	for _, perSecond := range []float64{3, 30} {
		got, all := steady(perSecond, Creates, Ordinary, Prompt, Urgent)
		if first := 3 * int(perSecond); got[Prompt]+got[Ordinary] > first || float64(all) < 0.98*20*perSecond {
			t.Errorf("%v a second: of %d slots got %v; want nearly all for what is urgent", perSecond, all, got)
		}
		got, all = steady(perSecond, Creates, Ordinary, Prompt)
		if first := 3 * int(perSecond); got[Ordinary] > first || float64(all) < 0.98*20*perSecond {
			t.Errorf("%v a second: of %d slots got %v; want nearly all for the retries", perSecond, all, got)
		}
	}
}

// A flood of hang-ups leaves a fifth of the requests to reconciliation, which
// leaves the rest to them.
func TestReconciliationKeepsItsFloor(t *testing.T) {
	t.Parallel()
	got, all := steady(15, Requests, Urgent, Ordinary)
	if floor := got[Ordinary]; floor < all/6 || floor > all/4 {
		t.Errorf("of %d slots %v were given; want a fifth for what is ordinary", all, got)
	}
	for _, alone := range []Urgency{Urgent, Ordinary} {
		if _, all := steady(15, Requests, alone); float64(all) < 0.98*20*15 {
			t.Errorf("urgency %d alone got %d slots in 20 s, want nearly 300", alone, all)
		}
	}
}

func TestLeaseIsShortAndNear(t *testing.T) {
	t.Parallel()
	for rate, want := range map[float64]int{0.2: 1, 3: 1, 10: 2, 100: 20} {
		f := newPaceFleet(rate)
		f.lease(1000, Ordinary)
		if len(f.held) != want {
			t.Errorf("rate %v: a lease of %d slots, want %d", rate, len(f.held), want)
		}
		for range 100 {
			f.lease(1000, Urgent)
		}
		if ahead := f.held[len(f.held)-1].At.Sub(f.now); ahead > nearest+2*precedence {
			t.Errorf("rate %v: a slot was leased %v before its moment", rate, ahead)
		}
	}
}

// The clock of a database that takes over may be behind.
func TestSlotsGoOnWhenTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	for _, back := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour} {
		f := newPaceFleet(3)
		f.lease(3, Ordinary)
		f.now = f.now.Add(-back)
		l, _ := f.pace.Lease(f.now, Creates, Ask{PerSecond: 3, N: 3})
		if l.Again.Sub(f.now) > 2*time.Second {
			t.Errorf("set back by %v: the next slot is %v away", back, l.Again.Sub(f.now))
		}
	}
}
