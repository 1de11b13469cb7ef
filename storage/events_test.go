package storage_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

func completed(a campaign.Attempt, callUUID, price string) campaign.Received {
	r := event(a, callUUID, "completed")
	r.Evidence.Bill = campaign.Bill{
		Price: decimal.NewNullDecimal(decimal.RequireFromString(price)),
		Rate:  decimal.NewNullDecimal(decimal.RequireFromString("0.02340000")), Duration: new(19),
		StartTime: r.Evidence.At.Add(-20 * time.Second), EndTime: r.Evidence.At, Network: "GB-FIXED",
	}
	return r
}

// The result of events is the same in any order and with any repetitions, and each is
// committed.
func TestReceiveAnyOrder(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 24))
	random := rand.New(rand.NewPCG(1, 2))
	type row struct{ State, Contact, Disposition, Price, Seen string }
	want := row{"ended", "done human", "human", "0.00741000", "{answered,completed,human,ringing,started}"}
	for range 24 {
		a := pass(t, db, claim(t, db, 1)[0])
		u := "U" + a.ID.String()
		events := []campaign.Received{
			event(a, u, "started"), event(a, u, "ringing"), event(a, u, "answered"), event(a, u, "human"),
			completed(a, u, "0.00741000"), completed(a, u, "0.00741000"),
		}
		random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		recorded := random.IntN(len(events))
		for i, e := range events {
			receive(t, db, e)
			if i == recorded {
				record(t, db, a.ID, created(u))
			}
		}
		got := testkit.Rows[row](t, db, `
			SELECT a.state, k.state || ' ' || k.reason, a.disposition, a.price::text, a.statuses::text
			FROM attempts a JOIN contacts k ON k.id = a.contact_id WHERE a.id = $1`, a.ID)
		if diff := cmp.Diff([]row{want}, got); diff != "" {
			t.Fatalf("%d events in a random order (-want +got):\n%s", len(events), diff)
		}
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM events`); n != 24*6 {
		t.Errorf("%d events are kept, want %d", n, 24*6)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM price_history`); n != 24 {
		t.Errorf("%d prices, want one a call", n)
	}
	if got := alarms(t, db); len(got) != 0 {
		t.Errorf("alarms %v", got)
	}
	sound(t, db)
}

func TestReceiveKeepsTheText(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	e := event(a, "U1", "ringing")
	e.Body = []byte(`{"b": 1,   "a": "\u00e9", "a":2}`)
	receive(t, db, e)
	if got := testkit.Value[string](t, db, `SELECT body::text FROM events WHERE attempt_id = $1`, a.ID); got != string(e.Body) {
		t.Errorf("kept %s, want %s", got, e.Body)
	}
}

// A text that Postgres cannot store must not make Vonage send the event for ever.
func TestReceiveInvalidText(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	e := event(a, "U\x00\xff", "st\x00range")
	e.Body = []byte("{\"a\":\"\xff\"}")
	receive(t, db, e)
	if state(t, db, a.ID) != campaign.Accepted {
		t.Errorf("attempt %s", state(t, db, a.ID))
	}
}

func TestReceiveFindsTheAttempt(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 2))
	ids := claim(t, db, 2)
	a, b := pass(t, db, ids[0]), pass(t, db, ids[1])
	record(t, db, a.ID, created("UA"))
	record(t, db, b.ID, created("UB"))

	byUUID := event(a, "UA", "ringing")
	byUUID.AttemptID = uuid.Nil
	receive(t, db, byUUID)
	stranger := event(b, "UB", "ringing")
	stranger.AttemptID = uuid.New() // an unknown id, with a known uuid
	receive(t, db, stranger)
	got := testkit.Rows[string](t, db, `SELECT statuses::text FROM attempts ORDER BY id`)
	if diff := cmp.Diff([]string{"{ringing,started}", "{ringing,started}"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := alarms(t, db); len(got) != 0 {
		t.Errorf("alarms %v", got)
	}
}

func TestReceiveUnknownAttempt(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	for i := range 20 {
		e := event(campaign.Attempt{ID: uuid.New()}, fmt.Sprint("U", i), "ringing")
		receive(t, db, e)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM events WHERE attempt_id IS NULL`); n != 20 {
		t.Errorf("%d events kept, want 20", n)
	}
	if diff := cmp.Diff([]string{campaign.AlarmUnknownAttempt}, alarms(t, db)); diff != "" {
		t.Errorf("alarms (-want +got):\n%s", diff)
	}
}

func TestReceiveChangesNothing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		event  func(a, other campaign.Attempt) campaign.Received
		alarms []string
	}{
		{"without a status", func(a, _ campaign.Attempt) campaign.Received {
			e := event(a, "UA", "")
			e.Kind = "input"
			return e
		}, nil},
		{"a second call", func(a, _ campaign.Attempt) campaign.Received {
			return event(a, "U2", "answered")
		}, []string{campaign.AlarmSecondCall}},
		{"another leg of the call", func(a, _ campaign.Attempt) campaign.Received {
			e := event(a, "U2", "answered")
			e.Evidence.To = "447700900999"
			return e
		}, []string{campaign.AlarmNumberMismatch}},
		{"a call that another attempt has", func(a, other campaign.Attempt) campaign.Received {
			e := event(a, "UB", "answered")
			e.AttemptID = a.ID
			return e
		}, []string{campaign.AlarmAmbiguousMatch}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 2))
			ids := claim(t, db, 2)
			a, b := pass(t, db, ids[0]), pass(t, db, ids[1])
			record(t, db, a.ID, created("UA"))
			record(t, db, b.ID, created("UB"))
			receive(t, db, test.event(a, b))
			receive(t, db, test.event(a, b))
			got := testkit.Rows[string](t, db, `SELECT call_uuid || statuses::text FROM attempts ORDER BY id`)
			if diff := cmp.Diff([]string{"UA{started}", "UB{started}"}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.alarms, alarms(t, db)); diff != "" && len(test.alarms)+len(alarms(t, db)) > 0 {
				t.Errorf("alarms (-want +got):\n%s", diff)
			}
			if n := testkit.Value[int](t, db, `SELECT count(*) FROM events`); n != 2 {
				t.Errorf("%d events are kept, want 2", n)
			}
		})
	}
}

func TestReceiveForAVoidAttempt(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	id := claimOne(t, db)
	if err := db.Withdraw(t.Context(), id, campaign.WithdrawnHours); err != nil {
		t.Fatal(err)
	}
	receive(t, db, event(campaign.Attempt{ID: id}, "U1", "answered"))
	if diff := cmp.Diff([]string{campaign.AlarmEvidenceForVoid}, alarms(t, db)); diff != "" || state(t, db, id) != campaign.Void {
		t.Errorf("attempt %s, alarms (-want +got):\n%s", state(t, db, id), diff)
	}
}

// ended drives the one contact that is due to a call that ended busy.
func endedBusy(t *testing.T, db *testkit.DB, callUUID string) campaign.Attempt {
	t.Helper()
	a := dialOne(t, db)
	record(t, db, a.ID, created(callUUID))
	receive(t, db, event(a, callUUID, "busy"))
	receive(t, db, event(a, callUUID, "completed"))
	return a
}

func TestBusyIsCalledAgainAndLateAnswerVoidsIt(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := endedBusy(t, db, "U1")
	if contact(t, db, a.ID) != "waiting" || len(claim(t, db, 1)) != 0 {
		t.Fatalf("contact %s right after busy, want waiting and not due", contact(t, db, a.ID))
	}
	db.MakeDue(t)
	second := claimOne(t, db)
	receive(t, db, event(a, "U1", "answered"))
	if state(t, db, second) != campaign.Void || contact(t, db, a.ID) != "done answered" {
		t.Errorf("the retry is %s and the contact %s, want void and done answered", state(t, db, second), contact(t, db, a.ID))
	}
	sound(t, db)
}

// reopened is a contact whose first attempt was thought absent, and was not:
// its second attempt is in the given state when the first one's call shows.
func TestEvidenceForAbsentAttempt(t *testing.T) {
	t.Parallel()
	for name, dialed := range map[string]bool{"its successor waits": false, "its successor was dialed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 1))
			first := absentOne(t, db)
			second := claimOne(t, db)
			if dialed {
				pass(t, db, second)
			}
			receive(t, db, event(first, "U1", "ringing"))
			want, superseded := campaign.Void, 0
			if dialed {
				want, superseded = campaign.Dialing, 1
			}
			if state(t, db, first.ID) != campaign.Accepted || state(t, db, second) != want {
				t.Errorf("first %s, second %s; want accepted, %s", state(t, db, first.ID), state(t, db, second), want)
			}
			if n := testkit.Value[int](t, db, `SELECT count(*) FROM attempts WHERE superseded`); n != superseded {
				t.Errorf("%d attempts superseded, want %d", n, superseded)
			}
			if diff := cmp.Diff([]string{campaign.AlarmLateEvidence}, alarms(t, db)); diff != "" {
				t.Errorf("alarms (-want +got):\n%s", diff)
			}
			receive(t, db, completed(first, "U1", "0.01"))
			if dialed {
				record(t, db, second, created("U2"))
				receive(t, db, event(first, "U2", "completed"))
				return
			}
			if contact(t, db, first.ID) != "done answered" {
				t.Errorf("contact %s", contact(t, db, first.ID))
			}
			sound(t, db)
		})
	}
}

// absentOne takes the one contact that is due to an attempt proved absent.
func absentOne(t *testing.T, db *testkit.DB) campaign.Attempt {
	t.Helper()
	a := dialOne(t, db)
	record(t, db, a.ID, unknown)
	db.AgeAttempt(t, a.ID, time.Hour)
	proveAbsent(t, db)
	if state(t, db, a.ID) != campaign.Absent || contact(t, db, a.ID) != "pending" {
		t.Fatalf("attempt %s, contact %s; want absent, pending", state(t, db, a.ID), contact(t, db, a.ID))
	}
	return a
}

// proveAbsent stores two scans that prove what they can of attempts that were
// dialed an hour ago, and returns how many became absent.
func proveAbsent(t *testing.T, db *testkit.DB) int {
	t.Helper()
	scanned(t, db, 2*time.Hour, 30*time.Minute, 25*time.Minute)
	scanned(t, db, 2*time.Hour, 20*time.Minute, 15*time.Minute)
	return mustProve(t, db)
}

func mustProve(t *testing.T, db *testkit.DB) int {
	t.Helper()
	n, err := db.ProveAbsent(t.Context(), times)
	check(t, err)
	return n
}

// Webhooks and the response arrive at once, from everywhere: no deadlock remains and
// nothing is lost.
func TestReceiveConcurrently(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 20))
	var calls sync.WaitGroup
	for _, id := range claim(t, db, 20) {
		a := pass(t, db, id)
		u := "U" + id.String()
		for _, e := range []campaign.Received{event(a, u, "ringing"), event(a, u, "answered"), completed(a, u, "0.5")} {
			calls.Go(func() { check(t, db.Receive(t.Context(), e)) })
		}
		calls.Go(func() { check(t, db.Record(t.Context(), a.ID, created(u))) })
		calls.Go(func() {
			_, err := db.StoreRecords(t.Context(), []campaign.Evidence{listed(a, u, "completed")})
			check(t, err)
		})
	}
	calls.Wait()
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM contacts WHERE reason = 'answered'`); n != 20 {
		t.Errorf("%d contacts were answered, want 20", n)
	}
	if got := alarms(t, db); len(got) != 0 {
		t.Errorf("alarms %v", got)
	}
	sound(t, db)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// An error leaves nothing half-written.
func TestReceiveIsOneTransaction(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	db.Exec(t, `ALTER TABLE contacts ADD CONSTRAINT broken CHECK (reason IS DISTINCT FROM 'answered')`)
	if err := db.Receive(t.Context(), completed(a, "U1", "1")); err == nil {
		t.Fatal("Receive succeeded although the contact cannot be stored")
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM events`); n != 0 || state(t, db, a.ID) != campaign.Dialing {
		t.Errorf("%d events, attempt %s; want none, dialing", n, state(t, db, a.ID))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Receive(ctx, completed(a, "U1", "1")); err == nil {
		t.Error("Receive succeeded after its context was cancelled")
	}
}

// Late evidence opens a call to a number for which another campaign's attempt is only
// reserved. That attempt is withdrawn, and its contact is called when the call is over.
func TestLateEvidenceWithdrawsCompetingAttempt(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "first", settings(), rows(0, 1))
	a := dialOne(t, db)
	record(t, db, a.ID, refused(campaign.RefusedInvalid))
	running(t, db, "second", settings(), rows(0, 1))
	b := claimOne(t, db)
	receive(t, db, event(a, "U1", "ringing"))
	got := testkit.Value[string](t, db, `SELECT state || ' ' || note FROM attempts WHERE id = $1`, b)
	if got != "void number_busy" || contact(t, db, b) != "pending" || state(t, db, a.ID) != campaign.Accepted {
		t.Errorf("reserved attempt %s, contact %s; the call is %s", got, contact(t, db, b), state(t, db, a.ID))
	}
	if ids := claim(t, db, 10); len(ids) != 0 {
		t.Errorf("claimed %d while the call is open", len(ids))
	}
	sound(t, db)
	receive(t, db, event(a, "U1", "completed"))
	claimOne(t, db)
	sound(t, db)
}

// A superseded call is open outside the index that limits a number to one call. The
// claim and the gate check it.
func TestGateWhileSupersededCallIsOpen(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "first", settings(), rows(0, 1))
	a := dialOne(t, db)
	record(t, db, a.ID, refused(campaign.RefusedInvalid))
	running(t, db, "second", settings(), rows(0, 1))
	b := dialOne(t, db)
	receive(t, db, event(a, "U1", "ringing"))
	receive(t, db, event(b, "U2", "completed"))
	running(t, db, "third", settings(), rows(0, 1))
	if ids := claim(t, db, 10); len(ids) != 0 {
		t.Fatalf("claimed %d while the superseded call is open", len(ids))
	}
	// A claim that read before the call was stored.
	db.Exec(t, `ALTER TABLE attempts DISABLE TRIGGER guard_changed_attempts`)
	db.Exec(t, `UPDATE attempts SET to_number = '447700999999' WHERE superseded`)
	c := claimOne(t, db)
	db.Exec(t, `UPDATE attempts SET to_number = $1 WHERE superseded`, a.To)
	db.Exec(t, `ALTER TABLE attempts ENABLE TRIGGER guard_changed_attempts`)
	if _, err := db.Gate(t.Context(), c, tokenLife); !errors.Is(err, campaign.ErrWithdrawn) {
		t.Errorf("Gate = %v, want ErrWithdrawn", err)
	}
	if got := testkit.Value[string](t, db, `SELECT note FROM attempts WHERE id = $1`, c); got != "number_busy" {
		t.Errorf("withdrawn as %q", got)
	}
	receive(t, db, event(a, "U1", "completed"))
	pass(t, db, claimOne(t, db))
}
