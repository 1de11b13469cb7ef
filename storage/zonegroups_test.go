package storage_test

import (
	"strings"
	"testing"

	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// A zone that this Postgres has lost, and that was not marked yet, stops neither the
// view nor what is stored with a webhook out.
func TestLostZoneStopsNoViewAndNoWebhook(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	_, err := db.AddHook(t.Context(), app.Actor{Name: "test", Role: app.Admin, Through: app.ThroughCommand}, app.Hook{URL: "https://example.com/hook"}, "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0")
	require.NoError(t, err)
	running(t, db, "c", settings(), rows(0, 2))
	a := pass(t, db, claim(t, db, 1)[0])
	db.Exec(t, `UPDATE zone_groups SET zones = '{Mars/Olympus}'`)
	receive(t, db, event(a, "U1", "human"))
	receive(t, db, event(a, "U1", "completed"))
	if got := testkit.Rows[string](t, db, `SELECT concat_ws(' ', state, next_attempt_at IS NULL) FROM reporting.contacts ORDER BY contact_id`); strings.Join(got, ", ") != "done t, pending t" {
		t.Errorf("contacts %v", got)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM hook_messages`); n == 0 {
		t.Error("no webhook out waits")
	}
}
