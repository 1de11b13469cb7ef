package storage_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/storage"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
)

const settle = 2 * time.Minute

// byHand is a call to a person that ann is about to make.
func byHand(to string) storage.HandCall {
	return storage.HandCall{ID: uuid.Must(uuid.NewV7()), Who: "ann", Kind: storage.KindPhone, To: to, From: ours, Detail: "says Hello"}
}

func intend(t *testing.T, db *testkit.DB, c storage.HandCall) storage.HandCall {
	t.Helper()
	intended, err := db.IntendCall(t.Context(), c, tokenLife, settle)
	if err != nil {
		t.Fatal(err)
	}
	return intended
}

// conclude records an outcome: a call's uuid, or refused or unknown.
func conclude(t *testing.T, db *testkit.DB, c storage.HandCall, what string) {
	t.Helper()
	c.Outcome, c.Answer = campaign.OutcomeKind(what), "so it was"
	if what != "refused" && what != "unknown" {
		c.Outcome, c.CallUUID, c.ConversationUUID = campaign.OutcomeCreated, what, "CON-"+what
	}
	check(t, db.ConcludeCall(t.Context(), c))
}

func TestHandCallStaysRecorded(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := intend(t, db, byHand(number(0)))
	if life := c.TokenExpiresAt.Sub(c.At); life != tokenLife {
		t.Errorf("its token lives %v, want %v", life, tokenLife)
	}
	for _, sql := range []string{`DELETE FROM hand_calls`, `UPDATE hand_calls SET who = 'nobody'`} {
		if err := db.TryExec(t, sql); err == nil || !strings.Contains(err.Error(), "stays recorded") {
			t.Errorf("before its outcome: %s: %v, want a refusal", sql, err)
		}
	}
	conclude(t, db, c, "U1")
	if err := db.TryExec(t, `UPDATE hand_calls SET outcome = 'refused', call_uuid = NULL`); err == nil || !strings.Contains(err.Error(), "stays recorded") {
		t.Errorf("another outcome: %v, want a refusal", err)
	}
	if err := db.ConcludeCall(t.Context(), c); !errors.Is(err, campaign.ErrStale) {
		t.Errorf("concluded again: %v, want stale", err)
	}
	c.Outcome, c.Answer, c.CallUUID, c.ConversationUUID = campaign.OutcomeCreated, "so it was", "U1", "CON-U1"
	for _, name := range []string{"U1", c.ID.String()} {
		got, err := db.HandCall(t.Context(), name)
		if diff := cmp.Diff(c, got, cmpopts.EquateApproxTime(0)); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	if _, err := db.HandCall(t.Context(), "U2"); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("of another call: %v, want not found", err)
	}
	actions, err := db.CallActions(t.Context(), "U1")
	want := []app.CallAction{{CallUUID: "U1", Who: "ann", Action: "create", Detail: "says Hello", Outcome: campaign.EffectDone, Answer: "so it was"}}
	if diff := cmp.Diff(want, actions, cmpopts.IgnoreFields(app.CallAction{}, "At")); diff != "" || err != nil {
		t.Errorf("actions: %v (-want +got):\n%s", err, diff)
	}
	if e := why(t, db, number(0)); len(e.ByHand) != 1 || e.ByHand[0].ID != c.ID || len(e.Stories) != 0 {
		t.Errorf("why tells %+v", e)
	}
}

func TestWhatBarsACallByHand(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	suppressUntil := func(at time.Time) {
		_, err := db.Suppress(t.Context(), []app.Suppression{{Number: number(0), Source: "test", ExpiresAt: at}})
		check(t, err)
	}
	running(t, db, "c", settings(), rows(1, 1))
	a := dialOne(t, db)
	sip := byHand("sip:desk@sip.test")
	sip.Kind, sip.From = "sip", ""
	for _, step := range []struct {
		name   string
		before func()
		call   storage.HandCall
		want   string // part of what bars it; "": it may be made
	}{
		{"suppressed", func() { suppressUntil(time.Time{}) }, byHand(number(0)), "suppressed"},
		{"suppressed no longer", func() { suppressUntil(time.Now().Add(-time.Hour)) }, byHand(number(0)), ""},
		{"a campaign's call is under way", nil, byHand(number(1)), a.ID.String()},
		{"and its outcome is unknown", func() { record(t, db, a.ID, unknown) }, byHand(number(1)), a.ID.String()},
		{"it is over", func() { receive(t, db, completed(a, "U1", "0.1")) }, byHand(number(1)), ""},
		{"another has just been made, who knows how it went", nil, byHand(number(1)), "ann made a call"},
		{"not to a telephone", nil, sip, ""},
		{"likewise not twice", nil, sip, "ann made a call"},
	} {
		if step.before != nil {
			step.before()
		}
		step.call.ID = uuid.Must(uuid.NewV7())
		_, err := db.IntendCall(t.Context(), step.call, tokenLife, settle)
		barred, ok := errors.AsType[storage.Barred](err)
		if ok != (step.want != "") || ok && !strings.Contains(barred.Error(), step.want) || !ok && err != nil {
			t.Errorf("%s: %v, want it barred for %q", step.name, err, step.want)
		}
	}
}

func TestUnknownHandCallBarsAnotherUntilItIsSettled(t *testing.T) {
	t.Parallel()
	for _, outcome := range []string{"", "unknown", "refused", "U1"} {
		db := testkit.New(t)
		first := intend(t, db, byHand(number(0)))
		if outcome != "" {
			conclude(t, db, first, outcome)
		}
		bars := outcome == "" || outcome == "unknown"
		for _, age := range []time.Duration{0, tokenLife + settle + time.Second} {
			db.AgeHandCall(t, first.ID, age)
			second := intended(t, db, byHand(number(0)))
			if want := !bars || age > 0; second != want {
				t.Errorf("after %q, %v later, another was intended: %t, want %t", outcome, age, second, want)
			}
			if second {
				break
			}
		}
	}
}

func intended(t *testing.T, db *testkit.DB, c storage.HandCall) bool {
	t.Helper()
	_, err := db.IntendCall(t.Context(), c, tokenLife, settle)
	if _, barred := errors.AsType[storage.Barred](err); err != nil && !barred {
		t.Fatal(err)
	}
	return err == nil
}

// An attempt whose outcome is unknown, and a call by hand between the same
// numbers at the same time: Vonage's list has one call.
func TestCallByHandIsNotTakenForAnAttempts(t *testing.T) {
	t.Parallel()
	foreign, bound, ambiguous := campaign.Reconciled{Foreign: 1}, campaign.Reconciled{Bound: 1}, campaign.Reconciled{Ambiguous: 1}
	type byHandCall struct {
		change  func(*storage.HandCall)
		age     time.Duration // more than the attempt's
		outcome string
	}
	from := func(number string) func(*storage.HandCall) {
		return func(c *storage.HandCall) { c.From = number }
	}
	for _, test := range []struct {
		name   string
		hand   byHandCall
		want   campaign.Reconciled
		state  campaign.State // after two scans without a call of the attempt's
		alarms []string
	}{
		{"it is the one by hand", byHandCall{outcome: "U1"}, foreign, campaign.Absent, nil},
		{"it may be either", byHandCall{outcome: "unknown"}, ambiguous, campaign.Unknown, []string{campaign.AlarmAmbiguousMatch}},
		{"it may be either, nobody recorded how it went", byHandCall{}, ambiguous, campaign.Unknown, []string{campaign.AlarmAmbiguousMatch}},
		{"it may be either, from a number that Vonage picked", byHandCall{change: from(""), outcome: "unknown"}, ambiguous, campaign.Unknown, []string{campaign.AlarmAmbiguousMatch}},
		{"there was none by hand", byHandCall{outcome: "refused"}, bound, campaign.Ended, nil},
		{"the one by hand is another", byHandCall{outcome: "U2"}, bound, campaign.Ended, nil},
		{"by hand from another number", byHandCall{change: from("447700900009"), outcome: "unknown"}, bound, campaign.Ended, nil},
		{"by hand to another number", byHandCall{change: func(c *storage.HandCall) { c.To = number(7) }, outcome: "unknown"}, bound, campaign.Ended, nil},
		{"by hand at another time", byHandCall{age: time.Hour, outcome: "unknown"}, bound, campaign.Ended, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 1))
			call := byHand(number(0))
			if test.hand.change != nil {
				test.hand.change(&call)
			}
			call = intend(t, db, call)
			if test.hand.outcome != "" {
				conclude(t, db, call, test.hand.outcome)
			}
			db.AgeHandCall(t, call.ID, time.Hour+test.hand.age)
			a := unknownOne(t, db)
			if diff := cmp.Diff(test.want, reconcile(t, db, listed(a, "U1", "completed"))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for i := range 2 {
				_, err := db.ProveAbsent(t.Context(), []uuid.UUID{a.ID}, a.TokenExpiresAt.Add(time.Duration(5+i)*time.Minute), time.Minute)
				check(t, err)
			}
			if got := state(t, db, a.ID); got != test.state {
				t.Errorf("the attempt is %s, want %s", got, test.state)
			}
			if diff := cmp.Diff(test.alarms, alarms(t, db), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("alarms (-want +got):\n%s", diff)
			}
			sound(t, db)
		})
	}
}

// A call that was made by hand is no alarm: neither its record nor its events.
func TestCallByHandRaisesNoAlarm(t *testing.T) {
	t.Parallel()
	for outcome, want := range map[string][]string{
		"U1": nil, "unknown": nil, "": nil,
		"refused": {campaign.AlarmUnknownAttempt, campaign.AlarmUnmatchedCall},
		"U2":      {campaign.AlarmUnknownAttempt, campaign.AlarmUnmatchedCall},
	} {
		db := testkit.New(t)
		importing(t, db, "c", settings(), nil) // so that the number is one of ours
		c := intend(t, db, byHand(number(0)))
		if outcome != "" {
			conclude(t, db, c, outcome)
		}
		a := campaign.Attempt{To: c.To, From: c.From, DialedAt: c.At}
		reconcile(t, db, billed(listed(a, "U1", "completed"), "0.00600000", time.Now()))
		receive(t, db, event(a, "U1", "answered"))
		if diff := cmp.Diff(want, alarms(t, db), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("after %q: alarms (-want +got):\n%s", outcome, diff)
		}
		if n := testkit.Value[int](t, db, `SELECT count(*) FROM events`); n != 1 {
			t.Errorf("%d events kept, want 1", n)
		}
		if outcome != "U1" {
			continue
		}
		if e := why(t, db, number(0)); e.ByHand[0].Status != "completed" || e.ByHand[0].Price.Decimal.StringFixed(8) != "0.00600000" {
			t.Errorf("the list's status and price are not told: %+v", e.ByHand)
		}
	}
}
