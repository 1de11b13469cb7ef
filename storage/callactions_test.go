package storage_test

import (
	"errors"
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

func TestCallActionsAreInTheAudit(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	record(t, db, a.ID, created("U1"))
	list := []app.CallAction{
		{CallUUID: "U1", Who: "ann", Action: "talk start", Detail: "Hello\x00", Outcome: campaign.EffectDone, Answer: "Talk started"},
		{CallUUID: "U1", Who: "bob", Action: "hangup", Outcome: campaign.EffectRefused, Answer: "404 Not Found"},
		{CallUUID: "U2", Who: "ann", Action: "hangup", Outcome: campaign.EffectUnknown, Answer: "timed out"},
	}
	for _, action := range list {
		check(t, db.RecordCallAction(t.Context(), app.Actor{Name: action.Who, Through: app.ThroughCommand}, action))
	}
	list[0].Detail = "Hello\uFFFD"
	got, err := db.CallActions(t.Context(), "U1")
	require.NoError(t, err)
	if diff := cmp.Diff(list[:2], got, cmpopts.IgnoreFields(app.CallAction{}, "At")); diff != "" {
		t.Errorf("of the call (-want +got):\n%s", diff)
	}
	if age := time.Since(got[0].At); age < -time.Minute || age > time.Minute {
		t.Errorf("recorded at %s, want about now", got[0].At)
	}
	if diff := cmp.Diff(got, why(t, db, number(0)).Contacts[0].Actions); diff != "" {
		t.Errorf("of the person (-of the call +why):\n%s", diff)
	}
	for _, sql := range []string{`UPDATE audit SET actor = 'nobody'`, `DELETE FROM audit`} {
		if err := db.TryExec(t, sql); err == nil || !strings.Contains(err.Error(), "never changed") {
			t.Errorf("%s: %v, want a refusal", sql, err)
		}
	}
	if err := db.RecordCallAction(t.Context(), app.Actor{}, app.CallAction{CallUUID: "U1", Action: "mute", Outcome: campaign.EffectDone}); err == nil {
		t.Error("an action of nobody was recorded")
	}
}

func TestLiveCalls(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "c", settings(), rows(0, 5))
	ids := claim(t, db, 5)
	var dialed []campaign.Attempt
	for _, id := range ids[:4] {
		dialed = append(dialed, pass(t, db, id))
	}
	record(t, db, dialed[0].ID, created("U1"))
	record(t, db, dialed[1].ID, created("U2"))
	receive(t, db, completed(dialed[1], "U2", "0.1"))
	record(t, db, dialed[2].ID, unknown)
	other := running(t, db, "other", settings(), rows(100, 1))
	record(t, db, dialOne(t, db).ID, created("U3"))

	for id, want := range map[int64]app.LiveCalls{
		c.ID:     {UUIDs: []string{"U1"}, Unclear: 2},
		other.ID: {UUIDs: []string{"U3"}},
		-1:       {UUIDs: []string{}},
	} {
		got, err := db.LiveCalls(t.Context(), id)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("campaign %d: %v (-want +got):\n%s", id, err, diff)
		}
	}
}

func TestPlacementInEveryState(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	id := claimOne(t, db)
	for _, move := range []func(){
		func() {},
		func() { pass(t, db, id) },
		func() { record(t, db, id, created("U1")) },
	} {
		move()
		p, err := db.Placement(t.Context(), id)
		if err != nil || p.Attempt.ID != id || p.Vars["name"] != "Person 0" || p.Settings.Message.Say != settings().Message.Say {
			t.Errorf("%s: %+v, %v", state(t, db, id), p, err)
		}
	}
	if _, err := db.Load(t.Context(), id); !errors.Is(err, campaign.ErrStale) {
		t.Errorf("Load of an accepted attempt: %v, want stale", err)
	}
	if _, err := db.Placement(t.Context(), uuid.New()); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("of an attempt that is none: %v, want not found", err)
	}
}
