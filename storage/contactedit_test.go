package storage_test

import (
	"testing"

	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// A person who was cancelled by mistake is called as if nothing had been.
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
