package storage_test

import (
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"

	"github.com/google/uuid"
)

// forgetful is a restored database: it may have forgotten calls that began after its
// mark.
func forgetful(t *testing.T, db *testkit.DB) {
	t.Helper()
	checkpoint(t, db.DB, unasked)
	db.Exec(t, `UPDATE database_identity SET checkpoint_at = checkpoint_at - interval '1 minute'`)
	db.Exec(t, `UPDATE campaigns SET created_at = created_at - interval '1 hour'`)
	if i := checkpoint(t, db.DB, redisIs(time.Now())); i.Lock.Reason != campaign.LockedRestored {
		t.Fatalf("locked for %q, want restored", i.Lock.Reason)
	}
}

// lostCall is the record of a call that no attempt has.
func lostCall(callUUID, to, status string, ago time.Duration) campaign.Evidence {
	start := time.Now().Add(-ago)
	return campaign.Evidence{
		Source: campaign.FromList, CallUUID: callUUID, ConversationUUID: "CON-" + callUUID, Status: status,
		Direction: "outbound", To: to, From: ours, At: start, ObservedAt: time.Now(),
		Bill: campaign.Bill{Source: campaign.FromList, ObservedAt: time.Now(), StartTime: start, EndTime: start.Add(5 * time.Second)},
	}
}

// stand describes the state of the contact with the number, with the calls of its
// attempts.
func stand(t *testing.T, db *testkit.DB, to string) string {
	t.Helper()
	return testkit.Value[string](t, db, `
		SELECT concat_ws(' ', k.state, k.reason, string_agg(a.state || coalesce(':' || a.call_uuid, ''), ' ' ORDER BY a.attempt_no))
		FROM contacts k LEFT JOIN attempts a ON a.contact_id = k.id WHERE k.to_number = $1 GROUP BY k.id ORDER BY k.id LIMIT 1`, to)
}

func TestRecoverForgottenCalls(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 6))
	ids := claim(t, db, 3)
	seen := pass(t, db, ids[0])
	record(t, db, seen.ID, created("KNOWN"))
	lost := pass(t, db, ids[1])
	record(t, db, lost.ID, unknown)
	db.AgeAttempt(t, lost.ID, 10*time.Minute)
	forgetful(t, db)
	release(t, db,
		listed(seen, "KNOWN", "completed"),
		lostCall("A", lost.To, "completed", 30*time.Second),    // made by a later attempt, because this one was absent
		lostCall("B", number(2), "completed", 30*time.Second),  // reserved here
		lostCall("C1", number(3), "busy", 40*time.Second),      // not begun in this database, and called twice
		lostCall("C2", number(3), "completed", 20*time.Second), //
		lostCall("D", number(4), "ringing", 10*time.Second),    // not over yet
		lostCall("E", "447700111222", "completed", time.Second),
	)
	for to, want := range map[string]string{
		seen.To: "done unexplained ended:KNOWN", lost.To: "done unexplained ended:A", number(2): "done unexplained ended:B",
		number(3): "done unexplained ended:C1 ended:C2", number(4): "active accepted:D", number(5): "pending",
	} {
		if got := stand(t, db, to); got != want {
			t.Errorf("contact %s: %s, want %s", to, got, want)
		}
	}
	if got := testkit.Rows[string](t, db, `SELECT call_uuid FROM provider_calls WHERE attempt_id IS NULL`); len(got) != 1 || got[0] != "E" {
		t.Errorf("calls of no attempt: %q, want the one to a number of no contact", got)
	}
	db.Exec(t, `UPDATE provider_calls SET first_seen_at = now() - interval '5 minutes'`)
	reconcile(t, db)
	got := testkit.Rows[string](t, db, `SELECT kind FROM alarms WHERE kind <> $1 ORDER BY kind`, campaign.AlarmLateEvidence)
	if len(got) != 7 || got[0] != campaign.AlarmCallRecovered || got[5] != campaign.AlarmDialLocked || got[6] != campaign.AlarmUnmatchedCall {
		t.Errorf("alarms %v, want one a call that was recovered or is unmatched, and one that the database was locked", got)
	}
	if ids := claim(t, db, 10); len(ids) != 1 {
		t.Errorf("%d contacts are due once the database is released, want the one that was not called", len(ids))
	}
	sound(t, db)
}

// Calls that the database already knew to belong to others stay so, and so does a call
// from before the campaign.
func TestUnmatchedCallsAreNotRecovered(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 3))
	known := lostCall("KNOWN", number(0), "completed", 10*time.Second)
	store(t, db, known)
	manual := dialManual(t, db, manualCall(number(2)))
	record(t, db, manual.ID, unknown)
	forgetful(t, db)
	db.Exec(t, `UPDATE provider_calls SET first_seen_at = first_seen_at - interval '2 minutes'`)
	earlier := lostCall("EARLIER", number(1), "completed", 30*time.Minute)
	inbound := lostCall("INBOUND", number(2), "completed", 10*time.Second)
	inbound.Direction = "inbound"
	release(t, db, earlier, known, inbound, lostCall("MANUAL", number(2), "completed", 0))
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM attempts WHERE recovered`); n != 0 {
		t.Errorf("%d calls were recovered, want none", n)
	}
	if ids := claim(t, db, 10); len(ids) != 2 {
		t.Errorf("%d contacts are due, want all but the one with whose number a manual call may be open", len(ids))
	}
}

// One call and two possible contacts: neither is called again, and a person decides.
func TestRecoverAmbiguousCall(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "one", settings(), rows(0, 2))
	running(t, db, "two", settings(), rows(0, 1))
	forgetful(t, db)
	release(t, db, lostCall("A", number(0), "completed", 10*time.Second))
	got := testkit.Rows[string](t, db, `SELECT concat_ws(' ', state, reason) FROM contacts ORDER BY to_number, id`)
	if len(got) != 3 || got[0] != "done unresolved" || got[1] != "done unresolved" || got[2] != "pending" {
		t.Errorf("contacts are %q, want the two that may have been called unresolved", got)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM alarms WHERE kind = $1`, campaign.AlarmCallOfSeveral); n != 1 {
		t.Errorf("%d alarms for a person, want 1", n)
	}
	sound(t, db)
}

// Nobody dialed for a while: usually nothing is wrong, and the list shows that. A
// machine that was restored with its Redis looks the same, except for an unknown call.
func TestRestedDatabaseIsCheckedAgainstTheList(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		marked  bool // Redis has the mark of the same moment
		missing bool
		looked  campaign.LockReason
		want    campaign.LockReason
	}{
		{"nothing is missing", true, false, campaign.LockedIdle, ""},
		{"a call is", true, true, campaign.LockedIdle, campaign.LockedRestored},
		{"Redis was lost, nothing is missing", false, false, campaign.LockedNoMark, ""},
		{"Redis was lost, a call is missing", false, true, campaign.LockedNoMark, campaign.LockedRestored},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 1))
			checkpoint(t, db.DB, unasked)
			db.Exec(t, `UPDATE database_identity SET checkpoint_at = checkpoint_at - interval '1 hour'`)
			mark := campaign.ExternalMark{Asked: true, Known: test.marked}
			if test.marked {
				mark.At = testkit.Value[time.Time](t, db, `SELECT checkpoint_at FROM database_identity`)
			}
			i := checkpoint(t, restarted(t, db), mark)
			if i.Lock.Reason != test.looked || i.Lock.AwaitsPerson() {
				t.Fatalf("locked for %q, want %q, which waits for no person", i.Lock.Reason, test.looked)
			}
			if n := testkit.Value[int](t, db, `SELECT count(*) FROM alarms`); (n > 0) != (test.looked == campaign.LockedNoMark) {
				t.Errorf("%d alarms: an ordinary rest is none", n)
			}
			if !test.missing {
				readBack(t, db)
			} else {
				store(t, db, lostCall("A", number(0), "completed", time.Second))
				_, err := db.Recover(t.Context(), i.Lock, times)
				check(t, err)
			}
			if got := lockedFor(t, db.DB); got != test.want {
				t.Errorf("locked for %q, want %q", got, test.want)
			}
		})
	}
}

// Another campaign's call to the number is up: the forgotten one is still stored.
func TestRecoverWhileAnotherCallIsOpen(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	other := settings()
	other.From = []string{"447700900001"}
	running(t, db, "one", other, rows(0, 1))
	open := dialOne(t, db)
	record(t, db, open.ID, created("OPEN"))
	running(t, db, "two", settings(), rows(0, 1))
	forgetful(t, db)
	release(t, db, lostCall("A", number(0), "ringing", 10*time.Second))
	var got []uuid.UUID = testkit.Rows[uuid.UUID](t, db, `SELECT id FROM attempts WHERE call_uuid = 'A' AND state = 'accepted' AND superseded AND recovered`)
	if len(got) != 1 {
		t.Errorf("%d attempts have the forgotten call, want 1, outside the index", len(got))
	}
}

// A contact that was stopped or suppressed while the database was locked may have been
// called before. One that was in that state when it last dialed was not.
func TestRecoverContactThatEndedMeanwhile(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	stopped := running(t, db, "stopped", settings(), rows(0, 1))
	before := running(t, db, "stopped before", settings(), rows(2, 1))
	running(t, db, "suppressed before", settings(), rows(3, 1))
	suppress := func(to string) {
		_, err := db.Suppress(t.Context(), []app.Suppression{{Number: to, Source: "ann"}})
		check(t, err)
	}
	check(t, db.Stop(t.Context(), before.ID))
	suppress(number(3))
	db.Exec(t, `UPDATE campaigns SET stopped_at = stopped_at - interval '2 minutes'`)
	db.Exec(t, `UPDATE suppressions SET created_at = created_at - interval '2 minutes'`)
	claim(t, db, 1)
	running(t, db, "suppressed", settings(), rows(1, 1))
	forgetful(t, db)
	check(t, db.Stop(t.Context(), stopped.ID))
	suppress(number(1))
	release(t, db,
		lostCall("A", number(0), "busy", 30*time.Second), lostCall("B", number(1), "completed", 30*time.Second),
		lostCall("C", number(2), "completed", 30*time.Second), lostCall("D", number(3), "completed", 30*time.Second))
	for to, want := range map[string]string{
		number(0): "done stopped void ended:A", number(1): "done unexplained ended:B",
		number(2): "done stopped", number(3): "done suppressed",
	} {
		if got := stand(t, db, to); got != want {
			t.Errorf("contact %s: %s, want %s", to, got, want)
		}
	}
	if got := testkit.Rows[string](t, db, `SELECT call_uuid FROM provider_calls WHERE attempt_id IS NULL ORDER BY 1`); len(got) != 2 || got[0] != "C" || got[1] != "D" {
		t.Errorf("calls of no attempt %q, want those to contacts that had ended before", got)
	}
	sound(t, db)
}

// An attempt that was open at the mark does not show whose a forgotten call is. It may
// have been withdrawn since, or have made no call, and the other contact with the
// number was called. A person decides, and neither is called.
func TestRecoverAmbiguousCallOpenAttempt(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "one", settings(), rows(0, 1))
	claimOne(t, db)
	running(t, db, "two", settings(), rows(0, 1))
	forgetful(t, db)
	release(t, db, lostCall("A", number(0), "completed", 30*time.Second))
	got := testkit.Rows[string](t, db, `SELECT concat_ws(' ', state, reason) FROM contacts ORDER BY id`)
	if len(got) != 2 || got[0] != "done unresolved" || got[1] != "done unresolved" {
		t.Errorf("contacts are %q, want neither to be called again", got)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM alarms WHERE kind = $1`, campaign.AlarmCallOfSeveral); n != 1 {
		t.Errorf("%d alarms for a person, want one", n)
	}
	sound(t, db)
}

// Vonage writes values in more ways than one. Any possible forgotten call keeps its
// contact from being called again, until a person decides. A call that cannot be
// forgotten, or has no possible contact, blocks nobody.
func TestRecoverInAnyWording(t *testing.T) {
	t.Parallel()
	const called, undecided, due = "done unexplained ended:F", "done unresolved lost", "pending"
	for _, test := range []struct {
		name    string
		change  func(*campaign.Evidence)
		setup   string
		want    string
		anybody int // calls whose called party is not known
	}{
		{"as it is stored", func(*campaign.Evidence) {}, ``, called, 0},
		{"as it is written at home", func(e *campaign.Evidence) { e.To = "0" + e.To[2:] }, ``, undecided, 0},
		{"with another trunk prefix", func(e *campaign.Evidence) { e.To = "8" + e.To[2:] }, ``, undecided, 0},
		{"without a start", func(e *campaign.Evidence) { e.At = time.Time{} }, ``, called, 0},
		{"without a direction", func(e *campaign.Evidence) { e.Direction = "" }, ``, undecided, 0},
		{"with another word for the direction", func(e *campaign.Evidence) { e.Direction = "outbound-api" }, ``, undecided, 0},
		{"without a kind of party", func(e *campaign.Evidence) { e.ToKind = campaign.PartyUnknown }, ``, called, 0},
		{"from a number that is not said", func(e *campaign.Evidence) { e.From = "" }, ``, undecided, 0},
		{"from our number as it is written at home", func(e *campaign.Evidence) { e.From = "0" + e.From[2:] }, ``, undecided, 0},
		{"from another number", func(e *campaign.Evidence) { e.From = "15550100001" }, ``, undecided, 0},
		{"to nobody knows whom", func(e *campaign.Evidence) { e.To = "" }, ``, due, 1},
		{"from and to nobody knows whom", func(e *campaign.Evidence) { e.To, e.From = "", "" }, ``, due, 1},
		{"to nobody knows whom, and without a direction", func(e *campaign.Evidence) { e.To, e.Direction = "", "" }, ``, due, 1},
		{"to nobody knows whom, from another number", func(e *campaign.Evidence) { e.To, e.From = "", "15550100001" }, ``, due, 0},
		{"to a number of no contact", func(e *campaign.Evidence) { e.To = "447700111222" }, ``, due, 0},
		{"to a number of no contact, as it is written at home", func(e *campaign.Evidence) { e.To = "07700111222" }, ``, due, 0},
		{"to the number, from outside", func(e *campaign.Evidence) { e.Direction = "inbound" }, ``, due, 0},
		{"to nobody knows whom, from outside", func(e *campaign.Evidence) { e.To, e.Direction = "", "inbound" }, ``, due, 0},
		{"to something that is no telephone", func(e *campaign.Evidence) { e.To, e.ToKind = "", campaign.PartyOther }, ``, due, 0},
		{"a leg of a known call, as an event says", func(*campaign.Evidence) {}, `
			WITH known AS (SELECT id FROM attempts WHERE call_uuid = 'KNOWN'), told AS (
				INSERT INTO events (attempt_id, call_uuid, kind, body) SELECT id, 'F', 'ringing', '{}' FROM known)
			UPDATE provider_calls SET leg_of = known.id FROM known WHERE call_uuid = 'F'`, due, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 2))
			other := pass(t, db, claim(t, db, 1)[0])
			record(t, db, other.ID, created("KNOWN"))
			to := number(1)
			if other.To == to {
				to = number(0)
			}
			forgetful(t, db)
			i, _, err := db.Identity(t.Context())
			check(t, err)
			e := lostCall("F", to, "completed", 30*time.Second)
			test.change(&e)
			store(t, db, e)
			if test.setup != "" {
				db.Exec(t, test.setup)
			}
			release(t, db, e)
			if got := stand(t, db, to); got != test.want {
				t.Errorf("the contact: %s, want %s", got, test.want)
			}
			if n, err := db.CallsToAnybody(t.Context(), i.Lock, times); n != test.anybody || err != nil {
				t.Errorf("%d calls to nobody knows whom (%v), want %d", n, err, test.anybody)
			}
			asked := testkit.Value[int](t, db, `SELECT count(*) FROM alarms m JOIN attempts a ON a.id = m.attempt_id WHERE m.kind = $1 AND a.to_number = $2`, campaign.AlarmLost, to)
			if want := map[bool]int{true: 1}[test.want == undecided]; asked != want {
				t.Errorf("a person is asked %d times, want %d", asked, want)
			}
			sound(t, db)
		})
	}
}

// A person decides about a call that may have been forgotten, and is not asked again
// when the database is locked again.
func TestDecideForgottenCall(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		app.DecideNoCall:  "pending absent",
		app.DecideCalled:  "done unresolved lost",
		app.DecideItsCall: "done unexplained ended:F",
	} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 1))
			forgetful(t, db)
			i, _, err := db.Identity(t.Context())
			check(t, err)
			e := lostCall("F", "0"+number(0)[2:], "completed", 30*time.Second)
			release(t, db, e)
			id := testkit.Value[int64](t, db, `SELECT id FROM alarms WHERE kind = $1`, campaign.AlarmLost)
			check(t, db.DecideAttempt(t.Context(), by("ann"), id, app.AttemptDecision{Word: word, CallUUID: "F"}))
			if got := stand(t, db, number(0)); got != want {
				t.Errorf("the contact: %s, want %s", got, want)
			}
			i.Lock.Scans = 1
			n, err := db.Recover(t.Context(), i.Lock, times)
			if n.Forgotten > 0 || err != nil {
				t.Errorf("asked again about %d calls (%v)", n.Forgotten, err)
			}
			sound(t, db)
		})
	}
}

// A contact with several numbers was called at the one that the record has in another
// wording.
func TestRecoverSecondNumberInAnotherWording(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	list := rows(0, 1)
	list[0].More = []campaign.RowNumber{{To: number(7), Zones: []string{"Europe/London"}}}
	running(t, db, "c", settings(), list)
	forgetful(t, db)
	release(t, db, lostCall("F", "0"+number(7)[2:], "completed", 30*time.Second))
	if got := testkit.Rows[string](t, db, `SELECT concat_ws(' ', state, to_number) FROM attempts`); len(got) != 1 || got[0] != "lost "+number(7) {
		t.Errorf("attempts %q, want one to the second number, about which a person decides", got)
	}
	sound(t, db)
}
