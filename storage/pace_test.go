package storage_test

import (
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
)

func askLease(t *testing.T, db *testkit.DB, budget campaign.Budget, ask campaign.Ask) campaign.Lease {
	t.Helper()
	l, err := db.LeaseSlots(t.Context(), budget, ask)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// leaseOne takes the budget's next slot.
func leaseOne(t *testing.T, db *testkit.DB, perSecond float64) campaign.Slot {
	t.Helper()
	l := askLease(t, db, campaign.Creates, campaign.Ask{PerSecond: perSecond, N: 1})
	if len(l.Slots) != 1 {
		t.Fatalf("%d slots, want one", len(l.Slots))
	}
	return l.Slots[0]
}

// Whoever leases, and however many at once: no sliding second holds more slots
// than the rate, and none is given twice.
func TestLeasedSlotsNeverExceedTheRate(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	for _, rate := range []float64{0.5, 1, 7.5, 30, 100} {
		db.Exec(t, `UPDATE pace SET turns = '{}', next_slot = now()`)
		var mu sync.Mutex
		var slots []time.Time
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() {
				for range 15 {
					l, err := db.LeaseSlots(t.Context(), campaign.Creates, campaign.Ask{PerSecond: rate, N: 40})
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					for _, s := range l.Slots {
						slots = append(slots, s.At)
					}
					mu.Unlock()
				}
			})
		}
		callers.Wait()
		slices.SortFunc(slots, time.Time.Compare)
		turns := max(1, int(rate))
		rest := time.Duration(float64(turns) / rate * float64(time.Second))
		for i := turns; i < len(slots); i++ {
			if gap := slots[i].Sub(slots[i-turns]); gap < rest {
				t.Fatalf("rate %v: %d slots within %s", rate, turns+1, gap)
			}
		}
		if len(slots) == 0 {
			t.Errorf("rate %v: no slot was leased", rate)
		}
	}
}

func TestRateThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	for _, rate := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := db.LeaseSlots(t.Context(), campaign.Creates, campaign.Ask{PerSecond: rate, N: 1}); err == nil {
			t.Errorf("a rate of %v was leased", rate)
		}
	}
	if _, err := db.LeaseSlots(t.Context(), "nonsense", campaign.Ask{PerSecond: 1, N: 1}); err == nil {
		t.Error("an unknown budget was leased")
	}
}

// What is stored and read back is still the lease that was reported on.
func TestReportFreesTheTurn(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	const rate = 1
	s := leaseOne(t, db, rate)
	used := campaign.Use{Slot: s, Arrived: s.At.Add(2 * time.Millisecond)}
	askLease(t, db, campaign.Creates, campaign.Ask{PerSecond: rate, Used: []campaign.Use{used}})
	free := testkit.Value[time.Time](t, db, `SELECT turns[1] FROM pace WHERE budget = 'creates'`)
	if rested := free.Sub(used.Arrived); rested < time.Second || rested > time.Second+10*time.Millisecond {
		t.Errorf("the turn rests for %s after its request arrived, want a second", rested)
	}
	askLease(t, db, campaign.Creates, campaign.Ask{PerSecond: rate, Used: []campaign.Use{{Slot: s}}})
	if again := testkit.Value[time.Time](t, db, `SELECT turns[1] FROM pace WHERE budget = 'creates'`); !again.Equal(free) {
		t.Errorf("a second report on the same lease moved the turn from %s to %s", free, again)
	}
	if other := askLease(t, db, campaign.Requests, campaign.Ask{PerSecond: rate, N: 1}); len(other.Slots) != 1 {
		t.Error("the other budget's turn is taken too")
	}
}

func TestLeaseSaysWhen(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	before := time.Now()
	l := askLease(t, db, campaign.Creates, campaign.Ask{PerSecond: 1, N: 1})
	now, err := db.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if l.Sent.Before(before) || l.Received.Before(l.Sent) || l.Received.After(time.Now()) {
		t.Errorf("the clock was read between %s and %s, asked after %s", l.Sent, l.Received, before)
	}
	if l.Now.After(now) || now.Sub(l.Now) > 10*time.Second || l.Slots[0].At.Before(l.Now) {
		t.Errorf("the lease says that it is %s and its slot at %s, the database %s", l.Now, l.Slots[0].At, now)
	}
}

func TestSlowDownHalvesAndRecovers(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	const rate = 100
	whole := askLease(t, db, campaign.Creates, campaign.Ask{PerSecond: rate}).Apart
	step := func() float64 {
		t.Helper()
		l := askLease(t, db, campaign.Creates, campaign.Ask{PerSecond: rate})
		return float64(l.Apart) / float64(whole) // 1 at full pace
	}
	age := func(d time.Duration) { db.Exec(t, `UPDATE pace SET factor_at = factor_at - $1::interval`, d) }
	slow := func() { t.Helper(); check(t, db.SlowDown(t.Context(), campaign.Creates)) }
	near := func(what string, want float64) {
		t.Helper()
		if got := step(); got < want*0.93 || got > want*1.01 {
			t.Errorf("%s: a step of %.3f of the usual, want %.3f", what, got, want)
		}
	}
	near("at first", 1)
	slow()
	slow() // within a second of the first
	near("slowed down", 2)
	age(30 * time.Second)
	near("half a minute later", 1/0.75)
	age(31 * time.Second)
	near("a minute later", 1)
	for range 8 {
		slow()
		age(1100 * time.Millisecond)
	}
	if got := step(); got > 16 || got < 8 {
		t.Errorf("after many refusals a step is %.1f times the usual, want up to 16", got)
	}
}
