package storage_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestMatchByNumbers(t *testing.T) {
	t.Parallel()
	with := func(change func(*campaign.Evidence)) func(campaign.Attempt) []campaign.Evidence {
		return func(a campaign.Attempt) []campaign.Evidence {
			e := listed(a, "U1", "completed")
			change(&e)
			return []campaign.Evidence{e}
		}
	}
	in := func(offset time.Duration) func(campaign.Attempt) []campaign.Evidence {
		return with(func(e *campaign.Evidence) { e.At = e.At.Add(offset - time.Second) })
	}
	const one, none, ambiguous = "match", "none", "ambiguous"
	for _, test := range []struct {
		name    string
		records func(campaign.Attempt) []campaign.Evidence
		want    string
	}{
		{"the one call", in(time.Second), one},
		{"Vonage's clock is 4 s behind", in(-4 * time.Second), one},
		{"7 s before the gate", in(-7 * time.Second), none},
		{"more than a minute before the gate", in(-61 * time.Second), none},
		{"four minutes after the token", in(tokenLife + 4*time.Minute - time.Second), one},
		{"later", in(tokenLife + 4*time.Minute + 2*time.Second), none},
		{"inbound", with(func(e *campaign.Evidence) { e.Direction = "inbound" }), none},
		{"of no direction", with(func(e *campaign.Evidence) { e.Direction = "" }), none},
		{"to another number", with(func(e *campaign.Evidence) { e.To = number(9) }), none},
		{"from another number", with(func(e *campaign.Evidence) { e.From = "15550100" }), none},
		{"to no telephone", with(func(e *campaign.Evidence) { e.ToKind = campaign.PartyOther }), none},
		{"to the number as it is written at home, which binds nothing", with(func(e *campaign.Evidence) { e.To = "0" + e.To[2:] }), none},
		{"to a number that cannot be read", with(func(e *campaign.Evidence) { e.To = "" }), none},
		{"without a start", with(func(e *campaign.Evidence) { e.At = time.Time{} }), one},
		{"two calls, one without a start", func(a campaign.Attempt) []campaign.Evidence {
			undated := listed(a, "U2", "ringing")
			undated.At = time.Time{}
			return []campaign.Evidence{listed(a, "U1", "completed"), undated}
		}, ambiguous},
		{"two calls of one attempt", func(a campaign.Attempt) []campaign.Evidence {
			return []campaign.Evidence{listed(a, "U1", "completed"), listed(a, "U2", "completed")}
		}, ambiguous},
		{"another call that cannot be read", func(a campaign.Attempt) []campaign.Evidence {
			unread := listed(a, "U2", "completed")
			unread.To, unread.From = "", ""
			return []campaign.Evidence{listed(a, "U1", "completed"), unread}
		}, ambiguous},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 1))
			a := unknownOne(t, db)
			scanned(t, db, 2*time.Hour, 0, 0)
			n := reconcile(t, db, test.records(a)...)
			wantState, wantCounts := campaign.Unknown, campaign.Reconciled{}
			switch test.want {
			case one:
				wantState, wantCounts.Matched = campaign.Ended, 1
			case ambiguous:
				wantCounts.Ambiguous = min(n.Ambiguous, 2)
			}
			if n.Changed = 0; n != wantCounts || test.want == ambiguous && n.Ambiguous == 0 {
				t.Errorf("got %+v, want %s", n, test.want)
			}
			if got := state(t, db, a.ID); got != wantState {
				t.Errorf("attempt %s, want %s", got, wantState)
			}
			if again := reconcile(t, db, test.records(a)...); again.Matched > 0 {
				t.Errorf("matched again: %+v", again)
			}
			sound(t, db)
		})
	}
}

// A call is matched by its numbers only if complete scans together cover the attempt's
// whole window. Until then it stays unmatched.
func TestMatchWaitsForTheWholeWindow(t *testing.T) {
	t.Parallel()
	before, after := time.Hour+time.Minute, time.Hour-tokenLife-4*time.Minute
	for _, test := range []struct {
		name string
		scan func(*testing.T, *testkit.DB)
		want int
	}{
		{"read whole", func(t *testing.T, db *testkit.DB) { scanned(t, db, before+time.Second, after-time.Second, 0) }, 1},
		{"read in two parts", func(t *testing.T, db *testkit.DB) {
			scanned(t, db, before+time.Second, 59*time.Minute, 10*time.Minute)
			scanned(t, db, 59*time.Minute+2*time.Second, after-time.Second, 0)
		}, 1},
		{"read in two parts with a gap", func(t *testing.T, db *testkit.DB) {
			scanned(t, db, before+time.Second, 59*time.Minute, 10*time.Minute)
			scanned(t, db, 59*time.Minute-2*time.Second, after-time.Second, 0)
		}, 0},
		{"not from the beginning", func(t *testing.T, db *testkit.DB) { scanned(t, db, before-2*time.Second, 0, 0) }, 0},
		{"not to the end", func(t *testing.T, db *testkit.DB) { scanned(t, db, 2*time.Hour, after+2*time.Second, 0) }, 0},
		{"before the list shows every call", func(t *testing.T, db *testkit.DB) {
			scanned(t, db, 2*time.Hour, after-time.Second, 0, func(s *campaign.Scan) { s.StartedAt = s.To.Add(-2*time.Minute - 2*time.Second); s.To = s.StartedAt })
		}, 0},
		{"without calls that are known", func(t *testing.T, db *testkit.DB) {
			scanned(t, db, 2*time.Hour, 0, 0, func(s *campaign.Scan) { s.KnownMissing = 1 })
		}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 1))
			a := dialOne(t, db)
			record(t, db, a.ID, refused(campaign.RefusedInvalid))
			a = aged(t, db, a)
			test.scan(t, db)
			if n := reconcile(t, db, listed(a, "U1", "completed")); n.Matched != test.want || n.Ambiguous > 0 {
				t.Errorf("got %+v, want %d matched", n, test.want)
			}
			if got := alarms(t, db); test.want == 0 && len(got) > 0 {
				t.Errorf("alarms %v before it is decided", got)
			}
			sound(t, db)
		})
	}
}

// If one attempt waits for its call and an earlier one was refused, the call belongs to
// the one that waits.
func TestMatchPrefersTheUnknownAttempt(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	first := dialOne(t, db)
	record(t, db, first.ID, refused(campaign.RefusedRate))
	db.MakeDue(t)
	second := dialOne(t, db)
	record(t, db, second.ID, unknown)
	aged(t, db, first)
	e := listed(aged(t, db, second), "U1", "completed")
	scanned(t, db, 2*time.Hour, 0, 0)
	if n := reconcile(t, db, e); n.Matched != 1 {
		t.Errorf("got %+v, want it matched", n)
	}
	if state(t, db, first.ID) != campaign.Refused || state(t, db, second.ID) != campaign.Ended {
		t.Errorf("first %s, second %s", state(t, db, first.ID), state(t, db, second.ID))
	}
	sound(t, db)
}

// If the refused attempt belongs to another contact, who may be called again for it, a
// person is told: Vonage may have placed the call that it refused.
func TestMatchDoubtfulRaisesAlarm(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	running(t, db, "d", settings(), rows(0, 1))
	first := dialOne(t, db)
	record(t, db, first.ID, refused(campaign.RefusedRate))
	second := dialOne(t, db)
	if second.ContactID == first.ContactID || second.To != first.To {
		t.Fatalf("contact %d is dialed after contact %d, want the other one of the number", second.ContactID, first.ContactID)
	}
	record(t, db, second.ID, unknown)
	aged(t, db, first)
	e := listed(aged(t, db, second), "U1", "completed")
	scanned(t, db, 2*time.Hour, 0, 0)
	for range 2 {
		reconcile(t, db, e)
	}
	if state(t, db, second.ID) != campaign.Ended {
		t.Errorf("the attempt that waited is %s", state(t, db, second.ID))
	}
	if got := testkit.Rows[string](t, db, `SELECT kind || times FROM alarms`); len(got) != 1 || got[0] != campaign.AlarmAmbiguousMatch+"1" {
		t.Errorf("alarms %v, want one", got)
	}
	sound(t, db)
}

// Two calls of one attempt are found, even with many other calls between them.
func TestMatchAcrossBatches(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := unknownOne(t, db)
	store(t, db, listed(a, "U1", "completed"))
	var others []campaign.Evidence
	for i := range 600 {
		e := listed(a, fmt.Sprint("F", i), "completed")
		e.To, e.From = number(1000+i), "15550100"
		others = append(others, e)
	}
	store(t, db, others...)
	scanned(t, db, 2*time.Hour, 0, 0)
	if n := reconcile(t, db, listed(a, "U2", "completed")); n.Ambiguous != 2 || n.Matched != 0 {
		t.Errorf("got %+v, want both calls ambiguous", n)
	}
}

// A call without a start may belong to any attempt: with two it is matched to neither.
// A call that was seen before an attempt was dialed is not that attempt's.
func TestMatchCallsWithoutAStart(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	first := unknownOne(t, db)
	e := listed(first, "U1", "ringing")
	e.At = time.Time{}
	record(t, db, first.ID, refused(campaign.RefusedRate))
	db.MakeDue(t)
	unknownOne(t, db)
	scanned(t, db, 2*time.Hour, 0, 0)
	for range 2 {
		if n := reconcile(t, db, e); n.Ambiguous != 1 || n.Matched != 0 {
			t.Errorf("got %+v, want it ambiguous", n)
		}
	}
	db.Exec(t, `UPDATE provider_calls SET first_seen_at = now() - interval '2 hours'`)
	if n := reconcile(t, db, e); n.Ambiguous+n.Matched != 0 {
		t.Errorf("seen before both attempts were dialed: got %+v, want nothing", n)
	}
	if n := proveAbsent(t, db); n != 1 {
		t.Errorf("%d became absent, want 1: the call was there before", n)
	}
}

func TestUnmatchedCalls(t *testing.T) {
	t.Parallel()
	nothing := func(*testing.T, *testkit.DB) {}
	for _, test := range []struct {
		name   string
		change func(*campaign.Evidence)
		setup  func(*testing.T, *testkit.DB)
		alarms []string
	}{
		{"from our number", func(*campaign.Evidence) {}, nothing, []string{campaign.AlarmUnmatchedCall + "1"}},
		{"from another's", func(e *campaign.Evidence) { e.From = "15550100" }, nothing, nil},
		{"to our number", func(e *campaign.Evidence) { e.Direction, e.To, e.From = "inbound", ours, "15550100" }, nothing, nil},
		{"a leg of a call of ours", func(e *campaign.Evidence) { e.ConversationUUID = "CON-U1" }, nothing, nil},
		{"it may be a leg of a call whose conversation is not known yet", func(*campaign.Evidence) {}, func(t *testing.T, db *testkit.DB) {
			db.Exec(t, `UPDATE attempts SET conversation_uuid = NULL`)
		}, nil},
		{"a call whose conversation is not known began too long before", func(*campaign.Evidence) {}, func(t *testing.T, db *testkit.DB) {
			db.Exec(t, `UPDATE attempts SET conversation_uuid = NULL, dialed_at = dialed_at - interval '3 hours'`)
		}, []string{campaign.AlarmUnmatchedCall + "1"}},
		{"just seen", func(*campaign.Evidence) {}, func(t *testing.T, db *testkit.DB) {
			db.Exec(t, `UPDATE provider_calls SET first_seen_at = now()`)
		}, nil},
		{"while the database is locked", func(*campaign.Evidence) {}, func(t *testing.T, db *testkit.DB) {
			db.Exec(t, `UPDATE database_identity SET locked_for = 'failover', locked_at = now(), known_until = now()`)
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 1))
			a := dialOne(t, db)
			record(t, db, a.ID, created("U1"))
			e := listed(a, "F", "completed")
			e.To = number(77)
			test.change(&e)
			store(t, db, e)
			db.Exec(t, `UPDATE provider_calls SET first_seen_at = now() - interval '5 minutes'`)
			test.setup(t, db)
			for range 2 {
				reconcile(t, db, e)
			}
			got := testkit.Rows[string](t, db, `SELECT kind || times FROM alarms`)
			if diff := cmp.Diff(test.alarms, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("alarms (-want +got):\n%s", diff)
			}
		})
	}
}

// Once a call proves to be a leg of one of our calls, the alarm that no attempt
// explains it is resolved.
func TestUnmatchedCallThatIsALeg(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	record(t, db, a.ID, created("U1"))
	leg := listed(a, "F", "completed")
	leg.To, leg.ToKind, leg.ConversationUUID = "", campaign.PartyOther, "CON-F"
	store(t, db, leg)
	db.Exec(t, `UPDATE provider_calls SET first_seen_at = now() - interval '5 minutes'`)
	reconcile(t, db, leg)
	open := `SELECT count(*) FROM alarms WHERE resolved_at IS NULL`
	if n := testkit.Value[int](t, db, open); n != 1 {
		t.Fatalf("%d alarms of a call that no attempt explains, want 1", n)
	}
	db.Exec(t, `UPDATE attempts SET conversation_uuid = 'CON-F'`)
	reconcile(t, db, leg)
	if n := testkit.Value[int](t, db, open); n != 0 {
		t.Errorf("%d alarms are open of what turned out to be a leg, want none", n)
	}
}

// Once a call proves to be an attempt's, the alarms that it has none are resolved, from
// any source.
func TestAlarmsOfACallThatProvesOursAreResolved(t *testing.T) {
	t.Parallel()
	event := func(t *testing.T, db *testkit.DB, a campaign.Attempt, _ campaign.Evidence) {
		receive(t, db, event(a, "U1", "ringing"))
	}
	for _, test := range []struct {
		kind   string
		proves func(t *testing.T, db *testkit.DB, a campaign.Attempt, e campaign.Evidence)
	}{
		{campaign.AlarmUnmatchedCall, event},
		{campaign.AlarmUnmatchedCall, func(t *testing.T, db *testkit.DB, a campaign.Attempt, e campaign.Evidence) {
			e.At = a.DialedAt.Add(time.Second) // Vonage corrects the start
			reconcile(t, db, e)
		}},
		{campaign.AlarmAmbiguousMatch, event},
	} {
		db := testkit.New(t)
		running(t, db, "c", settings(), rows(0, 1))
		a := unknownOne(t, db)
		scanned(t, db, 3*time.Hour, 0, 0)
		e, other := listed(a, "U1", "completed"), listed(a, "U2", "completed")
		if test.kind == campaign.AlarmUnmatchedCall {
			e.At = a.DialedAt.Add(-time.Hour)
			other.To, other.From, other.At = number(7), ours, e.At
		}
		store(t, db, e, other)
		db.Exec(t, `UPDATE provider_calls SET first_seen_at = now() - interval '5 minutes'`)
		reconcile(t, db)
		open := func() []string {
			return testkit.Rows[string](t, db, `SELECT kind || ' ' || substring(detail from 'U[12]') FROM alarms WHERE resolved_at IS NULL ORDER BY 1`)
		}
		if diff := cmp.Diff([]string{test.kind + " U1", test.kind + " U2"}, open()); diff != "" {
			t.Fatalf("alarms (-want +got):\n%s", diff)
		}
		test.proves(t, db, a, e)
		if diff := cmp.Diff([]string{test.kind + " U2"}, open()); diff != "" {
			t.Errorf("open alarms once U1 is the attempt's (-want +got):\n%s", diff)
		}
		if by := testkit.Value[string](t, db, `SELECT resolved_by FROM alarms WHERE resolved_at IS NOT NULL`); by != "dialer" {
			t.Errorf("resolved by %q", by)
		}
	}
}

// Two rows of one call, in different wordings: the second belongs to the same attempt,
// and no other attempt to the number gets it.
func TestMatchKnowsACallInEverySpelling(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	first := dialOne(t, db)
	record(t, db, first.ID, refused(campaign.RefusedRate))
	db.Exec(t, `UPDATE contacts SET due_at = now() - interval '1 second'`)
	second := dialOne(t, db)
	const call = "63f61863-4a51-4f6b-86e1-46edebcf9356"
	record(t, db, second.ID, created(call))
	db.Exec(t, `UPDATE attempts SET dialed_at = dialed_at - interval '1 hour', token_expires_at = token_expires_at - interval '1 hour'`)
	scanned(t, db, 2*time.Hour, 0, 0)
	db.Exec(t, `
		INSERT INTO provider_calls (call_uuid, direction, to_kind, to_number, from_kind, from_number, status, observed_at)
		SELECT $1, 'outbound', 'phone', to_number, 'phone', from_number, 'ringing', now() FROM attempts WHERE id = $2`, strings.ToUpper(call), second.ID)
	if matches, err := db.MatchesByNumbers(t.Context(), campaign.DefaultTimes); err != nil || len(matches) != 0 {
		t.Errorf("%q would be matched by their numbers, %v; want none", matches, err)
	}
	reconcile(t, db)
	if got := testkit.Value[string](t, db, `SELECT concat_ws(' ', state, call_uuid) FROM attempts WHERE id = $1`, first.ID); got != "refused" {
		t.Errorf("the refused attempt is %s", got)
	}
	if got := testkit.Value[string](t, db, `SELECT attempt_id::text FROM provider_calls WHERE call_uuid = $1`, strings.ToUpper(call)); got != second.ID.String() {
		t.Errorf("the second row is of %s, want %s", got, second.ID)
	}
	for _, written := range []string{call, strings.ToUpper(call), strings.ReplaceAll(call, "-", "")} {
		spellings := testkit.Value[[]string](t, db, `SELECT call_spellings($1)`, written)
		for _, want := range campaign.CallSpellings(written) {
			if !slices.Contains(spellings, want) {
				t.Errorf("%s: %s is not among %q", written, want, spellings)
			}
		}
	}
}

// A record that is bound to its attempt while calls are matched was folded by nobody.
// The matching folds it, in any spelling, and the attempt ends.
func TestRecordBoundWhileMatchingIsFolded(t *testing.T) {
	t.Parallel()
	for _, spelling := range []func(string) string{strings.ToLower, strings.ToUpper} {
		db := testkit.New(t)
		running(t, db, "c", settings(), rows(0, 1))
		a := dialOne(t, db)
		const call = "63f61863-4a51-4f6b-86e1-46edebcf9356"
		db.Exec(t, `
			INSERT INTO provider_calls (call_uuid, direction, to_kind, to_number, from_kind, from_number, status, start_time, end_time, duration_s, price, rate, observed_at)
			SELECT $1, 'outbound', 'phone', to_number, 'phone', from_number, 'completed', now(), now(), 11, 0.02, 0.1, now() FROM attempts`, spelling(call))
		receive(t, db, event(a, call, "answered")) // another process stored the record in between
		if _, err := db.MatchCalls(t.Context(), campaign.DefaultTimes); err != nil {
			t.Fatal(err)
		}
		reconcile(t, db)
		if got := testkit.Value[string](t, db, `SELECT concat_ws(' ', state, disposition, price) FROM attempts`); got != "ended answered 0.02" {
			t.Errorf("the attempt is %q, want ended answered 0.02", got)
		}
		sound(t, db)
	}
}
