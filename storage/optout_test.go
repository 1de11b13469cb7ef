package storage_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
)

// optOutRaces is how many races TestOptOutRaces runs:
// go test ./storage -run TestOptOutRaces -races 1000
var optOutRaces = flag.Int("races", 60, "how many races TestOptOutRaces runs, and TestAppointmentMovedWhileQueued twice as many")

// The key for opting out of one campaign races the gate of another campaign's call to
// the same number. A gate that begins after the opt-out was committed lets nobody
// through. In either order, nothing waits for the number afterwards.
func TestOptOutRaces(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	n := *optOutRaces
	s := settings()
	s.Message.Keys = map[string]campaign.Key{"9": {OptOut: true}}
	running(t, db, "spoke", s, rows(0, n))
	spoken := map[string]campaign.Attempt{}
	for i, id := range claim(t, db, n) {
		a, callUUID := pass(t, db, id), fmt.Sprint("U", i)
		receive(t, db, event(a, callUUID, "human"))
		receive(t, db, event(a, callUUID, "completed"))
		a.CallUUID = callUUID
		spoken[a.To] = a
	}
	running(t, db, "calls", settings(), rows(0, n))
	queued := claim(t, db, n)
	if len(queued) != n || len(spoken) != n {
		t.Fatalf("%d calls and %d queued, want %d", len(spoken), len(queued), n)
	}
	var before, after atomic.Int32
	var races sync.WaitGroup
	places := make(chan struct{}, 8)
	for _, id := range queued {
		places <- struct{}{}
		races.Go(func() {
			defer func() { <-places }()
			p, err := db.Load(t.Context(), id)
			if err != nil {
				t.Error(err)
				return
			}
			a := spoken[p.Attempt.To]
			committed := make(chan time.Time, 1)
			go func() {
				<-time.After(time.Duration(rand.Int64N(int64(4 * time.Millisecond))))
				key := event(a, a.CallUUID, "")
				key.Kind, key.Said = "input", campaign.Said{Turn: 1, Pressed: "9", OptOut: campaign.OptOutAll}
				if err := db.Receive(t.Context(), key); err != nil {
					t.Error(err)
				}
				committed <- time.Now()
			}()
			<-time.After(time.Duration(rand.Int64N(int64(12 * time.Millisecond))))
			begun := time.Now()
			_, err = db.Gate(t.Context(), id, tokenLife)
			late := begun.After(<-committed)
			switch {
			case err == nil && late:
				t.Error("a gate that began after the opt-out was committed let the call through")
			case err == nil:
				before.Add(1)
			case errors.Is(err, campaign.ErrStale) || errors.Is(err, campaign.ErrWithdrawn):
				after.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	races.Wait()
	t.Logf("%d calls passed the gate before the opt-out, %d did not pass after it", before.Load(), after.Load())
	if after.Load() == 0 {
		t.Error("no opt-out came before its gate")
	}
	if left := testkit.Value[int](t, db, `SELECT count(*) FROM attempts WHERE state = 'reserved'`); left > 0 {
		t.Errorf("%d attempts still wait for numbers that have opted out", left)
	}
	sound(t, db)
}
