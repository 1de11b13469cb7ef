package storage_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/storage"
)

// shares opens the database with two connections for each part of the work. Their waits
// for locks have no limit.
func shares(t *testing.T, db *testkit.DB) *storage.DB {
	t.Helper()
	patient := with(t, db.URL, map[string]string{"lock_timeout": "3min", "statement_timeout": "3min"})
	own, err := storage.OpenPool(t.Context(), patient, storage.LeastConns)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(own.Close)
	return own
}

// flood lets twenty calls wait for locked rows: two have a connection each, and the
// others wait for a connection. Then it does the other thing, which must not have
// waited for any of them.
func flood(t *testing.T, db *testkit.DB, lock string, one func() error, other func(context.Context) error) {
	t.Helper()
	release, err := db.Lock(t.Context(), lock)
	if err != nil {
		t.Fatal(err)
	}
	var done atomic.Int32
	var many sync.WaitGroup
	for range 20 {
		many.Go(func() {
			check(t, one())
			done.Add(1)
		})
	}
	db.AwaitLockWaits(t, 2)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // reached only if they share a pool
	defer cancel()
	if err := other(ctx); err != nil {
		t.Errorf("during the flood: %v", err)
	}
	if n := done.Load(); n != 0 {
		t.Errorf("%d of the flood were done first", n)
	}
	release()
	many.Wait()
}

func TestWebhookFloodDoesNotDelayGate(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 21))
	ids := claim(t, db, 21)
	var events []campaign.Received
	for i, id := range ids[:20] {
		events = append(events, event(pass(t, db, id), fmt.Sprint("U", i), "ringing"))
	}
	own := shares(t, db)
	var next atomic.Int32
	flood(t, db, `SELECT FROM contacts k WHERE NOT EXISTS (SELECT FROM attempts a WHERE a.contact_id = k.id AND a.state = 'reserved') FOR UPDATE`,
		func() error { return own.Receive(t.Context(), events[next.Add(1)-1]) },
		func(ctx context.Context) error {
			late, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
			defer cancel()
			if err := own.Receive(late, events[0]); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("an event without a connection in time: %v, want a deadline, which is answered 503", err)
			}
			a, err := own.Gate(ctx, ids[20], tokenLife)
			if err != nil {
				return err
			}
			return own.Record(ctx, a.ID, created("OTHER"))
		})
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM events`); n < 20 {
		t.Errorf("%d events are stored, want all 20 that waited", n)
	}
}

func TestCallFloodDoesNotDelayWebhooks(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 21))
	ids := claim(t, db, 21)
	called := pass(t, db, ids[0])
	own := shares(t, db)
	var next atomic.Int32
	flood(t, db, `SELECT FROM attempts WHERE state = 'reserved' FOR UPDATE`,
		func() error {
			_, err := own.Gate(t.Context(), ids[next.Add(1)], tokenLife)
			return err
		},
		func(ctx context.Context) error {
			if _, err := own.Placement(ctx, called.ID); err != nil {
				return err
			}
			return own.Receive(ctx, event(called, "U1", "ringing"))
		})
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM attempts WHERE posts = 1`); n != 21 {
		t.Errorf("%d attempts passed the gate, want all 21", n)
	}
}
