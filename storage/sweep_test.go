package storage_test

import (
	"fmt"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

func TestExpireDialing(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 2))
	ids := claim(t, db, 2)
	old, fresh := pass(t, db, ids[0]), pass(t, db, ids[1])
	expire := func() int {
		t.Helper()
		n, err := db.ExpireDialing(t.Context(), 10*time.Second)
		require.NoError(t, err)
		return n
	}
	db.AgeAttempt(t, old.ID, tokenLife+9*time.Second)
	if n := expire(); n != 0 {
		t.Errorf("expired %d within the grace", n)
	}
	db.AgeAttempt(t, old.ID, 2*time.Second)
	if n := expire(); n != 1 || state(t, db, old.ID) != campaign.Unknown || state(t, db, fresh.ID) != campaign.Dialing {
		t.Errorf("expired %d; old is %s, fresh is %s", n, state(t, db, old.ID), state(t, db, fresh.ID))
	}
	sound(t, db)
}

func TestCloseSilent(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 2))
	ids := claim(t, db, 2)
	silent, up := pass(t, db, ids[0]), pass(t, db, ids[1])
	for i, a := range []campaign.Attempt{silent, up} {
		record(t, db, a.ID, created(fmt.Sprint("U", i)))
	}
	receive(t, db, event(silent, "U0", "unanswered"))
	receive(t, db, event(up, "U1", "answered"))
	closeSilent := func() int {
		t.Helper()
		n, err := db.CloseSilent(t.Context(), 2*time.Minute, times.RecordsKept)
		require.NoError(t, err)
		return n
	}
	if n := closeSilent(); n != 0 {
		t.Errorf("closed %d within the grace", n)
	}
	db.AgeAttempts(t, 3*time.Minute)
	if n := closeSilent(); n != 1 || contact(t, db, silent.ID) != "done unanswered" || contact(t, db, up.ID) != "active" {
		t.Errorf("closed %d; %s, %s", n, contact(t, db, silent.ID), contact(t, db, up.ID))
	}
	sound(t, db)
}

// A call that lost all its events, and Vonage's record too, does not keep its number
// busy for ever.
func TestCloseSilentAfterTheRecordsEnd(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	record(t, db, a.ID, created("U"))
	for _, step := range []struct {
		age     time.Duration
		closed  int
		contact string
		alarms  []string
	}{
		{47*time.Hour + 55*time.Minute, 0, "active", nil},
		{10 * time.Minute, 1, "done unexplained", []string{campaign.AlarmCallWithoutEnd}},
		{time.Hour, 0, "done unexplained", []string{campaign.AlarmCallWithoutEnd}},
	} {
		db.AgeAttempt(t, a.ID, step.age)
		n, err := db.CloseSilent(t.Context(), 2*time.Minute, times.RecordsKept)
		require.NoError(t, err)
		if n != step.closed || contact(t, db, a.ID) != step.contact {
			t.Errorf("closed %d, contact %s; want %d, %s", n, contact(t, db, a.ID), step.closed, step.contact)
		}
		if got := alarms(t, db); len(got) != len(step.alarms) || len(got) > 0 && got[0] != step.alarms[0] {
			t.Errorf("alarms %v, want %v", got, step.alarms)
		}
	}
	sound(t, db)
}
