package storage_test

import (
	"strconv"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

func TestRecordOutcomes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		outcome campaign.Outcome
		state   campaign.State
		contact string
	}{
		{"created", created("U1"), campaign.Accepted, "active"},
		{"unknown", unknown, campaign.Unknown, "active"},
		{"must exist", campaign.Outcome{Kind: campaign.OutcomeUnknown, MustExist: true}, campaign.Unknown, "active"},
		{"invalid", refused(campaign.RefusedInvalid), campaign.Refused, "done refused"},
		{"rate", refused(campaign.RefusedRate), campaign.Refused, "pending"},
		{"unreachable", refused(campaign.RefusedUnreachable), campaign.Refused, "pending"},
		{"stale", refused(campaign.RefusedStale), campaign.Refused, "pending"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 1))
			a := dialOne(t, db)
			for range 2 {
				record(t, db, a.ID, test.outcome)
				if state(t, db, a.ID) != test.state || contact(t, db, a.ID) != test.contact {
					t.Errorf("attempt %s, contact %q; want %s, %q", state(t, db, a.ID), contact(t, db, a.ID), test.state, test.contact)
				}
			}
			if got := alarms(t, db); len(got) != 0 {
				t.Errorf("alarms %v", got)
			}
			sound(t, db)
		})
	}
}

func TestRecordComesAfterTheWebhook(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]campaign.Outcome{
		"created": created("U1"), "unknown": unknown, "refused": refused(campaign.RefusedAuth),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 1))
			a := dialOne(t, db)
			receive(t, db, event(a, "U1", "answered"))
			record(t, db, a.ID, late)
			if state(t, db, a.ID) != campaign.Accepted || contact(t, db, a.ID) != "active" {
				t.Errorf("attempt %s, contact %s", state(t, db, a.ID), contact(t, db, a.ID))
			}
			if got := testkit.Value[string](t, db, `SELECT status FROM campaigns`); got != "running" {
				t.Errorf("the campaign is %s", got)
			}
			if got := alarms(t, db); len(got) != 0 {
				t.Errorf("alarms %v", got)
			}
		})
	}
}

func TestRecordPausesTheCampaign(t *testing.T) {
	t.Parallel()
	for _, r := range []campaign.Refusal{campaign.RefusedAuth, campaign.RefusedAccount} {
		t.Run(string(r), func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			c := running(t, db, "c", settings(), rows(0, 3))
			ids := claim(t, db, 3)
			pass(t, db, ids[0])
			record(t, db, ids[0], refused(r))
			type campaignRow struct{ Status, Reason string }
			got := testkit.Rows[campaignRow](t, db, `SELECT status, pause_reason FROM campaigns`)
			if diff := cmp.Diff([]campaignRow{{"paused", "refused by Vonage: " + string(r)}}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{campaign.AlarmPaused}, alarms(t, db)); diff != "" {
				t.Errorf("alarms (-want +got):\n%s", diff)
			}
			if n := testkit.Value[int](t, db, `SELECT count(*) FROM contacts WHERE state = 'pending'`); n != 3 {
				t.Errorf("%d contacts are pending, want 3", n)
			}
			require.NoError(t, db.Resume(t.Context(), c.ID))
			record(t, db, ids[0], refused(r))
			if got := testkit.Value[string](t, db, `SELECT status FROM campaigns`); got != "running" {
				t.Errorf("the same refusal, recorded again, paused the campaign again")
			}
			sound(t, db)
		})
	}
}

// The POST was answered so late that its call was given up: a person must look.
func TestRecordAfterAbsence(t *testing.T) {
	t.Parallel()
	mustExist := campaign.Outcome{Kind: campaign.OutcomeUnknown, MustExist: true}
	for _, test := range []struct {
		name    string
		outcome campaign.Outcome
		state   campaign.State
	}{
		{"created", created("U1"), campaign.Accepted},
		{"must exist", mustExist, campaign.Absent},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 1))
			a := dialOne(t, db)
			record(t, db, a.ID, unknown)
			db.Exec(t, `UPDATE attempts SET state = 'absent', changed_by = 'reconciler', absent_scan_1 = $1, absent_scan_2 = $2`,
				scanned(t, db, time.Hour, time.Minute, time.Minute), scanned(t, db, time.Hour, time.Minute, time.Minute))
			record(t, db, a.ID, test.outcome)
			if state(t, db, a.ID) != test.state {
				t.Errorf("attempt %s, want %s", state(t, db, a.ID), test.state)
			}
			if diff := cmp.Diff([]string{campaign.AlarmLateEvidence}, alarms(t, db)); diff != "" {
				t.Errorf("alarms (-want +got):\n%s", diff)
			}
		})
	}
}

func saying(r campaign.Refusal, said string) campaign.Outcome {
	return campaign.Outcome{Kind: campaign.OutcomeRefused, Refusal: r, Said: said}
}

// A message that Vonage accepts for nobody pauses the campaign before it has used up
// its contacts. The refused ones, and those whose POST was in progress, are called
// again once the campaign is resumed.
func TestAlikeRefusalsPauseTheCampaign(t *testing.T) {
	t.Parallel()
	const said = "422 Unprocessable Entity: style 9 is unknown"
	db := testkit.New(t)
	c := running(t, db, "c", settings(), rows(0, 8))
	count := func(query string) int { return testkit.Value[int](t, db, query) }
	refuse := func(n int) {
		t.Helper()
		ids := claim(t, db, n)
		if len(ids) != n {
			t.Fatalf("%d claimed, want %d", len(ids), n)
		}
		for _, id := range ids { // all are in progress at once
			pass(t, db, id)
		}
		for _, id := range ids {
			record(t, db, id, saying(campaign.RefusedInvalid, said))
		}
	}
	refuse(5)
	if got := testkit.Value[string](t, db, `SELECT status || ': ' || pause_reason FROM campaigns`); got != "paused: refused by Vonage: alike: "+said {
		t.Errorf("the campaign is %s", got)
	}
	if n := count(`SELECT count(*) FROM contacts WHERE state = 'pending'`); n != 8 {
		t.Errorf("%d contacts are pending, want 8", n)
	}
	want := []string{"campaign " + strconv.FormatInt(c.ID, 10) + " was paused, because Vonage refused a call: alike: " + said}
	if diff := cmp.Diff(want, testkit.Rows[string](t, db, `SELECT detail FROM alarms WHERE kind = 'campaign_paused'`)); diff != "" {
		t.Errorf("alarms (-want +got):\n%s", diff)
	}
	if n := count(`SELECT count(*) FROM reporting.attempts WHERE post_error = '` + said + `'`); n != 5 {
		t.Errorf("%d attempts have what Vonage said, want 5", n)
	}
	sound(t, db)

	// It is resumed without a correction: the same again, until contacts were refused so
	// often that they are considered the cause.
	for range 2 {
		db.Exec(t, `UPDATE contacts SET due_at = now() WHERE state = 'pending'`)
		require.NoError(t, db.Resume(t.Context(), c.ID))
		if n := count(`SELECT count(*) FROM alarms WHERE kind = 'campaign_paused' AND (resolved_at IS NULL OR last_at > resolved_at)`); n != 0 {
			t.Errorf("%d alarms of the pause are open after the resume", n)
		}
		refuse(3)
	}
	if n := count(`SELECT count(*) FROM contacts WHERE state = 'pending'`); n != 8 {
		t.Errorf("%d contacts are pending after it was resumed twice, want 8", n)
	}
	db.Exec(t, `
		UPDATE contacts k SET due_at = now() - interval '1 hour' WHERE (
			SELECT count(*) FROM attempts a WHERE a.contact_id = k.id AND a.note = 'alike') >= 3`)
	require.NoError(t, db.Resume(t.Context(), c.ID))
	refuse(1)
	if n := count(`SELECT count(*) FROM contacts WHERE state = 'done' AND reason = 'refused'`); n != 1 {
		t.Errorf("%d contacts ended as refused, want the one that was refused a fourth time", n)
	}
	sound(t, db)
}

// Bad numbers among good ones end their own contacts, and nothing else.
func TestRefusalsOfSingleContactsAreTheirOwn(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 6))
	for i, id := range claim(t, db, 6) {
		pass(t, db, id)
		if i == 2 {
			record(t, db, id, created("U1"))
			continue
		}
		if i == 5 {
			continue
		}
		record(t, db, id, saying(campaign.RefusedInvalid, "400 Bad Request: number is not valid"))
	}
	if got := testkit.Value[string](t, db, `SELECT status FROM campaigns`); got != "running" {
		t.Errorf("the campaign is %s", got)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM contacts WHERE reason = 'refused'`); n != 4 {
		t.Errorf("%d contacts ended as refused, want 4", n)
	}
	sound(t, db)
}

// A contact that never gets a call at Vonage ends, with a reason and one alarm that
// shows the last answer.
func TestGivenUpIsAnAlarm(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	for i := range campaign.WithoutCallMost {
		if got := alarms(t, db); len(got) != 0 {
			t.Fatalf("alarms %v after %d attempts", got, i)
		}
		db.MakeDue(t)
		a := dialOne(t, db)
		record(t, db, a.ID, campaign.Outcome{Kind: campaign.OutcomeRefused, Refusal: campaign.RefusedRate})
	}
	got := testkit.Rows[string](t, db, `SELECT kind || ': ' || detail FROM alarms`)
	if len(got) != 1 || got[0] != "contact_given_up: Vonage made no call in 30 attempts in a row (the last: rate)" {
		t.Errorf("alarms %q, want one that says why", got)
	}
	if got := testkit.Value[string](t, db, `SELECT state || ' ' || reason FROM contacts`); got != "done refused" {
		t.Errorf("the contact is %s", got)
	}
	sound(t, db)
}
