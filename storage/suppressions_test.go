package storage_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

func suppress(t *testing.T, db *testkit.DB, numbers ...string) int {
	t.Helper()
	var list []app.Suppression
	for _, n := range numbers {
		list = append(list, app.Suppression{Number: n, Source: "test", Note: "asked"})
	}
	added, err := db.Suppress(t.Context(), list)
	require.NoError(t, err)
	return added
}

func TestSuppressTakesEffectAtOnce(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "a", settings(), rows(0, 3))
	importing(t, db, "b", settings(), rows(0, 1))
	ids := claim(t, db, 2)
	up := pass(t, db, ids[1])
	if n := suppress(t, db, number(0), number(1), number(2), number(0)); n != 3 {
		t.Errorf("%d numbers are new, want 3", n)
	}
	type row struct{ Campaign, To, State string }
	got := testkit.Rows[row](t, db, `SELECT campaign, to_number, coalesce(reason, state) FROM reporting.contacts ORDER BY 1, 2`)
	want := []row{{"a", number(0), "suppressed"}, {"a", number(1), "active"}, {"a", number(2), "suppressed"}, {"b", number(0), "suppressed"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("contacts (-want +got):\n%s", diff)
	}
	if note := testkit.Value[string](t, db, `SELECT state || ' ' || note FROM attempts WHERE id = $1`, ids[0]); note != "void suppressed" {
		t.Errorf("the attempt in the queue is %s", note)
	}
	// The call in progress failed: it is not repeated.
	record(t, db, up.ID, created("U1"))
	receive(t, db, event(up, "U1", "busy"))
	receive(t, db, event(up, "U1", "completed"))
	if contact(t, db, up.ID) != "done suppressed" {
		t.Errorf("contact %s", contact(t, db, up.ID))
	}
	sound(t, db)
}

func TestSuppressionsListAndRemove(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	suppress(t, db, number(2), number(1))
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	again := []app.Suppression{{Number: number(1), Source: "again", ExpiresAt: until}}
	if done, err := db.DB.Suppress(t.Context(), testkit.Actor, again, false); err != nil || done != (app.Suppressed{Kept: 1, ID: 2}) {
		t.Errorf("an end for what has none: %+v, %v", done, err)
	}
	if done, err := db.DB.Suppress(t.Context(), testkit.Actor, again, true); err != nil || done != (app.Suppressed{Shortened: 1, ID: 3}) {
		t.Errorf("an end that was asked for: %+v, %v", done, err)
	}
	var got []app.Suppression
	for s, err := range db.Suppressions(t.Context()) {
		require.NoError(t, err)
		s.ID, s.CreatedAt = 0, time.Time{}
		got = append(got, s)
	}
	want := []app.Suppression{
		{Number: number(1), Source: "again", ExpiresAt: until}, {Number: number(2), Source: "test", Note: "asked"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	check(t, db.Unsuppress(t.Context(), number(1)))
	if err := db.Unsuppress(t.Context(), number(1)); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
	history := testkit.Rows[string](t, db, `
		SELECT concat_ws(' ', number, scope, source, expires_at IS NOT NULL, ended_at IS NOT NULL) FROM reporting.suppressions ORDER BY number, created_at`)
	wantHistory := []string{number(1) + " all test f t", number(1) + " all again t t", number(2) + " all test f f"}
	if diff := cmp.Diff(wantHistory, history); diff != "" {
		t.Errorf("what was ended is on record (-want +got):\n%s", diff)
	}
	if _, err := db.Suppress(t.Context(), []app.Suppression{{Number: "not a number", Source: "x"}}); err == nil {
		t.Error("suppressed what is no number")
	}
}

// A suppression until a time ends no contact whose call is due later. A contact that is
// due before ends when its call would be made.
func TestSuppressionThatExpiresBeforeTheCall(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 3))
	db.Exec(t, `UPDATE contacts SET due_at = now() + interval '7 days' WHERE to_number <> $1`, number(0))
	reserved := claimOne(t, db)
	db.Exec(t, `UPDATE contacts SET due_at = now() WHERE to_number = $1`, number(2))
	tomorrow := time.Now().Add(24 * time.Hour)
	var list []app.Suppression
	for i := range 3 {
		list = append(list, app.Suppression{Number: number(i), Source: "test", ExpiresAt: tomorrow})
	}
	_, err := db.Suppress(t.Context(), list)
	check(t, err)
	if got := contact(t, db, reserved); got != "done suppressed" {
		t.Errorf("the contact whose call was about to be made is %s", got)
	}
	if got := claim(t, db, 3); len(got) > 0 {
		t.Errorf("%d claimed", len(got))
	}
	if got := testkit.Value[string](t, db, `SELECT state FROM contacts WHERE to_number = $1`, number(1)); got != "pending" {
		t.Errorf("the contact that is due after the suppression is %s", got)
	}
	if got := testkit.Value[int](t, db, `SELECT count(*) FROM contacts WHERE reason = 'suppressed'`); got != 2 {
		t.Errorf("%d ended as suppressed, want the two that were due now", got)
	}
	sound(t, db)
}

// Suppressions race with claims and gates: no number is dialed after its suppression
// was committed.
func TestSuppressDuringClaim(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 300))
	var feeders sync.WaitGroup
	var dialed atomic.Int32
	for range 4 {
		feeders.Go(func() {
			for range 60 {
				queued, err := db.Claim(t.Context(), 2)
				check(t, err)
				for _, q := range queued {
					if _, err := db.Gate(t.Context(), q.AttemptID, tokenLife); err == nil {
						dialed.Add(1)
					}
				}
			}
		})
	}
	committed := map[string]time.Time{}
	for i := range 150 {
		n := number(299 - 2*i) // every other one, from the back: the feeders come from the front
		suppress(t, db, n)
		now, err := db.Now(t.Context())
		require.NoError(t, err)
		committed[n] = now
	}
	feeders.Wait()
	type row struct {
		To string
		At time.Time
	}
	for _, r := range testkit.Rows[row](t, db, `SELECT to_number, dialed_at FROM attempts WHERE dialed_at IS NOT NULL`) {
		if at, ok := committed[r.To]; ok && r.At.After(at) {
			t.Errorf("dialed %s after it was suppressed", r.At.Sub(at))
		}
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM contacts WHERE reason = 'suppressed'`); n == 0 || dialed.Load() == 0 {
		t.Errorf("%d suppressed, %d dialed: the race did not happen", n, dialed.Load())
	}
	sound(t, db)
}

// A number may be suppressed for one purpose, or in one campaign.
func TestSuppressionScopes(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	for name, purpose := range map[string]string{"sale": "marketing", "visit": "reminder", "plain": ""} {
		s := settings()
		running(t, db, name, s, rows(0, 1))
		db.Exec(t, `UPDATE campaigns SET document = coalesce(document, '{}') || jsonb_build_object('purpose', $2::text) WHERE name = $1 AND $2 <> ''`, name, purpose)
	}
	number := testkit.Value[string](t, db, `SELECT to_number FROM contacts LIMIT 1`)
	list, by := app.Suppressions{Store: db.DB}, app.Actor{Name: "ann", Role: app.Operator, Through: app.ThroughAPI}
	add := func(s app.Suppression) error {
		s.Number, s.Source = number, "x"
		_, err := list.Add(t.Context(), by, []app.Suppression{s}, false)
		return err
	}
	require.NoError(t, add(app.Suppression{Purpose: "marketing"}))
	if got := ended(t, db, "sale"); got != "done suppressed" {
		t.Errorf("the campaign of the purpose: %s", got)
	}
	if got := ended(t, db, "visit") + ", " + ended(t, db, "plain"); got != "pending, pending" {
		t.Errorf("those of others: %s", got)
	}
	require.NoError(t, add(app.Suppression{Campaign: "visit"}))
	if got := ended(t, db, "visit"); got != "done suppressed" {
		t.Errorf("the campaign that is named: %s", got)
	}
	if n := len(claim(t, db, 10)); n != 1 {
		t.Errorf("%d were claimed, want the one of the plain campaign", n)
	}
	for _, s := range []app.Suppression{{Purpose: "fun"}, {Campaign: "none"}, {Campaign: "visit", Purpose: "health"}} {
		if err := add(s); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
	scopes := testkit.Rows[string](t, db, `SELECT scope || ' ' || coalesce(campaign, purpose) FROM reporting.suppressions ORDER BY 1`)
	if len(scopes) != 2 || scopes[0] != "campaign visit" || scopes[1] != "purpose marketing" {
		t.Errorf("reported: %q", scopes)
	}
	if _, err := list.Lift(t.Context(), by, app.Lift{Number: number, Campaign: "visit"}); err != nil {
		t.Error(err)
	}
	sound(t, db)
}
