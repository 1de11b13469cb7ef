package storage_test

import (
	"testing"
	"time"

	"dialer/internal/testkit"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

func TestDueUnknown(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 4))
	ids := claim(t, db, 4)
	for _, id := range ids[:3] {
		pass(t, db, id)
		record(t, db, id, unknown)
	}
	db.AgeAttempt(t, ids[0], 10*time.Minute)
	db.AgeAttempt(t, ids[1], 20*time.Minute)
	db.AgeAttempt(t, ids[2], 2*time.Minute) // its token expired, and the list may be late
	due := func() (got []uuid.UUID) {
		t.Helper()
		list, err := db.DueUnknown(t.Context(), 10, times)
		check(t, err)
		for _, u := range list {
			got = append(got, u.ID)
		}
		return got
	}
	if diff := cmp.Diff([]uuid.UUID{ids[1], ids[0]}, due()); diff != "" {
		t.Errorf("due (-want +got):\n%s", diff)
	}
	check(t, db.Looked(t.Context(), map[uuid.UUID]time.Time{ids[1]: time.Now().Add(time.Hour), ids[0]: time.Now().Add(-time.Second)}))
	if diff := cmp.Diff([]uuid.UUID{ids[0]}, due()); diff != "" {
		t.Errorf("due after a look (-want +got):\n%s", diff)
	}
}

func TestOverdueCallsBackOff(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 3))
	ids := claim(t, db, 3)
	open, unpriced, priced := pass(t, db, ids[0]), pass(t, db, ids[1]), pass(t, db, ids[2])
	receive(t, db, event(open, "U0", "answered"))
	receive(t, db, event(unpriced, "U1", "completed"))
	receive(t, db, completed(priced, "U2", "1"))
	look := func() int {
		t.Helper()
		list, err := db.OverdueCalls(t.Context(), 10, time.Minute, times.RecordsKept)
		check(t, err)
		for _, a := range list {
			if a.ID == priced.ID {
				t.Error("an attempt that is over and priced is not overdue")
			}
		}
		return len(list)
	}
	for i, step := range []struct {
		after time.Duration
		want  int
	}{{0, 0}, {50 * time.Second, 0}, {11 * time.Second, 2}, {time.Minute, 0}, {61 * time.Second, 2}, {3 * time.Minute, 0}, {61 * time.Second, 2}, {47 * time.Hour, 2}, {48 * time.Hour, 0}} {
		db.AgeAttempts(t, step.after)
		if n := look(); n != step.want {
			t.Errorf("step %d, %s later: %d overdue, want %d", i, step.after, n, step.want)
		}
	}
}

// Five thousand attempts that cannot be looked for do not keep another one from its
// turn.
func TestDueUnknownIsFair(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 3))
	var stuck []uuid.UUID
	for _, id := range claim(t, db, 3) {
		pass(t, db, id)
		record(t, db, id, unknown)
		db.AgeAttempt(t, id, time.Duration(3-len(stuck))*time.Hour)
		stuck = append(stuck, id)
	}
	due := func() uuid.UUID {
		list, err := db.DueUnknown(t.Context(), 1, times)
		if err != nil || len(list) != 1 {
			t.Fatalf("%d are due, error %v", len(list), err)
		}
		return list[0].ID
	}
	seen := map[uuid.UUID]bool{}
	for range stuck {
		id := due()
		seen[id] = true
		check(t, db.LookFailed(t.Context(), []uuid.UUID{id}, time.Minute))
	}
	if len(seen) != len(stuck) {
		t.Errorf("%d of %d had their turn", len(seen), len(stuck))
	}
}
