package jobs

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"dialer/campaign"
)

// answering has the answers of one time take long.
type answering struct {
	*memoryPace
	slow        func() bool
	there, back time.Duration
}

func (a *answering) LeaseSlots(ctx context.Context, b campaign.Budget, ask campaign.Ask) (campaign.Lease, error) {
	if !a.slow() {
		return a.memoryPace.LeaseSlots(ctx, b, ask)
	}
	sent := time.Now()
	time.Sleep(a.there)
	l, err := a.lease(b, ask)
	time.Sleep(a.back)
	l.Sent, l.Received = sent, time.Now()
	return l, err
}

// However slow the first answers are, or those for a while: no second holds too
// many, and the rate is used again afterwards.
func TestSlowAnswersOfTheDatabaseArePassedOver(t *testing.T) {
	t.Parallel()
	ms := time.Millisecond
	for _, perSecond := range []float64{0.5, 1, 2, 3, 4, 6, 30} {
		for _, way := range [][2]time.Duration{{100 * ms, 100 * ms}, {215 * ms, 215 * ms}, {0, 250 * ms}, {0, 600 * ms}, {600 * ms, 0}, {900 * ms, 900 * ms}} {
			for _, slow := range []int{1, 10} { // answers
				for _, since := range []time.Duration{0, time.Minute} {
					synctest.Test(t, func(t *testing.T) {
						begun, asked := time.Now(), 0
						store := &answering{memoryPace: newMemoryPace(), there: way[0], back: way[1]}
						store.slow = func() bool {
							if time.Since(begun) >= since {
								asked++
							}
							return time.Since(begun) >= since && asked <= slow
						}
						p := startPacer(t.Context(), t, store, perSecond)
						var log sent
						callers(t.Context(), t, p, 4, &log)
						time.Sleep(since + time.Minute)
						again := time.Now()
						time.Sleep(2 * time.Minute)
						if got, want := log.between(again, time.Now()), int(0.9*120*perSecond); got < want {
							t.Errorf("%v a second, %d answers of %v after %v: %d requests in two minutes, want at least %d", perSecond, slow, way, since, got, want)
						}
						if got := log.mostInASecond(); got > max(1, int(perSecond)) {
							t.Errorf("%v a second, %d answers of %v after %v: %d requests in a second", perSecond, slow, way, since, got)
						}
					})
				}
			}
		}
	}
}

// One that is far away is believed after a while.
func TestADatabaseFarAwayIsBelievedInTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newMemoryPace()
		store.delay = func() time.Duration { return 60*time.Millisecond + rand.N(5*time.Millisecond) }
		p := startPacer(t.Context(), t, store, 3)
		var log sent
		callers(t.Context(), t, p, 4, &log)
		time.Sleep(20 * time.Second)
		from := time.Now()
		time.Sleep(time.Minute)
		if got := log.between(from, time.Now()); got < 170 {
			t.Errorf("%d requests in a minute, want at least 170 of 180", got)
		}
		if got := log.mostInASecond(); got > 3 {
			t.Errorf("%d requests in a second", got)
		}
	})
}

// A report that did not come through is made again: else its turn would rest
// as if its process had died.
func TestALostReportIsMadeAgain(t *testing.T) {
	t.Parallel()
	p := NewPacer(newMemoryPace(), campaign.Creates, 3, slog.New(slog.DiscardHandler))
	store := p.store.(*memoryPace)
	store.delay = func() time.Duration { return 0 }
	slots := make(chan leasedSlot, slotsAhead)
	_, err := p.lease(t.Context(), campaign.Ordinary, 1, slots)
	if err != nil {
		t.Fatal(err)
	}
	used := &use{slot: (<-slots).slot}
	p.written(used, time.Now())
	for range few { // answers by which this one was late
		p.answers.observe(time.Now(), time.Millisecond)
	}
	p.done(used, time.Now().Add(300*time.Millisecond))
	store.setDown(true)
	for range 200 {
		if _, err := p.lease(t.Context(), campaign.Ordinary, 0, slots); err == nil {
			t.Fatal("a database that is down answered")
		}
		if p.answers.debt > campaign.UnheardMost {
			t.Fatalf("one request's lateness is counted as %v", p.answers.debt)
		}
	}
	store.setDown(false)
	if _, err := p.lease(t.Context(), campaign.Ordinary, 0, slots); err != nil {
		t.Fatal(err)
	}
	if free := store.paces[campaign.Creates].Free[used.slot.Turn]; !free.Before(used.slot.Free) {
		t.Errorf("the turn is free at %v, as if nothing had been heard", free)
	}
}
