package storage_test

import (
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
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
