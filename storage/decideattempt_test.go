package storage_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
)

// A person's decision settles an attempt that no scan can.
func TestDecideAttempt(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		setup    string
		decision app.AttemptDecision
		state    campaign.State
		contact  string
		fails    string
	}{
		{"its call", ``, app.AttemptDecision{Word: app.DecideItsCall, CallUUID: "F"}, campaign.Ended, "done unexplained", ""},
		{"its call, worded otherwise than in the list", `UPDATE provider_calls SET call_uuid = '63F618634A514F6B86E146EDEBCF9356'`,
			app.AttemptDecision{Word: app.DecideItsCall, CallUUID: "63f61863-4a51-4f6b-86e1-46edebcf9356"}, campaign.Ended, "done unexplained", ""},
		{"no call", ``, app.AttemptDecision{Word: app.DecideNoCall}, campaign.Absent, "pending", ""},
		{"called", ``, app.AttemptDecision{Word: app.DecideCalled}, campaign.Lost, "done unresolved", ""},
		{"no call, after it was lost", `UPDATE attempts SET state = 'lost', changed_by = 'reconciler'; UPDATE alarms SET kind = 'attempt_lost'`,
			app.AttemptDecision{Word: app.DecideNoCall}, campaign.Absent, "pending", ""},
		{"a call that the list does not have", ``, app.AttemptDecision{Word: app.DecideItsCall, CallUUID: "X"}, campaign.Unknown, "active", "has shown no call"},
		{"a call to another number", `UPDATE provider_calls SET to_number = '447700900998'`, app.AttemptDecision{Word: app.DecideItsCall, CallUUID: "F"}, campaign.Unknown, "active", "other numbers"},
		{"no call, though Vonage said that it made it", `UPDATE attempts SET must_exist = true`, app.AttemptDecision{Word: app.DecideNoCall}, campaign.Unknown, "active", "said that it made"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 1))
			a := unknownOne(t, db)
			e := listed(a, "F", "completed")
			e.To = ""
			store(t, db, e)
			if got := blockedBy(t, db); len(got) != 1 {
				t.Fatalf("alarms %q", got)
			}
			for _, sql := range strings.Split(test.setup, ";") {
				if sql != "" {
					db.Exec(t, sql)
				}
			}
			alarm := testkit.Value[int64](t, db, `SELECT id FROM alarms WHERE kind IN ('absence_blocked', 'attempt_lost')`)
			err := db.DecideAttempt(t.Context(), by("ann"), alarm, test.decision)
			if (err == nil) != (test.fails == "") || err != nil && !strings.Contains(err.Error(), test.fails) {
				t.Fatalf("error %v, want %q", err, test.fails)
			}
			if got := state(t, db, a.ID); got != test.state {
				t.Errorf("attempt %s, want %s", got, test.state)
			}
			if got := contact(t, db, a.ID); test.setup == "" && got != test.contact {
				t.Errorf("contact %q, want %q", got, test.contact)
			}
			again := db.DecideAttempt(t.Context(), by("ann"), alarm, test.decision)
			if test.fails == "" && !errors.Is(again, campaign.ErrNotFound) {
				t.Errorf("decided again: %v", again)
			}
			entries, err := db.Audit(t.Context(), app.AuditQuery{Object: "attempt " + a.ID.String(), Limit: 10})
			if err != nil || slices.ContainsFunc(entries, func(e app.AuditEntry) bool { return e.Action == "attempts.decide" }) != (test.fails == "") {
				t.Errorf("audit %v, %v", entries, err)
			}
		})
	}
}
