package storage_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
)

func TestAlarms(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	id := uuid.New()
	raise := func(a campaign.Alarm) { t.Helper(); check(t, db.Raise(t.Context(), a)) }
	repeated := campaign.Alarm{Kind: campaign.AlarmKnownCallsMissing, Detail: "x"}
	raise(repeated)
	raise(campaign.Alarm{Kind: campaign.AlarmLost, AttemptID: id, Detail: "y"})
	raise(repeated)
	list, err := db.Alarms(t.Context(), app.AlarmQuery{Limit: 10})
	require.NoError(t, err)
	want := []app.RaisedAlarm{
		{Alarm: repeated, Times: 2}, {Alarm: campaign.Alarm{Kind: campaign.AlarmLost, AttemptID: id, Detail: "y"}, Times: 1},
	}
	if diff := cmp.Diff(want, list, cmpopts.IgnoreFields(app.RaisedAlarm{}, "ID", "First", "Last")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if list, err = db.Alarms(t.Context(), app.AlarmQuery{Limit: 1}); err != nil || len(list) != 1 {
		t.Errorf("with a limit of 1: %v, %v", list, err)
	}
}

func listAlarms(t *testing.T, db *testkit.DB, q app.AlarmQuery) (kinds []string) {
	t.Helper()
	q.Limit = 100
	list, err := db.Alarms(t.Context(), q)
	require.NoError(t, err)
	for _, a := range list {
		kinds = append(kinds, a.Kind)
	}
	return kinds
}

func TestAlarmsByKindAndTime(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	check(t, db.Raise(t.Context(), campaign.Alarm{Kind: campaign.AlarmLost, AttemptID: a.ID, Detail: "x"}))
	db.Exec(t, `UPDATE alarms SET last_at = last_at - interval '2 hours'`)
	check(t, db.Raise(t.Context(), campaign.Alarm{Kind: campaign.AlarmRedis, Detail: "y"}))
	for _, test := range []struct {
		q    app.AlarmQuery
		want []string
	}{
		{app.AlarmQuery{}, []string{campaign.AlarmRedis, campaign.AlarmLost}},
		{app.AlarmQuery{Kind: campaign.AlarmLost}, []string{campaign.AlarmLost}},
		{app.AlarmQuery{Within: time.Hour}, []string{campaign.AlarmRedis}},
		{app.AlarmQuery{Within: time.Hour, Kind: campaign.AlarmLost}, nil},
	} {
		if diff := cmp.Diff(test.want, listAlarms(t, db, test.q)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", test.q, diff)
		}
	}
	list, err := db.Alarms(t.Context(), app.AlarmQuery{Kind: campaign.AlarmLost, Limit: 1})
	if err != nil || len(list) != 1 || list[0].Campaign != "c" {
		t.Errorf("%+v, %v; want the campaign's name", list, err)
	}
}

// A resolved alarm leaves the list. It returns when it is raised again, and still shows
// who resolved it.
func TestResolvedAlarmReopens(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	a := campaign.Alarm{Kind: campaign.AlarmRedis, Detail: "x"}
	seldom := campaign.Alarm{Kind: campaign.AlarmUnsigned, Detail: "y"}
	check(t, db.Raise(t.Context(), a))
	check(t, db.RaiseSeldom(t.Context(), seldom))
	list, err := db.Alarms(t.Context(), app.AlarmQuery{Limit: 10})
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v; want two", list, err)
	}
	resolved, err := db.ResolveAlarms(t.Context(), by("ann"), []int64{list[0].ID, list[1].ID, 99})
	if err != nil || len(resolved) != 2 {
		t.Errorf("resolved %v, %v; want two", resolved, err)
	}
	if again, err := db.ResolveAlarms(t.Context(), by("bob"), resolved); err != nil || len(again) != 0 {
		t.Errorf("resolved %v again, %v", again, err)
	}
	if got := listAlarms(t, db, app.AlarmQuery{}); len(got) != 0 {
		t.Errorf("%v are listed, want none", got)
	}
	if got := listAlarms(t, db, app.AlarmQuery{Resolved: true}); len(got) != 2 {
		t.Errorf("%v of all, want both", got)
	}
	check(t, db.Raise(t.Context(), a))
	check(t, db.RaiseSeldom(t.Context(), seldom))
	if list, err = db.Alarms(t.Context(), app.AlarmQuery{Limit: 10}); err != nil || len(list) != 2 {
		t.Fatalf("after they were raised again: %+v, %v; want two", list, err)
	}
	for _, got := range list {
		if got.ResolvedBy != "ann" || !got.Open() || got.Times != 2 {
			t.Errorf("%+v, want it open, raised twice, and ann's name", got)
		}
	}
	if n, err := db.ResolveAlarmsOf(t.Context(), by("bob"), campaign.AlarmRedis); err != nil || n != 1 {
		t.Errorf("resolved %d of a kind, %v; want 1", n, err)
	}
}

// An alarm that anybody can cause is stored once a minute while it is open.
func TestRaiseSeldom(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	a := campaign.Alarm{Kind: campaign.AlarmUnsigned, Detail: "x"}
	for range 5 {
		check(t, db.RaiseSeldom(t.Context(), a))
	}
	times := func() int { return testkit.Value[int](t, db, `SELECT times FROM alarms`) }
	if n := times(); n != 1 {
		t.Errorf("%d times, want 1", n)
	}
	db.Exec(t, `UPDATE alarms SET last_at = last_at - interval '61 seconds'`)
	check(t, db.RaiseSeldom(t.Context(), a))
	if n := times(); n != 2 {
		t.Errorf("%d times after a minute, want 2", n)
	}
}

// If a provider sends the same wrong report about an attempt with ever new details,
// there are only a few rows, and each report is counted.
func TestAlarmsOfAnAttemptAreBounded(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 2))
	ids := claim(t, db, 2)
	flooded, other := pass(t, db, ids[0]), pass(t, db, ids[1])
	record(t, db, flooded.ID, created("U"))
	record(t, db, other.ID, created("V"))
	for i := range 20 {
		receive(t, db, event(flooded, fmt.Sprint("made up ", i), "ringing"))
	}
	receive(t, db, event(flooded, "made up 3", "ringing"))
	receive(t, db, event(other, "made up", "ringing"))
	type row struct {
		Detail string
		Times  int
	}
	of := func(a campaign.Attempt) []row {
		return testkit.Rows[row](t, db, `SELECT left(detail, 12), times FROM alarms WHERE kind = $1 AND attempt_id = $2 ORDER BY id`, campaign.AlarmSecondCall, a.ID)
	}
	got := of(flooded)
	if len(got) != 9 || got[8] != (row{"more of this", 12}) || got[3].Times != 2 {
		t.Errorf("alarms %+v, want eight, one of them twice, and one row for the other twelve", got)
	}
	if got := of(other); len(got) != 1 || got[0].Times != 1 {
		t.Errorf("another attempt has %+v, want its own alarm", got)
	}
	check(t, db.Raise(t.Context(), campaign.Alarm{Kind: campaign.AlarmRedis, Detail: "x"}))
	if n := testkit.Value[int](t, db, `SELECT times FROM alarms WHERE kind = $1 AND attempt_id IS NULL`, campaign.AlarmRedis); n != 1 {
		t.Errorf("an alarm of no attempt was raised %d times, want 1", n)
	}
}

// An alarm that asks for a decision is not resolved without one, also among many at
// once. If it was resolved, it is raised again.
func TestResolveAsksForADecision(t *testing.T) {
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
	id := testkit.Value[int64](t, db, `SELECT id FROM alarms WHERE kind = 'absence_blocked'`)
	check(t, db.Raise(t.Context(), campaign.Alarm{Kind: campaign.AlarmRedis, Detail: "x"}))
	redis := testkit.Value[int64](t, db, `SELECT id FROM alarms WHERE kind = $1`, campaign.AlarmRedis)
	command := fmt.Sprintf("dialer alarms resolve %d --its-call UUID", id)
	refused := func(err error) {
		t.Helper()
		var undecided *app.UndecidedError
		if !errors.As(err, &undecided) || !strings.Contains(err.Error(), command) {
			t.Errorf("error %v, want one that says %q", err, command)
		}
		if n := testkit.Value[int](t, db, `SELECT count(*) FROM alarms WHERE resolved_at IS NULL`); n != 2 {
			t.Errorf("%d alarms are open, want both", n)
		}
	}
	alarms := app.Alarms{Store: db}
	_, err := alarms.Resolve(t.Context(), by("ann"), []int64{id, redis})
	refused(err)
	_, err = alarms.ResolveKind(t.Context(), by("ann"), campaign.AlarmAbsenceBlocked)
	refused(err)
	db.Exec(t, `UPDATE alarms SET resolved_at = clock_timestamp(), resolved_by = 'an older version' WHERE id = $1`, id)
	blockedBy(t, db)
	if !testkit.Value[bool](t, db, `SELECT last_at > resolved_at FROM alarms WHERE id = $1`, id) {
		t.Error("the alarm is not open again while its attempt is unknown")
	}
	db.Exec(t, `UPDATE attempts SET state = 'lost', changed_by = 'reconciler'`)
	check(t, db.RaiseBlocked(t.Context(), times))
	check(t, db.Raise(t.Context(), campaign.Alarm{Kind: campaign.AlarmLost, AttemptID: a.ID, Detail: "x"}))
	_, err = alarms.ResolveKind(t.Context(), by("ann"), campaign.AlarmLost)
	if !errors.As(err, new(*app.UndecidedError)) {
		t.Errorf("a lost attempt: error %v", err)
	}
	receive(t, db, completed(a, "U1", "1"))
	check(t, db.RaiseBlocked(t.Context(), times))
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM alarms WHERE kind = ANY ($1) AND (resolved_at IS NULL OR last_at > resolved_at)`, app.Decidable); n > 0 {
		t.Errorf("%d alarms ask for a decision about an attempt that was settled", n)
	}
}
