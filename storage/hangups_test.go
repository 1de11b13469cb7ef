package storage_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

func ordered(t testing.TB, db *testkit.DB) []string {
	t.Helper()
	return testkit.Rows[string](t, db, `
		SELECT concat_ws(' ', call_uuid, state, why, 'keeps ' || kept_call_uuid) FROM hangups ORDER BY ordered_at, call_uuid`)
}

func pending(t testing.TB, db *testkit.DB) []string {
	t.Helper()
	list, err := db.PendingHangUps(t.Context(), 100, time.Minute)
	require.NoError(t, err)
	var calls []string
	for _, h := range list {
		calls = append(calls, h.CallUUID)
	}
	return calls
}

func at(r campaign.Received, when time.Time) campaign.Received {
	r.Evidence.At = when
	return r
}

// The later of two calls is hung up, whichever the attempt got first, and never both. An
// order may name the call in an event's wording, while the attempt has the wording of
// the answer to its POST.
func TestHangUpInAnyWording(t *testing.T) {
	t.Parallel()
	const call = "63f61863-4a51-4f6b-86e1-46edebcf9356"
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	record(t, db, a.ID, created(call))
	db.Exec(t, `INSERT INTO hangups (call_uuid, attempt_id, why) VALUES ($1, $2, 'late_evidence')`, strings.ToUpper(call), a.ID)
	list, err := db.PendingHangUps(t.Context(), 10, time.Minute)
	check(t, err)
	if len(list) != 1 || list[0].Request.At.IsZero() || !testkit.Value[bool](t, db, `SELECT hung_up_at IS NOT NULL FROM attempts`) {
		t.Errorf("orders %+v, want one that is noted with its attempt", list)
	}
	receive(t, db, event(a, strings.ReplaceAll(call, "-", ""), "completed"))
	db.Exec(t, `UPDATE hangups SET next_try = now()`)
	list, err = db.PendingHangUps(t.Context(), 10, time.Minute)
	check(t, err)
	if got := testkit.Value[string](t, db, `SELECT state FROM hangups`); len(list) != 0 || got != "already_ended" {
		t.Errorf("orders %+v, %s, want it closed because the call has ended", list, got)
	}
}

// Evidence that names one attempt and another's call, in another wording, is no
// evidence.
func TestEvidenceOfAnothersCallInAnyWording(t *testing.T) {
	t.Parallel()
	const call = "63f61863-4a51-4f6b-86e1-46edebcf9356"
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 2))
	ids := claim(t, db, 2)
	first, second := pass(t, db, ids[0]), pass(t, db, ids[1])
	record(t, db, first.ID, created(call))
	e := event(second, strings.ToUpper(call), "ringing")
	e.Evidence.ConversationUUID = ""
	receive(t, db, e)
	if got := testkit.Value[int](t, db, `SELECT count(*) FROM attempts WHERE call_uuid IS NOT NULL`); got != 1 {
		t.Errorf("%d attempts have the call, want 1", got)
	}
	if got := alarms(t, db); len(got) != 1 || got[0] != campaign.AlarmAmbiguousMatch {
		t.Errorf("alarms %v", got)
	}
}

func TestHangUpOfSecondCall(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, test := range []struct {
		name         string
		first, later time.Time
		want         string
	}{
		{"the second is the later", now, now.Add(time.Second), "U2 pending second_call_for_attempt keeps U1"},
		{"the first is the later", now.Add(time.Second), now, "U1 pending second_call_for_attempt keeps U2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 1))
			a := dialOne(t, db)
			record(t, db, a.ID, created("U1"))
			receive(t, db, at(event(a, "U1", "started"), test.first))
			receive(t, db, at(event(a, "U2", "started"), test.later))
			// The further events reverse the order of the times, but must not reverse the
			// choice.
			receive(t, db, at(event(a, "U2", "ringing"), test.first.Add(-time.Minute)))
			receive(t, db, at(event(a, "U1", "ringing"), test.first.Add(-time.Hour)))
			receive(t, db, at(event(a, "U2", "answered"), test.later))
			if diff := cmp.Diff([]string{test.want}, ordered(t, db)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Vonage's reports about a call after our request to end it say nothing about the
// person, who is called again. It does not matter whether the dialer or an operator
// asked.
func TestDispositionAfterOurHangUp(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"dialer", "operator"} {
		db := testkit.New(t)
		s := settings()
		s.Retry = campaign.DefaultPolicy()
		running(t, db, "c", s, rows(0, 1))
		a := dialOne(t, db)
		record(t, db, a.ID, created("U1"))
		receive(t, db, event(a, "U1", "ringing"))
		if by == "operator" {
			hangUpNoted(t, db, "U1")
		} else {
			db.Exec(t, `INSERT INTO hangups (call_uuid, attempt_id, why) VALUES ('U1', $1, 'late_evidence')`, a.ID)
			if got := pending(t, db); len(got) != 1 {
				t.Fatalf("%d orders are due", len(got))
			}
		}
		for _, status := range []string{"cancelled", "completed"} {
			receive(t, db, event(a, "U1", status))
		}
		if got := contact(t, db, a.ID); got != "waiting" {
			t.Errorf("by the %s: the contact is %s, want it waiting", by, got)
		}
		if got := testkit.Value[string](t, db, `SELECT disposition FROM attempts`); got != string(campaign.Unexplained) {
			t.Errorf("by the %s: disposition %s", by, got)
		}
		sound(t, db)
	}
}

func hangUpNoted(t *testing.T, db *testkit.DB, call string) campaign.HangUpRequest {
	t.Helper()
	r, err := db.HangUpOrdered(t.Context(), campaign.HangUpRequest{ID: uuid.New(), CallUUID: call})
	require.NoError(t, err)
	return r
}

// A hang-up without an effect explains nothing: the call had ended by itself a moment
// before. Its disposition, and the contact's next state, are decided again.
func TestHangUpThatHadNoEffect(t *testing.T) {
	t.Parallel()
	order := func(t *testing.T, db *testkit.DB, a campaign.Attempt) campaign.HangUp {
		t.Helper()
		db.Exec(t, `INSERT INTO hangups (call_uuid, attempt_id, why) VALUES ('U1', $1, 'late_evidence')`, a.ID)
		list, err := db.PendingHangUps(t.Context(), 100, time.Minute)
		require.NoError(t, err)
		if len(list) != 1 {
			t.Fatalf("%d orders are due, want one", len(list))
		}
		return list[0]
	}
	byDialer := func(t *testing.T, db *testkit.DB, a campaign.Attempt, state campaign.HangUpState, e campaign.Effect) func() {
		h := order(t, db, a)
		return func() {
			check(t, db.HungUp(t.Context(), h, campaign.HangUpTry{State: state, Effect: e, Answer: "as Vonage says"}))
		}
	}
	byOperator := func(t *testing.T, db *testkit.DB, e campaign.Effect) func() {
		r := hangUpNoted(t, db, "U1")
		return func() { check(t, db.HangUpAnswered(t.Context(), r, e)) }
	}
	for _, test := range []struct {
		name  string
		order func(t *testing.T, db *testkit.DB, a campaign.Attempt) (answer func())
		ours  bool
	}{
		{"an operator's", func(t *testing.T, db *testkit.DB, _ campaign.Attempt) func() {
			return byOperator(t, db, campaign.EffectRefused)
		}, false},
		{"an operator's, which succeeded", func(t *testing.T, db *testkit.DB, _ campaign.Attempt) func() {
			return byOperator(t, db, campaign.EffectDone)
		}, true},
		{"an operator's, of which that is not known", func(t *testing.T, db *testkit.DB, _ campaign.Attempt) func() {
			return byOperator(t, db, campaign.EffectUnknown)
		}, true},
		{"an operator's, whose answer is not known when it is repeated", func(t *testing.T, db *testkit.DB, _ campaign.Attempt) func() {
			hangUpNoted(t, db, "U1")
			return byOperator(t, db, campaign.EffectRefused)
		}, true},
		{"the dialer's", func(t *testing.T, db *testkit.DB, a campaign.Attempt) func() {
			return byDialer(t, db, a, campaign.HangUpAlreadyEnded, campaign.EffectRefused)
		}, false},
		{"the dialer's, which succeeded", func(t *testing.T, db *testkit.DB, a campaign.Attempt) func() {
			return byDialer(t, db, a, campaign.HangUpDone, campaign.EffectDone)
		}, true},
	} {
		for _, first := range []string{"answer", "events"} {
			t.Run(test.name+", "+first+" first", func(t *testing.T) {
				t.Parallel()
				db := testkit.New(t)
				s := settings()
				s.Retry = campaign.DefaultPolicy()
				running(t, db, "c", s, rows(0, 1))
				a := dialOne(t, db)
				record(t, db, a.ID, created("U1"))
				answer := test.order(t, db, a)
				events := func() {
					receive(t, db, event(a, "U1", "rejected"))
					receive(t, db, event(a, "U1", "completed"))
				}
				if first == "answer" {
					answer()
					events()
				} else {
					events()
					answer()
				}
				answer() // an answer that is stored twice changes nothing
				want := "ended rejected done rejected"
				if test.ours {
					want = "ended unexplained waiting"
				}
				if got := testkit.Value[string](t, db, `
					SELECT concat_ws(' ', a.state, a.disposition, k.state, k.reason) FROM attempts a JOIN contacts k ON k.id = a.contact_id`); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				sound(t, db)
			})
		}
	}
}

// A call without an attempt is hung up too, and so is a manual call.
func TestHangUpOfOtherCalls(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	r := hangUpNoted(t, db, "a-strangers-call")
	if !r.At.IsZero() {
		t.Errorf("noted at %v a call that nobody knows", r.At)
	}
	check(t, db.HangUpAnswered(t.Context(), r, campaign.EffectDone))
	a := dialManual(t, db, manualCall(number(0)))
	record(t, db, a.ID, created("U1"))
	r = hangUpNoted(t, db, "U1")
	receive(t, db, event(a, "U1", "busy"))
	receive(t, db, event(a, "U1", "completed"))
	for _, want := range []campaign.Disposition{campaign.Unexplained, campaign.Busy} {
		if got := testkit.Value[campaign.Disposition](t, db, `SELECT disposition FROM attempts`); got != want {
			t.Errorf("the manual call ended as %s, want %s", got, want)
		}
		check(t, db.HangUpAnswered(t.Context(), r, campaign.EffectRefused))
	}
	sound(t, db)
}

func TestHangUpOfWithdrawnAttemptsCall(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	id := claimOne(t, db)
	require.NoError(t, db.Withdraw(t.Context(), id, campaign.WithdrawnMessage))
	a := campaign.Attempt{ID: id, To: number(0), From: ours}
	receive(t, db, event(a, "U0", "completed")) // over: nothing to hang up
	receive(t, db, event(a, "U1", "ringing"))
	if diff := cmp.Diff([]string{"U1 pending evidence_for_void"}, ordered(t, db)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := state(t, db, id); got != campaign.Void {
		t.Errorf("attempt %s, want void", got)
	}
}

// A locked database has forgotten calls that it made: an attempt that looks withdrawn
// may have called.
func TestHangUpsWaitForDialLock(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	id := claimOne(t, db)
	forgetful(t, db)
	require.NoError(t, db.Withdraw(t.Context(), id, campaign.WithdrawnMessage))
	receive(t, db, event(campaign.Attempt{ID: id, To: number(0), From: ours}, "U1", "answered"))
	if orders := ordered(t, db); len(orders) != 0 {
		t.Errorf("ordered %q while the database is locked", orders)
	}
}

// An attempt whose call was found only in the list may have another attempt's call. So
// a call that names the attempt must not be hung up.
func TestCallMatchedByTheListHangsUpNoOther(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	record(t, db, a.ID, unknown)
	db.AgeAttempt(t, a.ID, 10*time.Minute)
	a.DialedAt = a.DialedAt.Add(-10 * time.Minute)
	scanned(t, db, time.Hour, time.Minute, time.Minute)
	reconcile(t, db, listed(a, "U1", "answered"))
	if got := state(t, db, a.ID); got != campaign.Accepted {
		t.Fatalf("attempt %s, want accepted", got)
	}
	receive(t, db, event(a, "U2", "ringing"))
	if got := ordered(t, db); len(got) != 0 {
		t.Errorf("ordered %q, want nothing", got)
	}
	if diff := cmp.Diff([]string{campaign.AlarmSecondCall}, alarms(t, db)); diff != "" {
		t.Errorf("alarms (-want +got):\n%s", diff)
	}
}

func TestHangUpsPerAttemptAreBounded(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	record(t, db, a.ID, created("U"))
	for i := range 20 {
		receive(t, db, event(a, fmt.Sprint("made up ", i), "ringing"))
	}
	if n := len(ordered(t, db)); n != campaign.MaxHangUps {
		t.Errorf("%d calls are to be hung up, want %d", n, campaign.MaxHangUps)
	}
}

func TestPendingHangUpsAreTakenOnce(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 2))
	ids := claim(t, db, 2)
	a, b := pass(t, db, ids[0]), pass(t, db, ids[1])
	record(t, db, a.ID, created("A1"))
	record(t, db, b.ID, created("B1"))
	receive(t, db, event(a, "A2", "ringing"))
	receive(t, db, event(b, "B2", "ringing"))
	receive(t, db, event(b, "B2", "completed")) // nothing is left to hang up
	if diff := cmp.Diff([]string{"A2"}, pending(t, db)); diff != "" {
		t.Errorf("due (-want +got):\n%s", diff)
	}
	if got := pending(t, db); len(got) != 0 {
		t.Errorf("%q are due at once again", got)
	}
	db.Exec(t, `UPDATE hangups SET next_try = now() WHERE state = 'pending'`)
	list, err := db.PendingHangUps(t.Context(), 100, time.Minute)
	if err != nil || len(list) != 1 || list[0].Tries != 2 {
		t.Fatalf("%+v, %v; want the second try of one", list, err)
	}
	check(t, db.HungUp(t.Context(), list[0], campaign.HangUpTry{State: campaign.HangUpFailed, Effect: campaign.EffectUnknown, Answer: "timed out"}))
	want := []string{"A2 failed second_call_for_attempt keeps A1", "B2 already_ended second_call_for_attempt keeps B1"}
	if diff := cmp.Diff(want, ordered(t, db)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := strings.Join(alarms(t, db), " "); got != "hangup_failed second_call_for_attempt second_call_for_attempt second_call_for_attempt" {
		t.Errorf("alarms %s", got)
	}
	done, err := db.CallActions(t.Context(), "A2")
	if err != nil || len(done) != 1 || done[0].Who != "dialer" || done[0].Outcome != "unknown" {
		t.Errorf("recorded %+v, %v", done, err)
	}
}
