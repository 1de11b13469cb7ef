package jobs

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/voice/voicesim"

	"github.com/google/uuid"
)

// beside is the same world with another database, and a receiver for it.
func (w *world) beside(t *testing.T, db *testkit.DB) *world {
	t.Helper()
	other := &world{db: db, sim: w.sim, redis: w.redis, url: w.url, rate: w.rate, log: w.log}
	hooks := httptest.NewServer(http.HandlerFunc(other.receive))
	t.Cleanup(hooks.Close)
	other.hooks = hooks.URL
	return other
}

// lockedFor waits until the database is locked.
func (w *world) lockedFor(t *testing.T, why campaign.LockReason) {
	t.Helper()
	require.Eventually(t, "the database is locked", func() bool {
		i, _, err := w.db.Identity(t.Context())
		return err == nil && i.Lock.Reason != ""
	})
	if i, _, err := w.db.Identity(t.Context()); err != nil || i.Lock.Reason != why {
		t.Errorf("locked for %q, %v; want %q", i.Lock.Reason, err, why)
	}
}

// wantNoCalls checks that do sends no POST.
func (w *world) wantNoCalls(t *testing.T, do func()) {
	t.Helper()
	creates := w.sim.Summary().Creates
	do()
	for _, id := range testkit.Rows[uuid.UUID](t, w.db, `SELECT id FROM attempts WHERE state = 'reserved'`) {
		if _, err := w.db.Gate(t.Context(), id, time.Second); !errors.Is(err, campaign.ErrDialLocked) {
			t.Errorf("Gate = %v, want ErrDialLocked", err)
		}
	}
	if queued, err := w.db.Claim(t.Context(), 10); err != nil || len(queued) != 0 {
		t.Errorf("Claim = %d attempts, %v; want none", len(queued), err)
	}
	if n := w.sim.Summary().Creates - creates; n != 0 {
		t.Errorf("%d POSTs while the database is locked", n)
	}
}

// confirm releases the database as a person would, long enough ago for Vonage's list to
// be read at once.
func (w *world) confirm(t *testing.T) {
	t.Helper()
	if _, err := w.db.Release(t.Context(), app.Actor{Name: "the test", Through: app.ThroughCommand}, campaign.DefaultRecordsKept, false); err != nil {
		t.Fatal(err)
	}
	w.ageLock(t)
}

func (w *world) ageLock(t *testing.T) {
	t.Helper()
	w.db.Exec(t, `UPDATE database_identity SET locked_at = locked_at - interval '13 seconds', released_at = released_at - interval '13 seconds'`)
}

// wantOneCallEach checks our records against Vonage's ledger: each person was called
// once, and each call has an attempt with its price.
func (w *world) wantOneCallEach(t *testing.T, contacts int) {
	t.Helper()
	type ours struct{ To, State, Price string }
	attempts := map[string]ours{}
	for _, a := range testkit.Rows[struct{ UUID, To, State, Price string }](t, w.db,
		`SELECT call_uuid, to_number, state, coalesce(price, 0)::text FROM attempts WHERE call_uuid IS NOT NULL`) {
		attempts[a.UUID] = ours{a.To, a.State, a.Price}
	}
	rung := map[string]int{}
	for _, c := range w.sim.Ledger() {
		rung[c.To]++
		a := attempts[c.UUID]
		if a.To != c.To || a.State != string(campaign.Ended) || a.Price != c.Price.String() && a.Price != c.Price.StringFixed(8) {
			t.Errorf("Vonage's call %s, price %s: here %+v", c.UUID, c.Price, a)
		}
	}
	for to, n := range rung {
		if n != 1 {
			t.Errorf("somebody was rung %d times (%s)", n, to)
		}
	}
	if len(rung) != contacts || len(attempts) != contacts {
		t.Errorf("%d people were rung and %d attempts have a call, want %d", len(rung), len(attempts), contacts)
	}
	broken, err := w.db.CheckInvariants(t.Context())
	if err != nil || len(broken) > 0 {
		t.Errorf("invariants: %+v, %v", broken, err)
	}
}

// halfway runs a campaign in which a first third of the people is due, copies its
// database with some of the rest reserved, and continues with the original. Nobody else
// is due until the copy is made, so the copy misses calls however slow the machine is.
func halfway(t *testing.T, contacts int) (w, old *world) {
	t.Helper()
	w = newWorld(t, 60, voicesim.Config{Outcomes: allAnswered})
	w.campaign(t, contacts)
	w.db.Exec(t, `UPDATE contacts SET due_at = now() + interval '1 hour' WHERE id > $1`, contacts/3)
	stop := w.dial(t, w.db, w.redis)
	require.Eventually(t, "a third is called", func() bool { return w.sim.Summary().Placed >= contacts/3 })
	stop()
	w.db.MakeDue(t)
	if reserved, err := w.db.Claim(t.Context(), contacts/12); err != nil || len(reserved) == 0 {
		t.Fatalf("Claim = %d attempts, %v", len(reserved), err)
	}
	backup := w.db.Copy(t)
	stop = w.dial(t, w.db, w.redis)
	require.Eventually(t, "two thirds are called", func() bool { return w.sim.Summary().Placed >= contacts*2/3 })
	stop()
	return w, w.beside(t, backup)
}

// A copy of the database is either a staging system or the original's replacement. A
// person says which.
func TestCopiedDatabaseCallsNobody(t *testing.T) {
	t.Parallel()
	_, old := halfway(t, 60)
	if err := errors.Join(old.db.Pause(t.Context(), 1, "nobody is reserved"), old.db.Resume(t.Context(), 1)); err != nil {
		t.Fatal(err)
	}
	old.wantNoCalls(t, func() {
		old.dial(t, old.db, old.redis)
		old.lockedFor(t, campaign.LockedCopy)
	})
	old.confirm(t)
	old.awaitEnd(t)
	old.wantOneCallEach(t, 60)
	if n := old.count(t, `SELECT count(*) FROM attempts WHERE recovered`); n == 0 {
		t.Error("no call was recovered, so the copy had forgotten none")
	}
}

// A backup restored in place of the database has the original's identity. Only the mark
// in Redis shows that it is a backup.
func TestRestoredBackupCallsNobody(t *testing.T) {
	t.Parallel()
	_, old := halfway(t, 60)
	old.db.Exec(t, `UPDATE database_identity SET database_oid = d.oid::bigint, checkpoint_at = checkpoint_at - interval '20 seconds',
		locked_for = NULL, locked_at = NULL, known_until = NULL FROM pg_database d WHERE d.datname = current_database()`)
	if old.count(t, `SELECT count(*) FROM attempts WHERE state = 'reserved'`) == 0 {
		t.Error("the backup has nothing reserved, so no gate is tried")
	}
	old.wantNoCalls(t, func() {
		old.dial(t, old.db, old.redis)
		old.lockedFor(t, campaign.LockedRestored)
	})
	old.confirm(t)
	old.awaitEnd(t)
	old.wantOneCallEach(t, 60)
}

// A process that takes tasks when its database is released under a new name has
// the queue, the mark and the leader's key of the old one. It ends, and says why.
func TestServiceEndsWhenItsDatabaseIsReleased(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 60, voicesim.Config{Outcomes: allAnswered})
	ended := w.start(t)
	require.Eventually(t, "the process moves the mark", func() bool {
		return w.count(t, `SELECT count(*) FROM database_identity WHERE checkpoint_at IS NOT NULL`) == 1
	})
	w.db.Exec(t, `UPDATE database_identity SET locked_for = 'restored', locked_at = now(), known_until = now()`)
	if _, err := w.db.Release(t.Context(), app.Actor{Name: "the test", Through: app.ThroughCommand}, campaign.DefaultRecordsKept, false); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil || err.Error() != campaign.ErrRenamed.Error() {
			t.Errorf("ended with %v, want that the database has a new name", err)
		}
	case <-time.After(time.Minute):
		t.Error("it continues under the old name")
	}
}
