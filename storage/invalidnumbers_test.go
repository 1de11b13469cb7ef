package storage_test

import (
	"errors"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// outOfService is the event of a call to a number that does not exist.
func outOfService(a campaign.Attempt, call string) campaign.Received {
	e := event(a, call, "failed")
	e.Invalid = "number_out_of_service"
	return e
}

func setInvalidFor(t *testing.T, db *testkit.DB, span time.Duration) {
	t.Helper()
	_, _, err := db.UseAccountLimits(t.Context(), campaign.AccountLimits{InvalidFor: &span})
	require.NoError(t, err)
}

func ended(t testing.TB, db *testkit.DB, name string) string {
	t.Helper()
	return testkit.Value[string](t, db, `SELECT k.state || coalesce(' ' || k.reason, '') FROM contacts k JOIN campaigns c ON c.id = k.campaign_id WHERE c.name = $1`, name)
}

// No campaign calls a number that Vonage calls invalid, until the suppression has
// expired or was lifted. People are told the reason.
func TestInvalidNumbers(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	setInvalidFor(t, db, 48*time.Hour)
	running(t, db, "first", settings(), rows(0, 1))
	a := dialOne(t, db)
	record(t, db, a.ID, created("A"))
	receive(t, db, outOfService(a, "A"))
	receive(t, db, outOfService(a, "A")) // a repeated event counts once
	receive(t, db, event(a, "A", "completed"))

	// Another campaign's call is withdrawn, even if it is in the queue already.
	running(t, db, "second", settings(), rows(0, 1))
	if n := len(claim(t, db, 10)); n != 0 {
		t.Errorf("%d were claimed", n)
	}
	if got := ended(t, db, "second"); got != "done refused" {
		t.Errorf("the other campaign's contact is %s", got)
	}
	h, err := db.NumberHistory(t.Context(), a.To)
	require.NoError(t, err)
	if s := h.Suppression; !s.Invalid || s.Note != "number_out_of_service" || s.Source != "vonage" || time.Until(s.ExpiresAt) < 47*time.Hour {
		t.Errorf("why: %+v", s)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM reporting.suppressions WHERE invalid AND scope = 'all'`); n != 1 {
		t.Errorf("%d are on the list, want 1", n)
	}
	// The contact itself ends with its call's disposition, when it would be called again.
	db.Exec(t, `UPDATE contacts SET due_at = now() WHERE state = 'waiting'`)
	claim(t, db, 10)
	if got := ended(t, db, "first"); got != "done failed" {
		t.Errorf("the contact is %s", got)
	}

	// This call is in the queue already.
	running(t, db, "third", settings(), rows(1, 1))
	id := claimOne(t, db)
	db.Exec(t, `INSERT INTO suppressions (number, source, expires_at, invalid) SELECT to_number, 'vonage', now() + interval '2 days', true FROM attempts WHERE id = $1`, id)
	if _, err := db.Gate(t.Context(), id, tokenLife); !errors.Is(err, campaign.ErrWithdrawn) {
		t.Errorf("the gate: %v", err)
	}
	if got := ended(t, db, "third"); got != "done refused" {
		t.Errorf("the queued contact is %s", got)
	}

	// After lifting it, and after its time.
	require.NoError(t, db.Unsuppress(t.Context(), a.To))
	running(t, db, "fourth", settings(), rows(0, 1))
	if n := len(claim(t, db, 10)); n != 1 {
		t.Errorf("%d were claimed once it is lifted", n)
	}
	db.Exec(t, `UPDATE suppressions SET expires_at = now() - interval '1 minute' WHERE ended_at IS NULL`)
	running(t, db, "fifth", settings(), rows(1, 1))
	b := dialOne(t, db)
	record(t, db, b.ID, created("B"))
	receive(t, db, outOfService(b, "B"))
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM suppressions WHERE number = $1 AND invalid AND ended_at IS NULL AND expires_at > now()`, b.To); n != 1 {
		t.Errorf("%d set it aside again, want 1", n)
	}
	sound(t, db)
}

// With 0 no number is suppressed, and a person's suppression does not change.
func TestInvalidNumbersAreNotSetAside(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	setInvalidFor(t, db, 0)
	running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	record(t, db, a.ID, created("A"))
	receive(t, db, outOfService(a, "A"))
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM suppressions`); n != 0 {
		t.Errorf("%d are on the list", n)
	}
}
