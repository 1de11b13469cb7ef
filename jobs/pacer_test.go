package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dialer/campaign"
	"dialer/voice"
)

// sent is the log of requests as Vonage would see them.
type sent struct {
	mu    sync.Mutex
	times []time.Time
}

func (s *sent) add(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.times = append(s.times, t)
}

func (s *sent) between(from, to time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, t := range s.times {
		if !t.Before(from) && t.Before(to) {
			n++
		}
	}
	return n
}

// mostInASecond is the largest number of requests in any sliding second.
func (s *sent) mostInASecond() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortFunc(s.times, time.Time.Compare)
	most, first := 0, 0
	for i, t := range s.times {
		for t.Sub(s.times[first]) >= time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// rate is how many requests a second were sent from the first to the last.
func (s *sent) rate() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortFunc(s.times, time.Time.Compare)
	n := len(s.times)
	return float64(n-1) / s.times[n-1].Sub(s.times[0]).Seconds()
}

// callers sends with the pacer's permits from n goroutines until ctx or the
// test ends, each time passing a gate that takes a while first, as the placer
// does.
func callers(ctx context.Context, t *testing.T, p *Pacer, n int, log *sent) {
	callersOver(ctx, t, p, n, log, way{})
}

// way is how unevenly requests reach Vonage.
type way struct {
	write  time.Duration // from the moment to the write, at most
	there  time.Duration // from the write to Vonage, at least
	uneven time.Duration // and how much more, at most; half of them take no more
}

func callersOver(ctx context.Context, t *testing.T, p *Pacer, n int, log *sent, w way) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for ctx.Err() == nil {
				_ = sendOne(ctx, p, log, w)
			}
		})
	}
	t.Cleanup(func() { cancel(); wg.Wait() })
}

func sendOne(ctx context.Context, p *Pacer, log *sent, w way) error {
	permit, err := p.Wait(ctx, campaign.Ordinary)
	if err != nil {
		return err
	}
	time.Sleep(rand.N(20 * time.Millisecond)) // the gate
	held := &turn{Permit: permit}
	until, err := held.Hold(ctx)
	if err != nil {
		held.Done(time.Time{}, 0)
		return err
	}
	time.Sleep(upTo(w.write))
	if time.Now().After(until) {
		held.Done(time.Time{}, 0)
		return voice.ErrMissed
	}
	held.Written(time.Now())
	time.Sleep(w.there + upTo(w.uneven)*rand.N[time.Duration](2))
	log.add(time.Now())
	time.Sleep(w.there)
	held.Done(time.Now(), 201)
	return nil
}

func upTo(d time.Duration) time.Duration { return rand.N(d + 1) }

// startPacer runs a pacer until ctx or the test ends.
func startPacer(ctx context.Context, t *testing.T, store PaceStore, perSecond float64) *Pacer {
	ctx, cancel := context.WithCancel(ctx)
	p := NewPacer(store, campaign.Creates, perSecond, slog.New(slog.DiscardHandler))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return p
}

// However late requests are written and however unevenly they arrive, within
// what the pace allows for: no sliding second at Vonage holds more than the
// rate, and the fleet uses what lateness leaves of it.
func TestFleetUsesTheWholeRateAndNeverMore(t *testing.T) {
	t.Parallel()
	ways := []struct {
		name  string
		way   way
		share float64
	}{
		{"quiet", way{there: 2 * time.Millisecond}, 0.98},
		{"uneven", way{write: 10 * time.Millisecond, there: 40 * time.Millisecond, uneven: campaign.WayMost}, 0.95},
		{"busy", way{write: 40 * time.Millisecond, there: time.Millisecond, uneven: campaign.WayMost}, 0.9},
	}
	for _, perSecond := range []float64{1, 3, 30, 100} {
		for _, processes := range []int{1, 2, 4} {
			for _, w := range ways {
				t.Run(fmt.Sprintf("%v a second, %d processes, %s", perSecond, processes, w.name), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
						defer cancel()
						store, log := newMemoryPace(), &sent{}
						for range processes {
							callersOver(ctx, t, startPacer(ctx, t, store, perSecond), max(8, int(perSecond)), log, w.way)
						}
						<-ctx.Done()
						synctest.Wait()

						if most := log.mostInASecond(); most > int(perSecond) {
							t.Errorf("%d requests in a sliding second, limit %v", most, perSecond)
						}
						if share := log.rate() / perSecond; share < w.share {
							t.Errorf("share of the rate used = %.4f, want at least %v", share, w.share)
						}
					})
				})
			}
		}
	}
}

func TestKilledPacerCostsOnlyItsLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const perSecond = 30
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		store, log := newMemoryPace(), &sent{}
		doomed, kill := context.WithCancel(ctx)
		callers(ctx, t, startPacer(doomed, t, store, perSecond), 60, log)
		callers(ctx, t, startPacer(ctx, t, store, perSecond), 60, log)

		time.Sleep(10 * time.Second)
		killed := time.Now()
		kill()
		<-ctx.Done()
		synctest.Wait()

		if n := log.between(killed, killed.Add(2*time.Second)); n < 0.8*2*perSecond {
			t.Errorf("%d requests in the two seconds after the kill, want nearly %d", n, 2*perSecond)
		}
		if most := log.mostInASecond(); most > perSecond {
			t.Errorf("%d requests in a sliding second, limit %d", most, perSecond)
		}
	})
}

func TestSlowDownHalvesThePaceAndItRecovers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const perSecond = 30
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
		defer cancel()
		store, log := newMemoryPace(), &sent{}
		p := startPacer(ctx, t, store, perSecond)
		callers(ctx, t, p, 60, log)

		time.Sleep(5 * time.Second)
		slowed := time.Now()
		p.SlowDown()
		<-ctx.Done()
		synctest.Wait()

		if n := log.between(slowed.Add(time.Second), slowed.Add(3*time.Second)); n < perSecond*8/10 || n > perSecond*12/10 {
			t.Errorf("%d requests in the two seconds after slowing down, want about %d", n, perSecond)
		}
		recovered := slowed.Add(65 * time.Second)
		if n := log.between(recovered, recovered.Add(10*time.Second)); n < 0.97*10*perSecond {
			t.Errorf("%d requests in ten seconds a minute later, want nearly %d", n, 10*perSecond)
		}
	})
}

func TestNoPermitWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const perSecond = 10
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
		defer cancel()
		store, log := newMemoryPace(), &sent{}
		callers(ctx, t, startPacer(ctx, t, store, perSecond), 20, log)

		time.Sleep(10 * time.Second)
		store.setDown(true)
		down := time.Now()
		time.Sleep(20 * time.Second)
		store.setDown(false)
		up := time.Now()
		<-ctx.Done()
		synctest.Wait()

		if n := log.between(down.Add(time.Second), up); n != 0 {
			t.Errorf("%d requests while the database was down", n)
		}
		back := up.Add(leaseRetryAt + time.Second)
		if n := log.between(back, back.Add(10*time.Second)); n < 0.97*10*perSecond {
			t.Errorf("%d requests in ten seconds after it came back, want nearly %d", n, 10*perSecond)
		}
	})
}

func TestStoppedProcessDoesNotUseItsOldPermit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := startPacer(t.Context(), t, newMemoryPace(), 10)
		permit, err := p.Wait(t.Context(), campaign.Ordinary)
		if err != nil {
			t.Fatal(err)
		}
		if err := permit.Hold(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !permit.Valid(time.Now()) {
			t.Error("the permit is not valid at its moment")
		}
		if permit.Valid(permit.at.Add(-time.Nanosecond)) {
			t.Error("the permit is valid before its moment")
		}
		time.Sleep(campaign.PermitLife)
		if permit.Valid(time.Now()) {
			t.Errorf("the permit is still valid %v after its moment", campaign.PermitLife)
		}
	})
}

func TestReturnedPermitGoesToWhoeverWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newMemoryPace()
		p := startPacer(t.Context(), t, store, 1)
		unused, err := p.Wait(t.Context(), campaign.Ordinary)
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan Permit)
		go func() {
			permit, err := p.Wait(t.Context(), campaign.Ordinary)
			if err != nil {
				t.Error(err)
			}
			got <- permit
		}()
		synctest.Wait()
		unused.Return()
		if permit := <-got; permit != unused {
			t.Errorf("the waiting caller got the permit for %v, want the one that was returned, for %v", permit.at, unused.at)
		}
	})
}

func TestUrgentCallerIsServedFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := startPacer(t.Context(), t, newMemoryPace(), 10)
		ctx := t.Context()
		callers(ctx, t, p, 20, &sent{})
		time.Sleep(time.Second)
		for name, ask := range map[string]func() error{
			"past the gate": func() error { _, err := p.wait(ctx, gated); return err },
			"a reminder":    func() error { _, err := p.Wait(ctx, campaign.Urgent); return err },
			"ThrottleFirst": func() error { _, err := p.ThrottleFirst(ctx); return err },
		} {
			asked := time.Now()
			if err := ask(); err != nil {
				t.Fatal(err)
			}
			if waited := time.Since(asked); waited > 250*time.Millisecond {
				t.Errorf("%s waited %v behind others, want the next permit", name, waited)
			}
		}
	})
}

func TestNothingIsLeasedWhileNobodyWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newMemoryPace()
		p := startPacer(t.Context(), t, store, 100)
		time.Sleep(10 * time.Second)
		if n := store.leaseCount(); n != 0 {
			t.Errorf("%d leases and nobody waits", n)
		}
		for range 5 {
			turn, err := p.Throttle(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := turn.Hold(t.Context()); err != nil {
				t.Fatal(err)
			}
			turn.Written(time.Now())
			turn.Done(time.Now(), 200)
		}
		time.Sleep(10 * time.Second)
		if n := store.leaseCount(); n != 5 {
			t.Errorf("%d leases for five requests one after the other", n)
		}
	})
}
