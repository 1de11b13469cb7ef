package storage_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

func why(t *testing.T, db *testkit.DB, number string) app.NumberHistory {
	t.Helper()
	e, err := db.NumberHistory(t.Context(), number)
	require.NoError(t, err)
	return e
}

func TestWhyEveryCampaign(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	a := running(t, db, "a", settings(), rows(0, 1))
	first := endedBusy(t, db, "U1")
	b := running(t, db, "b", settings(), rows(0, 1))
	second := claimOne(t, db) // the other campaign's

	e := why(t, db, number(0))
	if len(e.Contacts) != 2 || e.Suppression.Number != "" || len(e.Refused) != 0 {
		t.Fatalf("got %+v", e)
	}
	waiting, active := e.Contacts[0], e.Contacts[1]
	if waiting.Campaign.ID != a.ID || waiting.Contact.State != campaign.Waiting || len(waiting.Attempts) != 1 {
		t.Errorf("first story %+v", waiting)
	}
	if waiting.Because != "call 1 of 3 ended as busy, called again 10m later" {
		t.Errorf("because %q", waiting.Because)
	}
	if waiting.Attempts[0].ID != first.ID || waiting.Attempts[0].Disposition() != campaign.Busy {
		t.Errorf("attempt %+v", waiting.Attempts[0])
	}
	if wait := time.Until(waiting.NextCall); wait < 9*time.Minute || wait > 11*time.Minute {
		t.Errorf("next call in %s, want about 10m", wait)
	}
	if waiting.OpenElsewhere != second || active.OpenElsewhere != uuid.Nil {
		t.Errorf("open elsewhere: %s, %s; want %s, none", waiting.OpenElsewhere, active.OpenElsewhere, second)
	}
	if active.Campaign.ID != b.ID || active.Contact.State != campaign.Active || !active.NextCall.IsZero() {
		t.Errorf("second story %+v", active)
	}
}

// The reasons why a waiting contact is not called are the gate's, and do not include
// that it is not due.
func TestWhyObstacles(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "c", settings(), rows(0, 1))
	check(t, db.Pause(t.Context(), c.ID, "lunch"))
	// The hours are never open in both zones: one's noon is the other's midnight.
	db.Exec(t, testkit.HoursSQL(campaign.Daily(600, 840)))
	db.Exec(t, `UPDATE zone_groups SET zones = '{Etc/UTC,Etc/GMT+12}'`)
	h := why(t, db, number(0)).Contacts[0]
	if want := []campaign.Withdrawal{campaign.WithdrawnPaused, campaign.WithdrawnHours}; !slices.Equal(h.Obstacles, want) {
		t.Errorf("obstacles %q, want %q", h.Obstacles, want)
	}
	check(t, db.Stop(t.Context(), c.ID))
	if h := why(t, db, number(0)).Contacts[0]; h.Contact.State != campaign.Done || len(h.Obstacles) != 0 {
		t.Errorf("a contact that has ended: %s, obstacles %q", h.Contact.State, h.Obstacles)
	}
}

// The next call of a person is the one in the view: not in hours that end before the
// call does, and not after the time in their row.
func TestWhyNextCallIsTheViews(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, sql string
		from, to  int // open minutes of the day, from the current minute on
		never     bool
	}{
		{"open now", `SELECT 1`, 0, 30, false},
		{"each day for a minute, in which no call can be begun", `SELECT 1`, 0, 1, true},
		{"opens after its time", `UPDATE contacts SET not_later_than = now() + interval '1 hour'`, 90, 120, true},
		{"opens before its time", `UPDATE contacts SET not_later_than = now() + interval '20 hours'`, 90, 120, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 1))
			// In this zone it is between 12:00 and 13:00.
			hour := testkit.Value[int](t, db, `SELECT 12 - extract(hour FROM now() AT TIME ZONE 'UTC')::int`)
			db.Exec(t, fmt.Sprintf(`UPDATE zone_groups SET zones = '{Etc/GMT%+d}'`, -hour))
			minute := 720 + testkit.Value[int](t, db, `SELECT extract(minute FROM now())::int`)
			db.Exec(t, testkit.HoursSQL(campaign.Daily(minute+test.from, minute+test.to)))
			db.Exec(t, test.sql)
			type at struct{ At *time.Time }
			view := testkit.Rows[at](t, db, `SELECT next_attempt_at FROM reporting.contacts`)[0].At
			got := why(t, db, number(0)).Contacts[0].NextCall
			if test.never != (view == nil) || test.never != got.IsZero() {
				t.Fatalf("the view says %v, why %v; never: %t", view, got, test.never)
			}
			if view != nil && got.Sub(*view).Abs() > time.Minute {
				t.Errorf("the view says %v, why %v", view, got)
			}
		})
	}
}

// A suppression that has expired is not shown.
func TestWhyExpiredSuppression(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	db.Exec(t, `INSERT INTO suppressions (number, source, expires_at) SELECT to_number, 'x', now() - interval '1 second' FROM contacts`)
	if got := why(t, db, number(0)).Suppression; got.Number != "" {
		t.Errorf("shown: %+v", got)
	}
}

func TestWhySuppressionAndRefusedRows(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := importing(t, db, "c", settings(), rows(0, 1))
	add(t, db, c.ID, "file", campaign.RowBatch{Rejected: []campaign.RowError{
		{Line: 7, Column: "name", Reason: "the name is missing", Record: "07700 900005,,x"},
		{Line: 8, Column: "name", Reason: "the name is missing", Record: "07700 900006,,x"},
	}})
	suppress(t, db, number(5))
	e := why(t, db, number(5))
	if e.Suppression.Number != number(5) || e.Suppression.Source != "test" || len(e.Contacts) != 0 {
		t.Errorf("got %+v", e)
	}
	want := []app.RefusedRow{{Campaign: "c", Line: 7, Column: "name", Reason: "the name is missing"}}
	if diff := cmp.Diff(want, e.Refused); diff != "" {
		t.Errorf("refused rows (-want +got):\n%s", diff)
	}
	suppress(t, db, number(0))
	if got := why(t, db, number(0)).Contacts[0].Because; got != "the number is on the suppression list" {
		t.Errorf("because %q", got)
	}
	if _, err := db.NumberHistory(t.Context(), number(9)); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("a number that nobody knows: %v", err)
	}
}

func TestReportAccountsForEverything(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "c", settings(), rows(0, 6))
	other := importing(t, db, "other", settings(), rows(100, 2))
	add(t, db, c.ID, "file", campaign.RowBatch{Rejected: []campaign.RowError{{Line: 99, Reason: "bad"}}})
	ids := claim(t, db, 5)
	answered, machine, busy, unclear := pass(t, db, ids[0]), pass(t, db, ids[1]), pass(t, db, ids[2]), pass(t, db, ids[3])
	receive(t, db, completed(answered, "U0", "0.00740000"))
	receive(t, db, event(machine, "U1", "machine"))
	receive(t, db, completed(machine, "U1", "0.1"))
	receive(t, db, event(busy, "U2", "busy"))
	receive(t, db, event(busy, "U2", "completed"))
	record(t, db, unclear.ID, unknown)

	list, err := db.Report(t.Context())
	require.NoError(t, err)
	want := []app.Report{{
		CampaignID: c.ID, Campaign: "c", Status: campaign.Running,
		Rows: 7, Rejected: 1, Pending: 1, Active: 2, Waiting: 1, Done: 2, Reached: 2,
		Reasons:      map[campaign.Reason]int{"answered": 1, "machine": 1},
		Attempts:     map[campaign.State]int{campaign.Ended: 3, campaign.Unknown: 1, campaign.Reserved: 1},
		Dispositions: map[campaign.Disposition]int{campaign.Answered: 1, campaign.Machine: 1, campaign.Busy: 1},
		Calls:        3, Answered: 2, Seconds: 38, Price: decimal.RequireFromString("0.1074"), Unpriced: 1,
	}, {
		CampaignID: other.ID, Campaign: "other", Status: campaign.Importing, Rows: 2, Pending: 2,
		Reasons: map[campaign.Reason]int{}, Attempts: map[campaign.State]int{}, Dispositions: map[campaign.Disposition]int{},
	}}
	times := cmpopts.IgnoreFields(app.Report{}, "CreatedAt", "ImportFinishedAt", "Ladder")
	if diff := cmp.Diff(want, list, times); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if list, err = db.Report(t.Context(), other.ID); err != nil || len(list) != 1 || list[0].Campaign != "other" {
		t.Errorf("one campaign: %+v, %v", list, err)
	}
	got, err := db.OpenCounts(t.Context(), c.ID)
	if want := (app.OpenCounts{Contacts: 4, Attempts: 2, Unpriced: 1}); err != nil || got != want {
		t.Errorf("OpenCounts = %+v, %v; want %+v", got, err, want)
	}
	hourly := testkit.Value[string](t, db, `SELECT concat_ws(' ', dialed, calls, answered, machine, busy, unsettled, price, unpriced) FROM reporting.hourly`)
	if hourly != "4 3 1 1 1 1 0.10740000 1" {
		t.Errorf("reporting.hourly says %s", hourly)
	}
	sound(t, db)
}

func TestStreamsReadEveryPage(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 2500))
	ids := map[int64]bool{}
	for k, err := range db.Contacts(t.Context()) {
		require.NoError(t, err)
		ids[k.ID] = true
	}
	if len(ids) != 2500 {
		t.Errorf("%d contacts, want 2500", len(ids))
	}
	claim(t, db, 1500)
	n := 0
	for a, err := range db.Attempts(t.Context()) {
		if err != nil || a.State != campaign.Reserved {
			t.Fatalf("%+v, %v", a, err)
		}
		n++
	}
	if n != 1500 {
		t.Errorf("%d attempts, want 1500", n)
	}
}
