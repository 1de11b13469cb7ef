package storage_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"

	"github.com/google/uuid"
)

// blockedBy lets two looks pass and returns the details of the open alarms.
func blockedBy(t *testing.T, db *testkit.DB) []string {
	t.Helper()
	mustProve(t, db)
	db.Exec(t, `UPDATE attempts SET record_checks = greatest(record_checks, 2) WHERE state = 'unknown'`)
	check(t, db.RaiseBlocked(t.Context(), times))
	return testkit.Rows[string](t, db, `SELECT detail FROM alarms WHERE kind = 'absence_blocked' AND resolved_at IS NULL ORDER BY 1`)
}

// Whatever stands in the way of a proof of absence is an alarm that says what it is.
func TestRaiseBlocked(t *testing.T) {
	t.Parallel()
	worded := func(change func(*campaign.Evidence)) func(*testing.T, *testkit.DB, campaign.Attempt) {
		return func(t *testing.T, db *testkit.DB, a campaign.Attempt) {
			e := listed(a, "F", "completed")
			change(&e)
			store(t, db, e)
		}
	}
	for _, test := range []struct {
		name string
		do   func(*testing.T, *testkit.DB, campaign.Attempt)
		want string // "": nothing stands in the way
	}{
		{"nothing", func(*testing.T, *testkit.DB, campaign.Attempt) {}, ""},
		{"a record without its to", worded(func(e *campaign.Evidence) { e.To = "" }), "does not say whom it went to"},
		{"a record in national form", worded(func(e *campaign.Evidence) { e.To = "0" + e.To[2:] }), "is written in another form"},
		{"a record without a direction", worded(func(e *campaign.Evidence) { e.Direction = "" }), "its direction is not said"},
		{"a record without a start", worded(func(e *campaign.Evidence) { e.At = time.Time{} }), "its start is not said"},
		{"an event without a call", func(t *testing.T, db *testkit.DB, a campaign.Attempt) {
			receive(t, db, campaign.Received{AttemptID: a.ID, Kind: "notify", Body: []byte(`{}`)})
		}, "an event names it"},
		{"an event of a leg", func(t *testing.T, db *testkit.DB, a campaign.Attempt) {
			r := event(a, "LEG", "ringing")
			r.Evidence.To, r.Evidence.ToKind = "", campaign.PartyOther
			receive(t, db, r)
		}, `an event of call "LEG" names it`},
		{"an event of another number", func(t *testing.T, db *testkit.DB, a campaign.Attempt) {
			r := event(a, "LEG", "ringing")
			r.Evidence.To = number(8)
			receive(t, db, r)
		}, `an event of call "LEG" names it`},
		{"Vonage said that it made the call", func(t *testing.T, db *testkit.DB, a campaign.Attempt) {
			db.Exec(t, `UPDATE attempts SET must_exist = true`)
		}, "Vonage said that it made the call"},
		{"a list that shows no known call", func(t *testing.T, db *testkit.DB, a campaign.Attempt) {
			db.Exec(t, `UPDATE list_scans SET known_shown = 0`)
		}, "no scan of Vonage's list over its time proves anything"},
		{"a list of which one scan alone proves something", func(t *testing.T, db *testkit.DB, a campaign.Attempt) {
			db.Exec(t, `UPDATE list_scans SET unreadable = 1 WHERE id = (SELECT min(id) FROM list_scans)`)
			db.Exec(t, `UPDATE attempts SET record_checks = 4`)
		}, "and they do not yet"},
		{"a list that may have forgotten", func(t *testing.T, db *testkit.DB, a campaign.Attempt) {
			db.AgeAttempt(t, a.ID, 46*time.Hour)
		}, "Vonage may have dropped its record"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 1))
			a := unknownOne(t, db)
			scanned(t, db, 2*time.Hour, 30*time.Minute, 25*time.Minute)
			scanned(t, db, 2*time.Hour, 20*time.Minute, 15*time.Minute)
			test.do(t, db, a)
			got := blockedBy(t, db)
			if test.want == "" {
				if len(got) != 0 || state(t, db, a.ID) != campaign.Absent {
					t.Fatalf("alarms %q, attempt %s", got, state(t, db, a.ID))
				}
				return
			}
			if len(got) != 1 || !strings.Contains(got[0], test.want) || strings.Contains(got[0], a.To) {
				t.Errorf("alarms %q, want one with %q and without the number", got, test.want)
			}
			if state(t, db, a.ID) != campaign.Unknown {
				t.Errorf("attempt %s", state(t, db, a.ID))
			}
			receive(t, db, event(a, "U1", "ringing"))
			check(t, db.RaiseBlocked(t.Context(), times))
			if open := testkit.Value[int](t, db, `SELECT count(*) FROM alarms WHERE kind = 'absence_blocked' AND resolved_at IS NULL`); open != 0 {
				t.Error("the alarm is open although the attempt was settled")
			}
		})
	}
}

// A person's word settles what no scan can.
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

// Five thousand attempts that cannot be looked at do not keep one from its turn.
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
