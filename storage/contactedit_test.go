package storage_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// A person who was cancelled by mistake and restored is called as if nothing had
// happened.
func TestRestoreContact(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "restored", settings(), rows(0, 2))
	key := testkit.Rows[string](t, db, `SELECT key FROM contacts ORDER BY id`)
	claim(t, db, 1) // one waits in the queue
	for _, k := range key {
		require.NoError(t, db.CancelContact(t.Context(), testkit.Actor, c.ID, k, ""))
		require.NoError(t, db.RestoreContact(t.Context(), testkit.Actor, c.ID, k))
		if err := db.RestoreContact(t.Context(), testkit.Actor, c.ID, k); err == nil {
			t.Error("who is not cancelled is restored")
		}
	}
	if got := testkit.Rows[string](t, db, `SELECT concat_ws(' ', state, reason, cancelled_at) FROM contacts ORDER BY id`); got[0] != "pending" || got[1] != "pending" {
		t.Errorf("%q", got)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM audit WHERE action = 'contact.restore'`); n != 2 {
		t.Errorf("%d entries in the audit", n)
	}
	if got := claim(t, db, 5); len(got) != 2 {
		t.Errorf("%d are called, want both", len(got))
	}
	sound(t, db)
}

// A person who must be called now is due now, even if the contact is decided again, and
// only until the call.
func TestCallNow(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "now", settings(), rows(0, 1))
	key := testkit.Value[string](t, db, `SELECT key FROM contacts`)
	now := func() error { return db.CallContactNow(t.Context(), testkit.Actor, c.ID, key) }
	db.Exec(t, `UPDATE contacts SET due_at = now() + interval '2 days', call_at = now() + interval '2 days'`) // a time of their own
	require.NoError(t, now())
	first := dialOne(t, db)
	if err := now(); err == nil || !strings.Contains(err.Error(), "is being called") {
		t.Errorf("while a call is up: %v", err)
	}
	receive(t, db, event(first, "U1", "busy"))
	receive(t, db, event(first, "U1", "completed"))
	if got := claim(t, db, 5); len(got) != 0 {
		t.Fatal("the wait after a call is not kept")
	}
	require.NoError(t, now())
	receive(t, db, event(first, "U1", "completed")) // they are decided again
	if why := testkit.Value[string](t, db, `SELECT after->>'due' FROM audit WHERE action = 'contact.call' ORDER BY id LIMIT 1`); why != "now" {
		t.Errorf("the audit says %q", why)
	}
	h, err := db.ContactByKey(t.Context(), c.ID, key)
	if err != nil || !strings.Contains(h.Because, "a person asked for a call now") {
		t.Errorf("why: %q, %v", h.Because, err)
	}
	id := claimOne(t, db)
	if err := now(); err == nil || !strings.Contains(err.Error(), "about to be made") {
		t.Errorf("while one waits in the queue: %v", err)
	}
	second := pass(t, db, id)
	receive(t, db, event(second, "U2", "busy"))
	receive(t, db, event(second, "U2", "completed"))
	if got := claim(t, db, 5); len(got) != 0 {
		t.Fatal("who asked for one call has two")
	}
	db.MakeDue(t)
	third := dialOne(t, db)
	receive(t, db, event(third, "U3", "human"))
	receive(t, db, event(third, "U3", "completed"))
	if err := now(); err == nil || !strings.Contains(err.Error(), "has ended (human)") {
		t.Errorf("who has ended: %v", err)
	}
	sound(t, db)
}

// If calling a person now would end the contact, the contact does not change.
func TestCallNowEndsNobody(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "now", settings(), rows(0, 1))
	key := testkit.Value[string](t, db, `SELECT key FROM contacts`)
	db.Exec(t, `UPDATE contacts SET due_at = now() + interval '2 days'`)
	_, err := db.Suppress(t.Context(), []app.Suppression{{Number: number(0), Source: "test", ExpiresAt: time.Now().Add(time.Hour)}})
	require.NoError(t, err)
	if err := db.CallContactNow(t.Context(), testkit.Actor, c.ID, key); err == nil || !strings.Contains(err.Error(), "suppressed") {
		t.Errorf("a number that is suppressed for an hour: %v", err)
	}
	claim(t, db, 5)
	if got := testkit.Value[string](t, db, `SELECT state FROM contacts WHERE due_at > now() + interval '1 day'`); got != "pending" {
		t.Errorf("they are %s", got)
	}
	if err := db.CallContactNow(t.Context(), testkit.Actor, c.ID, "nobody"); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
}

// With reminders, the next one is made now, once, and the one after it at its own time.
func TestCallNowReminds(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "clinic", settings(), rows(0, 1))
	key := testkit.Value[string](t, db, `SELECT key FROM contacts`)
	db.Exec(t, `UPDATE contacts SET remind_at = ARRAY[now() + interval '60 days', now() + interval '61 days'], call_at = now() + interval '60 days', due_at = now() + interval '60 days',
		not_later_than = now() + interval '62 days'`)
	require.NoError(t, db.CallContactNow(t.Context(), testkit.Actor, c.ID, key))
	a := dialOne(t, db)
	receive(t, db, event(a, "U1", "human"))
	receive(t, db, event(a, "U1", "completed"))
	if got := testkit.Value[string](t, db, `SELECT state || (due_at = remind_at[2]) || (due_at > now() + interval '60 days') FROM contacts`); got != "waitingtruetrue" {
		t.Fatalf("after the first: %s", got)
	}
	require.NoError(t, db.CallContactNow(t.Context(), testkit.Actor, c.ID, key))
	a = dialOne(t, db)
	receive(t, db, event(a, "U2", "human"))
	receive(t, db, event(a, "U2", "completed"))
	if got := contact(t, db, a.ID); got != "done human" {
		t.Errorf("after the second: %s", got)
	}
	sound(t, db)
}
