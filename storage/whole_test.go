package storage_test

import (
	"fmt"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"

	"github.com/google/go-cmp/cmp"
)

// By its numbers a call is bound only where all of the attempt's time was read;
// until then it is neither bound nor foreign.
func TestReconcileWaitsForTheWholeTime(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		from, to time.Duration // from the attempt's gate and its token's end
		whole    bool
	}{
		{"read whole", -5 * time.Second, 2 * time.Minute, true},
		{"not from the beginning", -4 * time.Second, 2 * time.Minute, false},
		{"not to the end", -5 * time.Second, 119 * time.Second, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 1))
			a := dialOne(t, db)
			record(t, db, a.ID, refused(campaign.RefusedInvalid))
			a = aged(t, db, a)
			reading := campaign.Reading{From: a.DialedAt.Add(test.from), To: a.TokenExpiresAt.Add(test.to)}
			e := listed(a, "U1", "completed")
			got, unread, err := db.Reconcile(t.Context(), []campaign.Evidence{e}, reading)
			check(t, err)
			want := campaign.Reconciled{}
			if test.whole {
				want.Bound = 1
			} else if len(unread) != 1 || unread[0].Attempt.ID != a.ID || unread[0].Record.CallUUID != "U1" {
				t.Errorf("to be read: %+v, want the attempt's whole time", unread)
			}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if n := testkit.Value[int](t, db, `SELECT count(*) FROM foreign_calls`); n != 0 {
				t.Errorf("%d foreign calls, want none", n)
			}
			sound(t, db)
		})
	}
}

// A rival more than a batch away is a rival.
func TestReconcileSeesRivalsInOtherBatches(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := unknownOne(t, db)
	records := []campaign.Evidence{listed(a, "U1", "completed")}
	for i := range 600 {
		e := listed(a, fmt.Sprint("F", i), "completed")
		e.To, e.From = number(1000+i), "15550100"
		records = append(records, e)
	}
	records = append(records, listed(a, "U2", "completed"))
	if got := reconcile(t, db, records...); got != (campaign.Reconciled{Foreign: 600, Ambiguous: 2}) {
		t.Errorf("got %+v, want the first and the last ambiguous", got)
	}
}

// Once a call proves to be an attempt's, the alarms that it was not are
// resolved, whoever told of it.
func TestAlarmsOfACallThatProvesOursAreResolved(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		kind   string
		proves func(t *testing.T, db *testkit.DB, a campaign.Attempt, e campaign.Evidence)
	}{
		{campaign.AlarmUnmatchedCall, func(t *testing.T, db *testkit.DB, a campaign.Attempt, _ campaign.Evidence) {
			receive(t, db, event(a, "U1", "ringing"))
		}},
		{campaign.AlarmUnmatchedCall, func(t *testing.T, db *testkit.DB, a campaign.Attempt, e campaign.Evidence) {
			e.At = a.DialedAt.Add(time.Second) // Vonage corrects the start
			reconcile(t, db, e)
		}},
		{campaign.AlarmAmbiguousMatch, func(t *testing.T, db *testkit.DB, a campaign.Attempt, _ campaign.Evidence) {
			receive(t, db, event(a, "U1", "ringing"))
		}},
	} {
		db := testkit.New(t)
		running(t, db, "c", settings(), rows(0, 1))
		a := unknownOne(t, db)
		e, other := listed(a, "U1", "completed"), listed(a, "U2", "completed")
		if test.kind == campaign.AlarmUnmatchedCall {
			e.At = a.DialedAt.Add(-time.Hour)
			other.To, other.From = number(7), ours
		}
		reconcile(t, db, e, other)
		open := func() []string {
			return testkit.Rows[string](t, db, `SELECT kind || ' ' || substring(detail from 'U.') FROM alarms WHERE resolved_at IS NULL ORDER BY 1`)
		}
		if diff := cmp.Diff([]string{test.kind + " U1", test.kind + " U2"}, open()); diff != "" {
			t.Fatalf("alarms (-want +got):\n%s", diff)
		}
		test.proves(t, db, a, e)
		if diff := cmp.Diff([]string{test.kind + " U2"}, open()); diff != "" {
			t.Errorf("open alarms once U1 is the attempt's (-want +got):\n%s", diff)
		}
		if who := testkit.Value[string](t, db, `SELECT resolved_by FROM alarms WHERE resolved_at IS NOT NULL`); who != "dialer" {
			t.Errorf("resolved by %q", who)
		}
	}
}
