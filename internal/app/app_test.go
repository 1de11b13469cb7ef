package app_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

var ann = app.Actor{Name: "ann", Role: app.Operator, Through: app.ThroughAPI}

// entries are the audit entries without their times, the oldest first.
func entries(t *testing.T, db *testkit.DB) []string {
	t.Helper()
	return testkit.Rows[string](t, db, `
		SELECT concat_ws(' ', actor, role, through, action, object) || ': ' || coalesce(before::text, '-') || ' -> ' || coalesce(after::text, '-')
		FROM audit ORDER BY id`)
}

func TestCampaignChangesAreAudited(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	in := app.Import{By: ann, Store: db.DB}
	c, err := in.OpenCampaign(t.Context(), "outage", testkit.Settings())
	require.NoError(t, err)
	_, err = in.OpenCampaign(t.Context(), "outage", testkit.Settings()) // it exists: no entry
	require.NoError(t, err)
	for range 2 { // the second time adds nothing: no entry
		_, err = in.AddContacts(t.Context(), c.ID, "file", campaign.RowBatch{Rows: testkit.ContactRows(0, 3)})
		require.NoError(t, err)
		require.NoError(t, in.FinishImport(t.Context(), c.ID))
	}
	campaigns := app.Campaigns{Store: db.DB}
	for range 2 {
		_, err = campaigns.Pause(t.Context(), ann, "outage", "lunch")
		require.NoError(t, err)
	}
	for range 2 {
		_, err = campaigns.Resume(t.Context(), ann, "outage")
		require.NoError(t, err)
	}
	for range 2 {
		_, err = campaigns.Stop(t.Context(), ann, "outage")
		require.NoError(t, err)
	}
	got := entries(t, db)
	if len(got) == 0 || !strings.HasPrefix(got[0], `ann operator api campaign.create campaign 1: - -> {"name": "outage", "status": "importing", "settings": {`) {
		t.Fatalf("created: %q", got)
	}
	want := []string{
		`ann operator api contacts.add campaign 1: - -> {"added": 3, "source": "file", "refused": 0, "updated": 0, "duplicates": 0}`,
		`ann operator api import.finish campaign 1: {"status": "importing"} -> {"status": "running"}`,
		`ann operator api campaign.pause campaign 1: {"status": "running"} -> {"reason": "lunch", "status": "paused"}`,
		`ann operator api campaign.resume campaign 1: {"reason": "lunch", "status": "paused"} -> {"status": "running"}`,
		`ann operator api campaign.stop campaign 1: {"status": "running"} -> {"status": "stopped"}`,
	}
	if diff := cmp.Diff(want, got[1:]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := campaigns.Resume(t.Context(), ann, "outage"); err == nil || len(entries(t, db)) != len(got) {
		t.Errorf("resume of a stopped campaign: %v, %d entries", err, len(entries(t, db)))
	}
}

func TestSuppressionsAreAuditedMasked(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	s := app.Suppressions{Store: db.DB}
	number := testkit.Number(1)
	for _, source := range []string{"ann", "a list"} {
		_, err := s.Add(t.Context(), ann, []app.Suppression{{Number: number, Source: source}}, false)
		require.NoError(t, err)
	}
	_, err := s.Lift(t.Context(), ann, app.Lift{Number: number})
	require.NoError(t, err)
	if _, err := s.Lift(t.Context(), ann, app.Lift{Number: number}); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
	entry := func(source string) string {
		return `{"count": 1, "entries": [{"number": "44*******001", "source": "` + source + `"}]}`
	}
	want := []string{
		`ann operator api suppressions.add suppressions: {"count": 0, "entries": []} -> ` + entry("ann"),
		`ann operator api suppressions.remove suppressions: ` + entry("ann") + ` -> -`, // the list changed nothing
	}
	got := entries(t, db)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if strings.Contains(strings.Join(got, ""), number) {
		t.Error("the audit holds the number")
	}
}

func TestAlarmsAndEventsAreAudited(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	admin := app.Actor{Name: "bob", Role: app.Admin, Through: app.ThroughPage}
	require.NoError(t, db.Raise(t.Context(), campaign.Alarm{Kind: campaign.AlarmRedis, Detail: "x"}))
	for range 2 {
		_, err := app.Alarms{Store: db.DB}.ResolveKind(t.Context(), admin, campaign.AlarmRedis)
		require.NoError(t, err)
	}
	db.Exec(t, `CREATE TABLE events_20200102 PARTITION OF events FOR VALUES FROM ('2020-01-02') TO ('2020-01-03')`)
	db.Exec(t, `INSERT INTO events (received_at, kind, body) VALUES ('2020-01-02 12:00Z', 'ringing', '{}')`)
	for _, dryRun := range []bool{true, false} {
		_, err := app.Events{Store: db.DB}.Prune(t.Context(), admin, app.LeastEventAge, dryRun)
		require.NoError(t, err)
	}
	want := []string{
		`bob admin page alarms.resolve alarm 1: {"ids": [1], "open": 1} -> {"resolved": 1}`,
		`bob admin page events.prune events of 2020-01-02: {"events": 1} -> {"events": 0}`,
	}
	if diff := cmp.Diff(want, entries(t, db)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPruneLeastAge(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	if _, err := (app.Events{Store: db.DB}).Prune(t.Context(), testkit.Actor, app.LeastEventAge-time.Second, false); err == nil {
		t.Error("events were dropped that Vonage may still add to")
	}
}

func TestCallActionIsAuditedWithItsOutcome(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	calls := app.Calls{Store: db.DB}
	hangUp := app.CallAction{CallUUID: "U1", Action: "hangup"}
	for _, result := range []app.CallResult{
		{Effect: campaign.EffectDone, Answer: "done"},
		{Effect: campaign.EffectRefused, Answer: "404", Over: true, Err: errors.New("it has ended")},
		{Err: errors.New("it was never sent")},
	} {
		_, err := calls.Act(t.Context(), ann, hangUp, func(context.Context) app.CallResult { return result })
		if (err != nil) != (result.Err != nil) {
			t.Errorf("%+v: %v", result, err)
		}
	}
	want := []string{
		`ann operator api call.hangup call U1: - -> {"answer": "done", "detail": "", "outcome": "done"}`,
		`ann operator api call.hangup call U1: - -> {"answer": "404", "detail": "", "outcome": "refused"}`,
	}
	if diff := cmp.Diff(want, entries(t, db)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	db.StartCampaign(t, "outage", 1)
	before := len(entries(t, db))
	pause := func(by app.Actor) error {
		_, err := app.Campaigns{Store: db.DB}.Pause(t.Context(), by, "outage", "lunch")
		return err
	}
	resolve := func(by app.Actor) error {
		_, err := app.Alarms{Store: db.DB}.Resolve(t.Context(), by, []int64{1})
		return err
	}
	lock := app.DialLock{Store: db.DB}
	release := func(by app.Actor) error {
		_, err := lock.Release(t.Context(), by, campaign.DefaultRecordsKept, false)
		return err
	}
	keep := func(by app.Actor) error { _, err := lock.KeepAccount(t.Context(), by); return err }
	accept := func(by app.Actor) error { _, err := lock.AcceptIncompleteList(t.Context(), by); return err }
	dump := func(by app.Actor) error {
		return app.Dump(t.Context(), db.DB, by, []string{"campaigns"}, func(string, []string) error { return nil })
	}
	for _, test := range []struct {
		name string
		do   func(app.Actor) error
		by   app.Actor
		may  bool
	}{
		{"an operator releases the dial lock", release, ann, false},
		{"an operator keeps the account", keep, ann, false},
		{"an operator accepts an incomplete list", accept, ann, false},
		{"a viewer pauses", pause, app.Actor{Name: "vic", Role: app.Viewer, Through: app.ThroughPage}, false},
		{"an API without a role pauses", pause, app.Actor{Name: "crm", Through: app.ThroughAPI}, false},
		{"an operator resolves alarms", resolve, ann, false},
		{"an operator takes everything away", dump, ann, false},
		{"no name", pause, app.Actor{Through: app.ThroughCommand}, false},
		{"an admin resolves alarms", resolve, app.Actor{Name: "bob", Role: app.Admin, Through: app.ThroughAPI}, true},
		{"the command line resolves alarms", resolve, testkit.Actor, true},
	} {
		err := test.do(test.by)
		if test.may != (err == nil) || !test.may && test.by.Name != "" && !errors.Is(err, app.ErrForbidden) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if got := entries(t, db); len(got) != before {
		t.Errorf("audited: %q", got[before:])
	}
}
