package pace

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"dialer/campaign"

	"pgregory.net/rapid"
)

var epoch = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// fleet is processes that share one budget, on a clock of its own.
type fleet struct {
	state     state
	now       time.Time
	perSecond float64
	held      []slot // leased and not used yet
	reports   []report
	arrivals  []time.Time
}

func newFleet(perSecond float64) *fleet {
	return &fleet{state: state{ReducedTo: 1}, now: epoch, perSecond: perSecond}
}

func (f *fleet) lease(n int, p Class) {
	q := question{budget: campaign.CallsBudget, perSecond: f.perSecond, reports: f.reports}
	q.wanted[p] = n
	leased := f.state.lease(f.now, q)
	f.held, f.reports = append(f.held, leased...), nil
}

// use sends a request with the first slot, if it is still good. The request is
// late, is under way for some time, and its report is made, lost or never made.
func (f *fleet) use(late, transit time.Duration, fate string, refused bool) {
	if len(f.held) == 0 {
		return
	}
	s := f.held[0]
	f.held = f.held[1:]
	written := latest(f.now, s.at.Add(late))
	if fate == "killed before" || !written.Before(s.at.Add(permitLife)) {
		return
	}
	arrived := written.Add(transit)
	f.arrivals = append(f.arrivals, arrived)
	f.now = latest(f.now, arrived)
	if fate == "made" {
		f.reports = append(f.reports, report{slot: s, arrived: arrived, sent: written, answered: arrived, refused: refused})
	}
}

// most is the largest number of times in any span.
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

// However slots are used, reported and answered, any sliding second at Vonage has at most
// as many requests as the rate.
func TestSlidingSecondNeverExceedsTheRate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := newFleet(rapid.SampledFrom([]float64{0.4, 1, 2.5, 3, 15, 40, 513, 1300.5}).Draw(t, "rate"))
		upTo := func(most time.Duration, what string) time.Duration {
			return time.Duration(rapid.Int64Range(0, int64(most/time.Microsecond)).Draw(t, what)) * time.Microsecond
		}
		use := func(t *rapid.T) {
			f.use(upTo(2*permitLife, "late"), upTo(unreported, "transit"),
				rapid.SampledFrom([]string{"made", "made", "made", "lost", "killed before"}).Draw(t, "report"), rapid.Bool().Draw(t, "refused"))
		}
		t.Repeat(map[string]func(*rapid.T){
			"lease": func(t *rapid.T) {
				f.lease(rapid.IntRange(0, 20).Draw(t, "n"), Class(rapid.IntRange(0, 2).Draw(t, "class")))
			},
			"use": use,
			"use all": func(t *rapid.T) {
				f.lease(20, First)
				for range min(len(f.held), 20) {
					use(t)
				}
			},
			"give back": func(*rapid.T) {
				if len(f.held) > 0 {
					f.reports, f.held = append(f.reports, report{slot: f.held[0]}), f.held[1:]
				}
			},
			"wait": func(t *rapid.T) { f.now = f.now.Add(upTo(2*time.Second, "time")) },
		})
		slots, rest, _ := slotsAt(1, f.perSecond)
		if n := most(f.arrivals, rest); n > slots {
			t.Fatalf("%d requests within %v, limit %v a second", n, rest, f.perSecond)
		}
	})
}

// The worst case: each slot is used as late as possible with the slowest
// transit, and next as early as possible with the quickest.
func TestSlotWorstCase(t *testing.T) {
	t.Parallel()
	for _, perSecond := range []float64{0.4, 1, 2.5, 3, 15, 40} {
		for _, report := range []string{"made", "lost"} {
			f, uses := newFleet(perSecond), map[int]int{}
			for end := f.now.Add(time.Minute); f.now.Before(end); f.now = f.now.Add(5 * time.Millisecond) {
				f.lease(20, First)
				for len(f.held) > 0 {
					i := f.held[0].index
					if uses[i]++; uses[i]%2 == 1 {
						f.use(permitLife-time.Microsecond, unreported, report, false)
					} else {
						f.use(0, 0, report, false)
					}
				}
			}
			slots, rest, _ := slotsAt(1, perSecond)
			if n := most(f.arrivals, rest); n > slots || len(f.arrivals) < 2*slots {
				t.Errorf("%v a second, report %s: %d of %d requests within %v", perSecond, report, n, len(f.arrivals), rest)
			}
		}
	}
}

// compete has one process for each class want slots for 20 s. It returns how
// many each gets.
func compete(perSecond float64, budget campaign.Budget, wants ...Class) (got [classes]int, all int) {
	f := newFleet(perSecond)
	for end := f.now.Add(20 * time.Second); f.now.Before(end); f.now = f.now.Add(5 * time.Millisecond) {
		for _, p := range wants {
			q := question{budget: budget, perSecond: perSecond, reports: f.reports}
			q.wanted[p], f.reports = 5, nil
			leased := f.state.lease(f.now, q)
			got[p] += len(leased)
			all += len(leased)
			for _, s := range leased {
				f.reports = append(f.reports, report{slot: s, arrived: s.at.Add(time.Millisecond)})
			}
		}
	}
	return got, all
}

func TestUrgentProcessesLeaseFirst(t *testing.T) {
	t.Parallel()
	for _, perSecond := range []float64{3, 30} {
		for _, wants := range [][]Class{{Last, Second, First}, {Last, Second}, {Last, First}} {
			got, all := compete(perSecond, campaign.CallsBudget, wants...)
			urgent := got[wants[len(wants)-1]]
			if others := all - urgent; others > 3*int(perSecond) || float64(all) < 0.98*20*perSecond {
				t.Errorf("%v a second among %v: %v of %d slots, want nearly all for the most urgent", perSecond, wants, got, all)
			}
		}
	}
}

// Many hang-ups leave a fifth of the requests to reconciliation and get the rest. Alone,
// each gets all requests.
func TestReconciliationFloor(t *testing.T) {
	t.Parallel()
	got, all := compete(15, campaign.RequestsBudget, First, Last)
	if got[Last] < all/6 || got[Last] > all/4 {
		t.Errorf("%v of %d slots, want a fifth for the last class", got, all)
	}
	for _, alone := range []Class{First, Last} {
		if _, all := compete(15, campaign.RequestsBudget, alone); float64(all) < 0.98*20*15 {
			t.Errorf("class %d alone got %d slots in 20 s, want nearly 300", alone, all)
		}
	}
}

// The floor also holds within one process.
func TestFloorWithinOneProcess(t *testing.T) {
	t.Parallel()
	f := newFleet(15)
	var got [classes]int
	for end := f.now.Add(20 * time.Second); f.now.Before(end); f.now = f.now.Add(60 * time.Millisecond) {
		leased := f.state.lease(f.now, question{
			budget: campaign.RequestsBudget, perSecond: 15, wanted: [classes]int{10, 0, 10}, reports: f.reports,
		})
		f.reports = nil
		for _, s := range leased {
			got[s.class]++
			f.reports = append(f.reports, report{slot: s, arrived: s.at})
		}
	}
	if all := got[First] + got[Last]; got[Last] < all/6 || got[Last] > all/4 {
		t.Errorf("%v of %d slots, want a fifth for the last class", got, all)
	}
}

func TestLeaseIsShort(t *testing.T) {
	t.Parallel()
	for perSecond, want := range map[float64]int{0.2: 1, 3: 1, 10: 3, 100: 23} {
		f := newFleet(perSecond)
		f.lease(1000, Last)
		if len(f.held) != want {
			t.Errorf("%v a second: a lease of %d slots, want %d", perSecond, len(f.held), want)
		}
		for range 100 {
			f.lease(1000, First)
		}
		if ahead := f.held[len(f.held)-1].at.Sub(f.now); ahead > lookahead+2*precedence {
			t.Errorf("%v a second: a slot was leased %v before its moment", perSecond, ahead)
		}
	}
}

// Slots that a killed process had leased are available to others after a while.
func TestLeaseOfKilledProcessExpires(t *testing.T) {
	t.Parallel()
	f := newFleet(3)
	for range 3 {
		f.lease(3, Last)
		f.now = f.now.Add(400 * time.Millisecond)
	}
	lost := len(f.held)
	f.held, f.now = nil, f.now.Add(3*time.Second)
	for range 3 {
		f.lease(3, Last)
		f.now = f.now.Add(400 * time.Millisecond)
	}
	if len(f.held) != lost || lost != 3 {
		t.Errorf("%d slots were lost, and 3 s later %d are leased", lost, len(f.held))
	}
}

// The clock of a database that takes over may be behind.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	for _, back := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour} {
		f := newFleet(3)
		f.lease(3, Last)
		f.now = f.now.Add(-back)
		f.lease(0, Last)
		f.now = f.now.Add(2 * time.Second)
		f.held = nil
		if f.lease(1, Last); len(f.held) != 1 {
			t.Errorf("set back by %v: no slot 2 s later", back)
		}
	}
}

func ExampleConfig() {
	for _, perSecond := range []float64{3, 2.5, 0.5, 2000} {
		slots, cooldown, apart := slotsAt(1, perSecond)
		fmt.Printf("%v a second: %d slots, each rests for %v, %v apart\n", perSecond, slots, cooldown, apart)
	}
	slots, cooldown, _ := slotsAt(0.5, 3)
	fmt.Printf("half of 3 a second: %d slots, each rests for %v\n", slots, cooldown)
	// Output:
	// 3 a second: 3 slots, each rests for 1s, 300ms apart
	// 2.5 a second: 2 slots, each rests for 800ms, 360ms apart
	// 0.5 a second: 1 slots, each rests for 2s, 1.8s apart
	// 2000 a second: 500 slots, each rests for 250ms, 450µs apart
	// half of 3 a second: 2 slots, each rests for 1.333334s
}
