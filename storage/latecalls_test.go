package storage_test

import (
	"slices"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// If a campaign was stopped together with its calls, a call that becomes known later is
// hung up too. If it was stopped alone, the call is not.
func TestLateCallOfAStoppedCampaign(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		hangUp bool
		late   func(t *testing.T, db *testkit.DB, a campaign.Attempt)
		want   []string
	}{
		{"an event", true, func(t *testing.T, db *testkit.DB, a campaign.Attempt) { receive(t, db, event(a, "U1", "answered")) }, []string{"U1 pending campaign_stopped"}},
		{"a response", true, func(t *testing.T, db *testkit.DB, a campaign.Attempt) { record(t, db, a.ID, created("U1")) }, []string{"U1 pending campaign_stopped"}},
		{"its end", true, func(t *testing.T, db *testkit.DB, a campaign.Attempt) { receive(t, db, event(a, "U1", "completed")) }, nil},
		{"a record of the list", true, func(t *testing.T, db *testkit.DB, a campaign.Attempt) { store(t, db, listed(a, "U1", "answered")) }, nil},
		{"stopped alone", false, func(t *testing.T, db *testkit.DB, a campaign.Attempt) { receive(t, db, event(a, "U1", "answered")) }, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 1))
			a := dialOne(t, db)
			if ordered, err := db.HangUpLate(t.Context(), 1); err != nil || ordered {
				t.Fatalf("of a running campaign: %v, %v", ordered, err)
			}
			check(t, db.Stop(t.Context(), 1))
			if test.hangUp {
				if ordered, err := db.HangUpLate(t.Context(), 1); err != nil || !ordered {
					t.Fatalf("of a stopped campaign: %v, %v", ordered, err)
				}
			}
			test.late(t, db, a)
			if diff := cmp.Diff(test.want, ordered(t, db), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A call of an attempt that was considered over is the person's only call until the
// telephone is called again. Until then it is not hung up.
func TestHangUpOfLateCall(t *testing.T) {
	t.Parallel()
	const order = "U1 pending late_evidence"
	for _, test := range []struct {
		name      string
		successor func(t *testing.T, db *testkit.DB)
		want      []string
	}{
		{"no successor", func(*testing.T, *testkit.DB) {}, nil},
		{"one that is reserved", func(t *testing.T, db *testkit.DB) { claimOne(t, db) }, nil},
		{"one that is dialing", func(t *testing.T, db *testkit.DB) { dialOne(t, db) }, []string{order}},
		{"one that Vonage refused", func(t *testing.T, db *testkit.DB) {
			record(t, db, dialOne(t, db).ID, refused(campaign.RefusedRate))
		}, nil},
		{"one that was answered", func(t *testing.T, db *testkit.DB) {
			a := dialOne(t, db)
			record(t, db, a.ID, created("U2"))
			receive(t, db, event(a, "U2", "answered"))
			receive(t, db, event(a, "U2", "completed"))
		}, []string{order}},
		{"one that was busy", func(t *testing.T, db *testkit.DB) {
			a := dialOne(t, db)
			record(t, db, a.ID, created("U2"))
			receive(t, db, event(a, "U2", "busy"))
			receive(t, db, event(a, "U2", "completed"))
		}, nil},
	} {
		for over, first := range thoughtOver {
			t.Run(over+", "+test.name, func(t *testing.T) {
				t.Parallel()
				db := testkit.New(t)
				running(t, db, "c", settings(), rows(0, 1))
				first := first(t, db)
				db.MakeDue(t)
				test.successor(t, db)
				receive(t, db, event(first, "U1", "ringing"))
				if got := state(t, db, first.ID); got != campaign.Accepted {
					t.Errorf("attempt %s, want accepted", got)
				}
				if diff := cmp.Diff(test.want, ordered(t, db), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if got := alarms(t, db); !slices.Contains(got, campaign.AlarmLateEvidence) {
					t.Errorf("alarms %v", got)
				}
			})
		}
	}
}

// thoughtOver are attempts that made no call, as Vonage or its list said.
var thoughtOver = map[string]func(*testing.T, *testkit.DB) campaign.Attempt{
	"refused": func(t *testing.T, db *testkit.DB) campaign.Attempt {
		a := dialOne(t, db)
		record(t, db, a.ID, refused(campaign.RefusedRate))
		return a
	},
	"absent": absentOne,
}
