package storage_test

import (
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
)

// blockedBy performs two looks and returns the details of the open alarms.
func blockedBy(t *testing.T, db *testkit.DB) []string {
	t.Helper()
	mustProve(t, db)
	db.Exec(t, `UPDATE attempts SET record_checks = greatest(record_checks, 2) WHERE state = 'unknown'`)
	check(t, db.RaiseBlocked(t.Context(), times))
	return testkit.Rows[string](t, db, `SELECT detail FROM alarms WHERE kind = 'absence_blocked' AND resolved_at IS NULL ORDER BY 1`)
}

// Each obstacle to a proof of absence raises an alarm that names it.
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
		want string // "": there is no obstacle
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
