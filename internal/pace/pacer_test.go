package pace

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dialer/campaign"
)

// arrivals are the requests as Vonage sees them.
type arrivals struct {
	mu    sync.Mutex
	times []time.Time
}

func (a *arrivals) add(t time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.times = append(a.times, t)
}

func (a *arrivals) between(from, to time.Time) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, t := range a.times {
		if !t.Before(from) && t.Before(to) {
			n++
		}
	}
	return n
}

// rate is how many requests a second came from the first to the last.
func (a *arrivals) rate() float64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	slices.SortFunc(a.times, time.Time.Compare)
	last := len(a.times) - 1
	return float64(last) / a.times[last].Sub(a.times[0]).Seconds()
}

func (a *arrivals) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.times = nil
}

func (a *arrivals) mostInASecond() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return most(a.times, time.Second)
}

// way describes how unevenly requests reach Vonage.
type way struct {
	write   time.Duration // from the moment to the write, at most
	transit time.Duration // from the write to Vonage, at least
	uneven  time.Duration // and how much more, at most; half of them take no more
}

// start runs a pacer until the test ends or ctx does.
func start(ctx context.Context, t *testing.T, store Store, perSecond float64) *Pacer {
	ctx, cancel := context.WithCancel(ctx)
	p := New(Config{Store: store, Budget: campaign.CallsBudget, PerSecond: perSecond, Log: slog.New(slog.DiscardHandler)})
	var wg sync.WaitGroup
	wg.Go(func() { p.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return p
}

// callers send with the pacer's permits, n at once, until ctx or the test ends.
func callers(ctx context.Context, t *testing.T, p *Pacer, n int, a *arrivals, w way) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for ctx.Err() == nil {
				_ = send(ctx, p, a, w)
			}
		})
	}
	t.Cleanup(func() { cancel(); wg.Wait() })
}

// send makes one request, and passes a gate that takes a while before.
func send(ctx context.Context, p *Pacer, a *arrivals, w way) error {
	permit, err := p.Wait(ctx, Last)
	if err != nil {
		return err
	}
	time.Sleep(rand.N(20 * time.Millisecond)) // the gate
	until, err := permit.Hold(ctx)
	if err != nil {
		permit.Done(time.Time{}, 0)
		return err
	}
	time.Sleep(rand.N(w.write + 1))
	if time.Now().After(until) {
		permit.Done(time.Time{}, 0)
		return errors.New("too late")
	}
	permit.Written(time.Now())
	time.Sleep(w.transit + rand.N(w.uneven+1)*rand.N[time.Duration](2))
	a.add(time.Now())
	time.Sleep(w.transit)
	permit.Done(time.Now(), 201)
	return nil
}

var quiet = way{transit: 2 * time.Millisecond}

// A request that opens legs takes a permit for each, spent before its own. The requests
// and their legs together use exactly the rate.
func TestLegsTakePermits(t *testing.T) {
	t.Parallel()
	for _, legs := range []int{1, 2, 5} {
		t.Run(fmt.Sprint(legs), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const perSecond = 12
				p, a := start(t.Context(), t, newMemory(), perSecond), &arrivals{}
				for range 20 {
					go func() {
						for t.Context().Err() == nil {
							permit, err := p.WaitWithLegs(t.Context(), Last, legs)
							if err != nil {
								return
							}
							if _, err = permit.Hold(t.Context()); err == nil {
								permit.Written(time.Now())
								a.add(time.Now())
							}
							permit.Done(time.Now(), 201)
						}
					}()
				}
				time.Sleep(5 * time.Second)
				a.forget()
				time.Sleep(30 * time.Second)
				want := perSecond / float64(1+legs)
				if got := a.rate(); got > want*1.01 || got < want*0.95 {
					t.Errorf("%.2f requests a second, want %.2f", got, want)
				}
				if c := p.Counts(); c.Waiting < 20 {
					t.Errorf("%d slots are wanted by 20 callers", c.Waiting)
				}
			})
		})
	}
}

// However late requests are written and however unevenly they arrive, within the pacer's
// limits, no sliding second has more than the rate, and the fleet uses the part that late
// requests leave.
func TestFleetUsesTheRate(t *testing.T) {
	t.Parallel()
	for _, perSecond := range []float64{1, 3, 30, 100} {
		for _, processes := range []int{1, 2, 4} {
			for _, test := range []struct {
				name  string
				way   way
				share float64
			}{
				{"quiet", quiet, 0.98},
				{"uneven", way{write: 10 * time.Millisecond, transit: 40 * time.Millisecond, uneven: maxLate}, 0.95},
				{"busy", way{write: 40 * time.Millisecond, transit: time.Millisecond, uneven: maxLate}, 0.9},
			} {
				t.Run(fmt.Sprintf("%v a second, %d processes, %s", perSecond, processes, test.name), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						store, a := newMemory(), &arrivals{}
						for range processes {
							callers(t.Context(), t, start(t.Context(), t, store, perSecond), max(8, int(perSecond)), a, test.way)
						}
						time.Sleep(5 * time.Second)
						a.forget()
						time.Sleep(30 * time.Second)
						if most := a.mostInASecond(); most > int(perSecond) {
							t.Errorf("%d requests in a sliding second, limit %v", most, perSecond)
						}
						if share := a.rate() / perSecond; share < test.share {
							t.Errorf("share of the rate used = %.4f, want at least %v", share, test.share)
						}
					})
				})
			}
		}
	}
}

func TestKilledProcessCostsItsLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const perSecond = 30
		store, a := newMemory(), &arrivals{}
		doomed, kill := context.WithCancel(t.Context())
		callers(doomed, t, start(doomed, t, deaf{store, doomed}, perSecond), 60, a, quiet)
		callers(t.Context(), t, start(t.Context(), t, store, perSecond), 60, a, quiet)
		time.Sleep(10 * time.Second)
		kill()
		killed := time.Now()
		time.Sleep(10 * time.Second)
		if n := a.between(killed, killed.Add(3*time.Second)); n < 0.8*3*perSecond {
			t.Errorf("%d requests in the three seconds after the kill, want nearly %d", n, 3*perSecond)
		}
		if n := a.between(killed.Add(3*time.Second), killed.Add(8*time.Second)); n < 0.98*5*perSecond {
			t.Errorf("%d requests in the five seconds after that, want nearly %d", n, 5*perSecond)
		}
		if most := a.mostInASecond(); most > perSecond {
			t.Errorf("%d requests in a sliding second, limit %d", most, perSecond)
		}
	})
}

// deaf is a store that a killed process can no longer reach.
type deaf struct {
	*memory
	alive context.Context
}

func (d deaf) LoadPace(ctx context.Context, b campaign.Budget) (campaign.Pace, time.Time, error) {
	if d.alive.Err() != nil {
		return campaign.Pace{}, time.Time{}, errDown
	}
	return d.memory.LoadPace(ctx, b)
}

func TestUrgentCallersAreServedFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := start(t.Context(), t, newMemory(), 10)
		callers(t.Context(), t, p, 20, &arrivals{}, quiet)
		time.Sleep(time.Second)
		for range 5 {
			begun := time.Now()
			permit, err := p.Wait(t.Context(), First)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := permit.Hold(t.Context()); err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(begun); waited > 500*time.Millisecond {
				t.Errorf("waited %v behind others, who wait for 2 s", waited)
			}
			permit.Return()
		}
	})
}

func TestIdlePacerLeasesNoSlots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		p := start(t.Context(), t, store, 100)
		time.Sleep(10 * time.Second)
		if loads, _ := store.counts(); loads != 0 {
			t.Errorf("%d loads and no caller waits", loads)
		}
		for range 5 {
			if err := send(t.Context(), p, &arrivals{}, quiet); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Second)
		if loads, saves := store.counts(); loads != 6 || saves != 6 {
			t.Errorf("%d loads and %d saves for five requests one after the other and the last report", loads, saves)
		}
	})
}

// A report that did not get through is made again. Otherwise the slot would
// rest as if its process had been killed.
func TestLostReportIsMadeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		p := start(t.Context(), t, store, 3)
		permit, err := p.Wait(t.Context(), Last)
		if err != nil {
			t.Fatal(err)
		}
		used := permit.slot
		store.setFixed(true)
		if _, err := permit.Hold(t.Context()); err != nil {
			t.Fatal(err)
		}
		permit.Written(time.Now())
		permit.Done(time.Now().Add(time.Millisecond), 201)
		time.Sleep(time.Second)
		store.setFixed(false)
		time.Sleep(maxFailedGap)
		row, _, err := store.LoadPace(t.Context(), campaign.CallsBudget)
		if err != nil {
			t.Fatal(err)
		}
		if at := row.AvailableAt[used.index]; !at.Before(used.expiry) || len(row.AcceptedAt) != 1 {
			t.Errorf("the slot is available at %v, as if it had not been reported; %d answers", at, len(row.AcceptedAt))
		}
	})
}

// The report waits for the answer, but not for long. A late answer is counted
// all the same.
func TestReportWithoutAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		p := start(t.Context(), t, store, 3)
		permit, err := p.Wait(t.Context(), Last)
		if err != nil {
			t.Fatal(err)
		}
		used := permit.slot
		if _, err := permit.Hold(t.Context()); err != nil {
			t.Fatal(err)
		}
		permit.Written(time.Now())
		time.Sleep(answerWait + time.Second)
		row, _, _ := store.LoadPace(t.Context(), campaign.CallsBudget)
		if at := row.AvailableAt[used.index]; !at.Before(used.expiry) || len(row.RefusedAt) != 0 {
			t.Errorf("the slot is available at %v, as if it had not been reported", at)
		}
		permit.Done(time.Now(), 429)
		time.Sleep(time.Second)
		if row, _, _ = store.LoadPace(t.Context(), campaign.CallsBudget); len(row.RefusedAt) != 1 {
			t.Errorf("%d refusals are counted, want 1", len(row.RefusedAt))
		}
	})
}

// Slots that come too soon after the last one cannot come from the row, but a clock that
// was set looks like it.
func TestLimiterSpacesRequests(t *testing.T) {
	t.Parallel()
	p := New(Config{PerSecond: 9})
	p.clock = clock{sent: epoch, received: epoch, database: epoch}
	apart, last := 100*time.Millisecond, epoch.Add(-time.Second)
	for _, at := range []time.Duration{0, 100, 200, 150, 260, 400, 450} {
		u := p.permit(slot{at: epoch.Add(at * time.Millisecond)})
		if gap := u.from.Sub(last); !u.from.Before(u.until) || gap < apart-time.Microsecond {
			t.Errorf("the slot at %d ms is used %v after the one before, want at least %v", at, gap, apart)
		}
		last = u.from
	}
}

// After a slot that lies far ahead, by a clock that was wrong, slots before it
// cannot be used. The next ones can.
func TestFarSlotDelaysNoOther(t *testing.T) {
	t.Parallel()
	p := New(Config{PerSecond: 3})
	p.clock = clock{sent: epoch, received: epoch, database: epoch}
	const step = 300 * time.Millisecond
	far := epoch.Add(time.Second)
	if u := p.permit(slot{at: far}); !u.from.Before(u.until) || !u.from.Equal(far) {
		t.Fatalf("the first slot is used at %v", u.from.Sub(epoch))
	}
	for at := epoch; at.Before(far); at = at.Add(step) {
		if u := p.permit(slot{at: at}); u.from.Before(u.until) {
			t.Errorf("the slot at %v is used at %v, after its end", at.Sub(epoch), u.from.Sub(epoch))
		}
	}
	if u := p.permit(slot{at: far.Add(step)}); !u.from.Before(u.until) || !u.from.Equal(far.Add(step)) {
		t.Errorf("the slot %v after the far one is used at %v", step, u.from.Sub(far))
	}
}
