package storage_test

import (
	"fmt"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

func reconcile(t *testing.T, db *testkit.DB, records ...campaign.Evidence) campaign.Reconciled {
	t.Helper()
	got, unread, err := db.Reconcile(t.Context(), records, whole(0))
	if err != nil || len(unread) > 0 {
		t.Fatal(err, unread)
	}
	return got
}

// whole is a reading of all that the list has.
func whole(lag time.Duration) campaign.Reading {
	return campaign.Reading{Lag: lag, From: time.Now().Add(-1000 * time.Hour), To: time.Now().Add(time.Hour)}
}

func billed(e campaign.Evidence, price string, observed time.Time) campaign.Evidence {
	e.ObservedAt = observed
	e.Bill = campaign.Bill{
		Price: decimal.NewNullDecimal(decimal.RequireFromString(price)),
		Rate:  decimal.NewNullDecimal(decimal.RequireFromString("0.0120")), Duration: new(30),
		StartTime: e.At, EndTime: e.At.Add(30 * time.Second), Network: "23415",
	}
	return e
}

// Prices come late, change, change back and are read again: the last one
// stands, and each that stood is a line of the trail.
func TestReconcilePrices(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	record(t, db, a.ID, created("U1"))
	now := time.Now()
	seen := listed(a, "U1", "completed")
	var total campaign.Reconciled
	for i, price := range []string{"", "0.00600000", "0.00600000", "0.00610000", "0.00600000", "0.00600000"} {
		e := seen
		e.ObservedAt = now.Add(time.Duration(i) * time.Hour)
		if price != "" {
			e = billed(seen, price, e.ObservedAt)
		}
		got := reconcile(t, db, e)
		total.Known += got.Known
		total.Repriced += got.Repriced
	}
	if total.Known != 6 || total.Repriced != 2 {
		t.Errorf("got %+v, want 6 known and 2 repriced", total)
	}
	type charge struct {
		Rev    int
		Price  string
		Source string
	}
	got := testkit.Rows[charge](t, db, `SELECT rev, price::text, source FROM price_history ORDER BY rev`)
	want := []charge{{1, "0.00600000", "list"}, {2, "0.00610000", "list"}, {3, "0.00600000", "list"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("trail (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{campaign.AlarmPriceChanged, campaign.AlarmPriceChanged}, alarms(t, db)); diff != "" {
		t.Errorf("alarms (-want +got):\n%s", diff)
	}
	if got := testkit.Value[string](t, db, `SELECT price::text || ' ' || rate || ' ' || duration_s || ' ' || network FROM reporting.attempts`); got != "0.00600000 0.0120 30 23415" {
		t.Errorf("the attempt says %s", got)
	}
	sound(t, db)
}

// A bill that is read back from Postgres is the bill that was stored, to the
// last digit: the same event again changes nothing.
func TestBillSurvivesPostgres(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	e := completed(a, "U1", "0.10000000")
	receive(t, db, e)
	for stored, err := range db.Attempts(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		again, _ := campaign.Fold(stored, e.Evidence)
		if diff := cmp.Diff(stored, again); diff != "" {
			t.Errorf("the same event changed the attempt (-stored +again):\n%s", diff)
		}
		if got := stored.Bill.Price.Decimal.Exponent(); got != -8 {
			t.Errorf("the price has exponent %d, want -8", got)
		}
	}
}

func TestReconcileBinds(t *testing.T) {
	t.Parallel()
	in := func(offset time.Duration) func(campaign.Attempt) []campaign.Evidence {
		return func(a campaign.Attempt) []campaign.Evidence {
			e := listed(a, "U1", "completed")
			e.At = a.DialedAt.Add(offset)
			return []campaign.Evidence{e}
		}
	}
	with := func(change func(*campaign.Evidence)) func(campaign.Attempt) []campaign.Evidence {
		return func(a campaign.Attempt) []campaign.Evidence {
			e := listed(a, "U1", "completed")
			change(&e)
			return []campaign.Evidence{e}
		}
	}
	bound, foreign := campaign.Reconciled{Bound: 1}, campaign.Reconciled{Foreign: 1}
	for _, test := range []struct {
		name    string
		records func(campaign.Attempt) []campaign.Evidence
		want    campaign.Reconciled
	}{
		{"the one call", in(time.Second), bound},
		{"Vonage's clock is 4 s behind", in(-4 * time.Second), bound},
		{"6 s before the gate", in(-6 * time.Second), foreign},
		{"two minutes after the token", in(tokenLife + 119*time.Second), bound},
		{"later", in(tokenLife + 130*time.Second), foreign},
		{"inbound", with(func(e *campaign.Evidence) { e.Direction = "inbound" }), foreign},
		{"of no direction", with(func(e *campaign.Evidence) { e.Direction = "" }), foreign},
		{"to another number", with(func(e *campaign.Evidence) { e.To = number(9) }), foreign},
		{"from another number", with(func(e *campaign.Evidence) { e.From = "15550100" }), foreign},
		{"without a start", with(func(e *campaign.Evidence) { e.At = time.Time{} }), bound},
		{"two calls, one without a start", func(a campaign.Attempt) []campaign.Evidence {
			undated := listed(a, "U2", "ringing")
			undated.At = time.Time{}
			return []campaign.Evidence{listed(a, "U1", "completed"), undated}
		}, campaign.Reconciled{Ambiguous: 2}},
		{"two calls of one attempt", func(a campaign.Attempt) []campaign.Evidence {
			return []campaign.Evidence{listed(a, "U1", "completed"), listed(a, "U2", "completed")}
		}, campaign.Reconciled{Ambiguous: 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 1))
			a := unknownOne(t, db)
			again := test.want
			if again == bound {
				again = campaign.Reconciled{Known: 1}
			}
			for _, expected := range []campaign.Reconciled{test.want, again} {
				if diff := cmp.Diff(expected, reconcile(t, db, test.records(a)...)); diff != "" {
					t.Fatalf("(-want +got):\n%s", diff)
				}
			}
			want, calls := campaign.Unknown, test.want.Foreign+test.want.Ambiguous
			if test.want == bound {
				want = campaign.Ended
			}
			if state(t, db, a.ID) != want {
				t.Errorf("attempt %s, want %s", state(t, db, a.ID), want)
			}
			if n := testkit.Value[int](t, db, `SELECT count(*) FROM foreign_calls`); n != calls {
				t.Errorf("%d foreign calls, want %d", n, calls)
			}
			sound(t, db)
		})
	}
}

// A second call that only shows on a later page makes the match uncertain too,
// as long as the first was not bound.
func TestReconcileRemembersRivals(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := unknownOne(t, db)
	reconcile(t, db, listed(a, "U1", "completed"), listed(a, "U2", "completed"))
	if got := reconcile(t, db, listed(a, "U1", "completed")); got != (campaign.Reconciled{Ambiguous: 1}) {
		t.Errorf("got %+v, want it ambiguous", got)
	}
	if got := alarms(t, db); len(got) != 2 || got[0] != campaign.AlarmAmbiguousMatch {
		t.Errorf("alarms %v, want one for each call", got)
	}
}

// Of an attempt that waits for its call and one that was refused before it, the
// call is the former's.
func TestReconcilePrefersWhatIsWaitedFor(t *testing.T) {
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
	if got := reconcile(t, db, e); got != (campaign.Reconciled{Bound: 1}) {
		t.Errorf("got %+v, want it bound", got)
	}
	if state(t, db, first.ID) != campaign.Refused || state(t, db, second.ID) != campaign.Ended {
		t.Errorf("first %s, second %s", state(t, db, first.ID), state(t, db, second.ID))
	}
	sound(t, db)
}

// While the answer to an attempt's POST may still come, a call between the same
// numbers is neither bound nor foreign: the answer decides.
func TestReconcileWaitsForTheAnswer(t *testing.T) {
	t.Parallel()
	for _, start := range []time.Duration{time.Second, -time.Hour * 1e6} {
		db := testkit.New(t)
		running(t, db, "c", settings(), rows(0, 1))
		a := dialOne(t, db)
		e := listed(a, "F", "completed")
		if e.At = a.DialedAt.Add(start); start < 0 {
			e.At = time.Time{}
		}
		for _, unsettled := range []bool{false, true} {
			if unsettled {
				record(t, db, a.ID, unknown)
			}
			if got := reconcile(t, db, e); got != (campaign.Reconciled{}) {
				t.Errorf("got %+v, want it left alone", got)
			}
		}
		record(t, db, a.ID, created("U1"))
		if got := reconcile(t, db, e); got != (campaign.Reconciled{Foreign: 1}) {
			t.Errorf("once the attempt has its own call: got %+v, want it foreign", got)
		}
		if diff := cmp.Diff([]string{campaign.AlarmUnmatchedCall}, alarms(t, db)); diff != "" {
			t.Errorf("alarms (-want +got):\n%s", diff)
		}
		sound(t, db)
	}
}

// A call that somebody else placed between the same numbers may be listed before
// the attempt's own. Nothing is bound until the list is sure to show both.
func TestReconcileWaitsForTheList(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := unknownOne(t, db)
	e := listed(a, "U1", "completed")
	expired := time.Since(a.TokenExpiresAt)
	got, _, err := db.Reconcile(t.Context(), []campaign.Evidence{e}, whole(expired+time.Hour))
	if err != nil || got != (campaign.Reconciled{}) {
		t.Errorf("got %+v, %v, want it left alone", got, err)
	}
	got, _, err = db.Reconcile(t.Context(), []campaign.Evidence{e}, whole(expired-time.Second))
	if err != nil || got != (campaign.Reconciled{Bound: 1}) {
		t.Errorf("once both must be listed: got %+v, %v, want it bound", got, err)
	}
	sound(t, db)
}

// Where the one that was refused is another contact's, who may be called again
// for it, a person is told: Vonage may have placed what it refused.
func TestReconcileTellsOfADoubtfulMatch(t *testing.T) {
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
	if got := reconcile(t, db, e); got != (campaign.Reconciled{Bound: 1}) {
		t.Errorf("got %+v, want it bound", got)
	}
	if diff := cmp.Diff([]string{campaign.AlarmAmbiguousMatch}, alarms(t, db)); diff != "" {
		t.Errorf("alarms (-want +got):\n%s", diff)
	}
	reconcile(t, db, e)
	if times := testkit.Value[int](t, db, `SELECT sum(times) FROM alarms`); times != 1 {
		t.Errorf("raised %d times, want once", times)
	}
	sound(t, db)
}

// What was kept as foreign is bound by a later reading, when it is certain.
func TestReconcileBindsWhatWasForeign(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := unknownOne(t, db)
	e := listed(a, "U1", "completed")
	db.Exec(t, `INSERT INTO foreign_calls (call_uuid, direction, to_number, from_number, status, start_time, ambiguous)
		VALUES ('U1', 'outbound', $1, $2, 'started', $3, false)`, a.To, a.From, e.At)
	if got := reconcile(t, db, e); got != (campaign.Reconciled{Bound: 1}) {
		t.Errorf("got %+v, want it bound", got)
	}
	sound(t, db)
	record(t, db, a.ID, created("U2"))
	if diff := cmp.Diff([]string{campaign.AlarmSecondCall}, alarms(t, db)); diff != "" {
		t.Errorf("the answer names another call: alarms (-want +got):\n%s", diff)
	}
}

// A call without a start may be of any attempt: of two it binds neither. A call
// that was seen before an attempt was dialed is not that attempt's.
func TestReconcileCallsWithoutAStart(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	first := unknownOne(t, db)
	e := listed(first, "U1", "ringing")
	e.At = time.Time{}
	record(t, db, first.ID, refused(campaign.RefusedRate))
	db.MakeDue(t)
	second := unknownOne(t, db)
	for range 2 {
		if got := reconcile(t, db, e); got != (campaign.Reconciled{Ambiguous: 1}) {
			t.Errorf("got %+v, want it ambiguous", got)
		}
	}
	db.Exec(t, `UPDATE foreign_calls SET first_seen = now() - interval '2 hours'`)
	db.Exec(t, `UPDATE attempts SET dialed_at = dialed_at - interval '3 days' WHERE id = $1`, first.ID)
	if got := reconcile(t, db, e); got != (campaign.Reconciled{Foreign: 1}) {
		t.Errorf("seen before the attempt was dialed: got %+v, want it foreign", got)
	}
	if n := proveAbsent(t, db, second.ID); n != 1 {
		t.Errorf("%d became absent, want 1: the call was there before", n)
	}
}

func TestReconcileForeignCallsOfOurs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*campaign.Evidence)
		alarms []string
	}{
		{"from our number", func(*campaign.Evidence) {}, []string{campaign.AlarmUnmatchedCall}},
		{"from another's", func(e *campaign.Evidence) { e.From = "15550100" }, nil},
		{"to our number", func(e *campaign.Evidence) { e.Direction, e.To, e.From = "inbound", ours, "15550100" }, nil},
		{"a leg of a call of ours", func(e *campaign.Evidence) { e.ConversationUUID = "CON-U1" }, nil},
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
			for range 2 {
				if got := reconcile(t, db, e); got != (campaign.Reconciled{Foreign: 1}) {
					t.Errorf("got %+v, want it foreign", got)
				}
			}
			got := testkit.Rows[string](t, db, `SELECT kind || times FROM alarms`)
			var want []string
			for _, kind := range test.alarms {
				want = append(want, kind+"1")
			}
			if diff := cmp.Diff(want, got); diff != "" && len(want)+len(got) > 0 {
				t.Errorf("alarms (-want +got):\n%s", diff)
			}
		})
	}
}

func TestForeignCallBecomesKnown(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	e := listed(a, "U1", "ringing")
	e.At = a.DialedAt.Add(-time.Minute) // it cannot be matched
	reconcile(t, db, e)
	record(t, db, a.ID, created("U1"))
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM foreign_calls`); n != 0 {
		t.Errorf("%d foreign calls, want none once the call is known", n)
	}
	sound(t, db)
}

func TestReconcileAWholePage(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 250))
	var records []campaign.Evidence
	for i, id := range claim(t, db, 250) {
		a := pass(t, db, id)
		if i%2 == 0 {
			record(t, db, id, created(fmt.Sprint("U", i)))
		} else {
			record(t, db, id, unknown)
			a = aged(t, db, a)
		}
		records = append(records, billed(listed(a, fmt.Sprint("U", i), "completed"), "0.006", time.Now()))
	}
	records = append(records, campaign.Evidence{Source: campaign.FromList}) // says nothing
	want := campaign.Reconciled{Known: 125, Bound: 125}
	if diff := cmp.Diff(want, reconcile(t, db, records...)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM contacts WHERE reason = 'answered'`); n != 250 {
		t.Errorf("%d contacts were answered, want 250", n)
	}
	sound(t, db)
}
