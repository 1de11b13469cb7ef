package pace

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dialer/campaign"
)

// A process that was paused between the permit and the request takes another
// permit.
func TestMissedPermit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := start(t.Context(), t, newMemory(), 10)
		permit, err := p.Wait(t.Context(), Last)
		if err != nil {
			t.Fatal(err)
		}
		first := permit.until
		time.Sleep(time.Until(first)) // it is paused
		until, err := permit.Hold(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if now := time.Now(); !until.After(first) || now.Before(until.Add(-permitLife)) || !now.Before(until) {
			t.Errorf("at %v the permit is good from %v to %v", now, until.Add(-permitLife), until)
		}
		permit.Return()
		if c := p.Counts(); c.Given != 2 || c.Unused != 2 {
			t.Errorf("counted %+v, want 2 given and none used", c)
		}
	})
}

func TestHoldEndsAtItsDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		p := start(t.Context(), t, store, 10)
		permit, err := p.Wait(t.Context(), Last)
		if err != nil {
			t.Fatal(err)
		}
		store.setDown(true)
		time.Sleep(time.Until(permit.until))
		begun := time.Now()
		permit.SetDeadline(begun.Add(3 * time.Second))
		if _, err := permit.Hold(t.Context()); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != 3*time.Second {
			t.Errorf("held for %v: %v", time.Since(begun), err)
		}
		permit.Done(time.Time{}, 0)
	})
}

// A permit that is given back goes to the next caller, so callers whose gate
// refuses cost nothing.
func TestReturnedPermit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := start(t.Context(), t, newMemory(), 1)
		begun := time.Now()
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				permit, err := p.Wait(t.Context(), Last)
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Millisecond)
				permit.Return()
			})
		}
		wg.Wait()
		if waited := time.Since(begun); waited > time.Second {
			t.Errorf("waited %v for permits that were given back", waited)
		}
	})
}

func TestCancelledCallersTakeNoSlots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := start(t.Context(), t, newMemory(), 1)
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), rand.N(20*time.Millisecond))
			if permit, err := p.Wait(ctx, Last); err == nil {
				permit.Return()
			}
			cancel()
		}
		begun := time.Now()
		if _, err := p.Wait(t.Context(), Last); err != nil || time.Since(begun) > 2*time.Second {
			t.Errorf("waited %v for a permit after others had given up: %v", time.Since(begun), err)
		}
		if n := p.Counts().Waiting; n != 0 {
			t.Errorf("%d callers wait", n)
		}
	})
}

// The client repeats a request on another connection: Vonage may count both.
func TestHoldAfterAWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		p := start(t.Context(), t, store, 3)
		permit, err := p.Wait(t.Context(), Last)
		if err != nil {
			t.Fatal(err)
		}
		var used []slot
		for range 2 {
			if _, err := permit.Hold(t.Context()); err != nil {
				t.Fatal(err)
			}
			used = append(used, permit.slot)
			permit.Written(time.Now())
		}
		time.Sleep(answerWait + time.Second)
		permit.Done(time.Now(), 200)
		if used[0].index == used[1].index {
			t.Error("both requests were sent with one slot")
		}
		row, _, err := store.LoadPace(t.Context(), campaign.CallsBudget)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range used {
			if at := row.AvailableAt[s.index]; !at.Before(s.expiry) {
				t.Errorf("slot %d is available at %v, as if its use had not been reported", s.index, at)
			}
		}
	})
}
