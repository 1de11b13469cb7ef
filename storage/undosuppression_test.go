package storage_test

import (
	"errors"
	"strings"
	"testing"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

var (
	anna = app.Actor{Name: "anna", Role: app.Operator, Through: app.ThroughPage}
	bert = app.Actor{Name: "bert", Role: app.Operator, Through: app.ThroughPage}
)

func suppressAs(t *testing.T, db *testkit.DB, by app.Actor, s app.Suppression) app.Suppressed {
	t.Helper()
	s.Source = by.Name
	done, err := app.Suppressions{Store: db.DB}.Add(t.Context(), by, []app.Suppression{s}, false)
	require.NoError(t, err)
	return done
}

// standing are the suppressions in force, as "number scope source".
func standing(t *testing.T, db *testkit.DB) []string {
	t.Helper()
	return testkit.Rows[string](t, db, `
		SELECT concat_ws(' ', number, coalesce(campaign, purpose, 'all'), source) FROM reporting.suppressions WHERE ended_at IS NULL ORDER BY 1`)
}

func TestUndoOfASuppression(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	importing(t, db, "a", settings(), rows(0, 1))
	list := app.Suppressions{Store: db.DB}
	refused := func(what string, by app.Actor, id int64) {
		t.Helper()
		if _, err := list.Undo(t.Context(), by, id); err == nil || !strings.Contains(err.Error(), "nothing to undo") {
			t.Errorf("%s: %v", what, err)
		}
	}
	inOne := suppressAs(t, db, bert, app.Suppression{Number: number(0), Campaign: "a"})
	all := suppressAs(t, db, anna, app.Suppression{Number: number(0)})
	other := suppressAs(t, db, anna, app.Suppression{Number: number(1)})
	if again := suppressAs(t, db, bert, app.Suppression{Number: number(0)}); again != (app.Suppressed{Same: 1, ID: all.ID}) {
		t.Errorf("suppressed again: %+v", again)
	}
	refused("somebody else's", bert, all.ID)
	refused("one that is none", anna, 999)
	if _, err := list.Undo(t.Context(), app.Actor{Name: "anna", Role: app.Viewer, Through: app.ThroughPage}, all.ID); !errors.Is(err, app.ErrForbidden) {
		t.Errorf("a viewer: %v", err)
	}
	_, err := list.Undo(t.Context(), anna, all.ID)
	require.NoError(t, err)
	if diff := cmp.Diff([]string{number(0) + " a bert", number(1) + " all anna"}, standing(t, db)); diff != "" {
		t.Errorf("after the undo of one (-want +got):\n%s", diff)
	}
	refused("twice", anna, all.ID)
	db.Exec(t, `UPDATE suppressions SET created_at = now() - interval '11 minutes'`)
	refused("long after", anna, other.ID)
	refused("long after", bert, inOne.ID)
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM audit WHERE action = 'suppressions.undo' AND actor = 'anna'`); n != 1 {
		t.Errorf("the audit has %d undos, want 1", n)
	}
}

// A contact that ended because of a suppression is called after its undo, unless
// something else prevents that.
func TestUndoRestoresWhoItEnded(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	for _, name := range []string{"queued", "waits", "before", "beside", "said"} {
		running(t, db, name, settings(), rows(0, 1))
		if name == "queued" {
			claim(t, db, 1)
		}
	}
	suppressAs(t, db, bert, app.Suppression{Number: number(0), Campaign: "before"})
	_, err := app.Suppressions{Store: db.DB}.Lift(t.Context(), bert, app.Lift{Number: number(0), Scope: app.ScopeCampaign})
	require.NoError(t, err)
	done := suppressAs(t, db, anna, app.Suppression{Number: number(0)})
	suppressAs(t, db, bert, app.Suppression{Number: number(0), Campaign: "beside"})
	db.Exec(t, `UPDATE contacts SET result = $1 WHERE campaign_id = (SELECT id FROM campaigns WHERE name = 'said')`, campaign.OptedOut)
	ends := func() []string {
		return testkit.Rows[string](t, db, `SELECT campaign || ' ' || coalesce(reason, state) FROM reporting.contacts ORDER BY campaign_id`)
	}
	want := []string{"queued suppressed", "waits suppressed", "before suppressed", "beside suppressed", "said suppressed"}
	if diff := cmp.Diff(want, ends()); diff != "" {
		t.Fatalf("suppressed (-want +got):\n%s", diff)
	}
	restored, err := app.Suppressions{Store: db.DB}.Undo(t.Context(), anna, done.ID)
	if err != nil || restored != 2 {
		t.Fatalf("%d are called again, %v; want 2", restored, err)
	}
	want[0], want[1] = "queued pending", "waits pending"
	if diff := cmp.Diff(want, ends()); diff != "" {
		t.Errorf("after the undo (-want +got):\n%s", diff)
	}
	audited := testkit.Rows[string](t, db, `
		SELECT object FROM audit WHERE action = 'contact.restore' AND actor = 'anna' AND after->>'because' = 'the suppression was undone' ORDER BY id`)
	of := testkit.Rows[string](t, db, `SELECT 'contact ' || contact_id FROM reporting.contacts WHERE campaign IN ('queued', 'waits') ORDER BY contact_id`)
	if diff := cmp.Diff(of, audited); diff != "" {
		t.Errorf("the audit says who is called again (-want +got):\n%s", diff)
	}
	if n := len(claim(t, db, 10)); n != 1 { // one at a time for one number
		t.Errorf("%d are claimed, want 1", n)
	}
	sound(t, db)
}

// A person who opts out by key has opted out, even if somebody had suppressed the
// number and then undoes that, or lifts it in another scope.
func TestOptOutOutlastsAnUndo(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	s := settings()
	s.Message.Keys = map[string]campaign.Key{"9": {OptOut: true}}
	running(t, db, "spoke", s, rows(0, 2))
	for i, id := range claim(t, db, 2) {
		a := pass(t, db, id)
		a.CallUUID = string('U' + rune(i))
		receive(t, db, event(a, a.CallUUID, "human"))
		key := event(a, a.CallUUID, "")
		key.Kind, key.Said = "input", campaign.Said{Turn: 1, Pressed: "9", OptOut: campaign.OptOutAll}
		var own app.Suppressed
		if a.To == number(0) { // suppressed during the call, before the person opts out
			own = suppressAs(t, db, anna, app.Suppression{Number: a.To})
			receive(t, db, key)
		} else {
			receive(t, db, key)
			own = suppressAs(t, db, anna, app.Suppression{Number: a.To, Purpose: "marketing"})
			if again := suppressAs(t, db, anna, app.Suppression{Number: a.To}); again.Added != 0 {
				t.Errorf("an opt-out is suppressed anew: %+v", again)
			} else if _, err := (app.Suppressions{Store: db.DB}).Undo(t.Context(), anna, again.ID); err == nil {
				t.Error("an opt-out is undone")
			}
		}
		_, _ = app.Suppressions{Store: db.DB}.Undo(t.Context(), anna, own.ID) // the first belongs to nobody any more
	}
	if diff := cmp.Diff([]string{number(0) + " all opt-out by key", number(1) + " all opt-out by key"}, standing(t, db)); diff != "" {
		t.Errorf("who opted out may be called (-want +got):\n%s", diff)
	}
}

// If a number has several suppressions, the named one is lifted, and none if none is
// named.
func TestLiftOneScope(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	importing(t, db, "a", settings(), rows(0, 1))
	list := app.Suppressions{Store: db.DB}
	lift := func(which app.Lift) (string, error) {
		which.Number = number(0)
		s, err := list.Lift(t.Context(), anna, which)
		return s.Where(), err
	}
	for _, s := range []app.Suppression{{}, {Campaign: "a"}, {Purpose: "marketing"}, {Purpose: "health"}} {
		s.Number = number(0)
		suppressAs(t, db, bert, s)
	}
	_, err := lift(app.Lift{})
	if _, several := errors.AsType[app.SeveralError](err); !several || !strings.Contains(err.Error(), "in all campaigns, and for the purpose health, and for the purpose marketing, and in the campaign a") {
		t.Errorf("without a scope: %v", err)
	}
	if _, err := lift(app.Lift{Scope: app.ScopePurpose}); err == nil {
		t.Error("one of two purposes is lifted, and nobody said which")
	}
	if n := len(standing(t, db)); n != 4 {
		t.Errorf("%d stand after what was refused, want all 4", n)
	}
	for _, wrong := range []app.Lift{{Campaign: "b"}, {Campaign: "a", Purpose: "health"}, {Scope: "some"}, {Scope: app.ScopeAll, Campaign: "a"}, {Purpose: "fun"}} {
		if _, err := lift(wrong); err == nil {
			t.Errorf("%+v is taken", wrong)
		}
	}
	for _, test := range []struct {
		which app.Lift
		want  string
	}{
		{app.Lift{Purpose: "health"}, "for the purpose health"}, {app.Lift{Campaign: "a"}, "in the campaign a"},
		{app.Lift{Scope: app.ScopeAll}, "in all campaigns"}, {app.Lift{}, "for the purpose marketing"},
	} {
		if got, err := lift(test.which); err != nil || got != test.want {
			t.Errorf("%+v lifts %s, %v; want %s", test.which, got, err, test.want)
		}
	}
	if _, err := lift(app.Lift{}); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("nothing stands: %v", err)
	}
	if _, err := list.Lift(t.Context(), anna, app.Lift{}); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("nothing is named: %v", err)
	}
}
