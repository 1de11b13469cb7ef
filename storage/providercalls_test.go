package storage_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

var times = campaign.DefaultTimes

func store(t *testing.T, db *testkit.DB, records ...campaign.Evidence) campaign.Reconciled {
	t.Helper()
	n, err := db.StoreRecords(t.Context(), records)
	check(t, err)
	return n
}

// reconcile stores records and matches the stored calls.
func reconcile(t *testing.T, db *testkit.DB, records ...campaign.Evidence) campaign.Reconciled {
	t.Helper()
	total := store(t, db, records...)
	_, err := db.FoldMatched(t.Context())
	check(t, err)
	n, err := db.MatchCalls(t.Context(), times)
	check(t, err)
	total.Add(n)
	return total
}

// scanned stores a complete scan that shows one known call. from, to and started are
// how long ago its window began and ended, and how long ago it began.
func scanned(t *testing.T, db *testkit.DB, from, to, started time.Duration, edit ...func(*campaign.Scan)) int64 {
	t.Helper()
	now, err := db.Now(t.Context())
	check(t, err)
	s, err := db.BeginScan(t.Context(), now.Add(-from), now.Add(-to), false, times)
	check(t, err)
	s.StartedAt, s.KnownShown = now.Add(-started), 1
	for _, f := range edit {
		f(&s)
	}
	id, err := db.FinishScan(t.Context(), s)
	check(t, err)
	return id
}

// unknownOne makes the only due contact's attempt unknown, dialed an hour ago.
func unknownOne(t *testing.T, db *testkit.DB) campaign.Attempt {
	t.Helper()
	a := dialOne(t, db)
	record(t, db, a.ID, unknown)
	return aged(t, db, a)
}

// aged makes an attempt an hour older.
func aged(t *testing.T, db *testkit.DB, a campaign.Attempt) campaign.Attempt {
	t.Helper()
	db.AgeAttempt(t, a.ID, time.Hour)
	a.DialedAt, a.TokenExpiresAt = a.DialedAt.Add(-time.Hour), a.TokenExpiresAt.Add(-time.Hour)
	return a
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

// Prices come late, change, change back and are read again: the last one counts, and
// each that counted is a line of the history.
func TestStoreRecordsPrices(t *testing.T) {
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
		total.Add(store(t, db, e))
	}
	if want := (campaign.Reconciled{Changed: 4, Repriced: 2}); total != want {
		t.Errorf("got %+v, want %+v", total, want)
	}
	type charge struct {
		Rev    int
		Price  string
		Source string
	}
	got := testkit.Rows[charge](t, db, `SELECT rev, price::text, source FROM price_history ORDER BY rev`)
	want := []charge{{1, "0.00600000", "list"}, {2, "0.00610000", "list"}, {3, "0.00600000", "list"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{campaign.AlarmPriceChanged, campaign.AlarmPriceChanged}, alarms(t, db)); diff != "" {
		t.Errorf("alarms (-want +got):\n%s", diff)
	}
	for _, from := range []string{"attempts", "provider_calls"} {
		if got := testkit.Value[string](t, db, `SELECT price::text || ' ' || rate || ' ' || duration_s || ' ' || network FROM reporting.`+from); got != "0.00600000 0.0120 30 23415" {
			t.Errorf("reporting.%s says %s", from, got)
		}
	}
	sound(t, db)
}

// A bill that is read back from Postgres equals the stored bill, to the last digit: the
// same event again changes nothing.
func TestBillSurvivesPostgres(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	e := completed(a, "U1", "0.10000000")
	receive(t, db, e)
	for stored, err := range db.Attempts(t.Context()) {
		check(t, err)
		again, _ := campaign.Fold(stored, e.Evidence)
		if diff := cmp.Diff(stored, again); diff != "" {
			t.Errorf("the same event changed the attempt (-stored +again):\n%s", diff)
		}
		if got := stored.Bill.Price.Decimal.Exponent(); got != -8 {
			t.Errorf("the price has exponent %d, want -8", got)
		}
	}
}

// A record without anything new is not written.
func TestStoreRecordsWritesWhatChanged(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	record(t, db, a.ID, created("U1"))
	e := billed(listed(a, "U1", "completed"), "0.00600000", time.Now())
	version := func() string {
		return testkit.Value[string](t, db, `SELECT c.xmin || ' ' || a.xmin FROM provider_calls c JOIN attempts a ON a.id = c.attempt_id`)
	}
	store(t, db, e)
	before := version()
	e.ObservedAt = e.ObservedAt.Add(time.Hour)
	if n := store(t, db, e); n.Changed != 0 || version() != before {
		t.Errorf("the same record was written again: %+v", n)
	}
	e.Status = "busy"
	if n := store(t, db, e); n.Changed != 1 || version() == before {
		t.Errorf("a record that changed was not written: %+v", n)
	}
}

// A call that was stored before its attempt was known belongs to the attempt from that
// commit on, with its price.
func TestCallOfAnAttemptThatIsKnownLater(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	store(t, db, billed(listed(a, "U1", "completed"), "0.006", time.Now()))
	record(t, db, a.ID, created("U1"))
	if by := testkit.Value[string](t, db, `SELECT matched_by FROM provider_calls WHERE attempt_id = $1`, a.ID); by != "uuid" {
		t.Errorf("matched by %q, want uuid", by)
	}
	sound(t, db)
	if n, err := db.FoldMatched(t.Context()); n != 1 || err != nil {
		t.Errorf("folded %d (%v), want 1", n, err)
	}
	if state(t, db, a.ID) != campaign.Ended || testkit.Value[string](t, db, `SELECT price::text FROM attempts`) != "0.006" {
		t.Errorf("the attempt is %s, want it ended, with its price", state(t, db, a.ID))
	}
	if n, err := db.FoldMatched(t.Context()); n != 0 || err != nil {
		t.Errorf("folded %d again (%v)", n, err)
	}
	sound(t, db)
}

func TestStoreRecordsWholeBatch(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 250))
	scanned(t, db, 2*time.Hour, 0, 0)
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
	records = append(records, campaign.Evidence{Source: campaign.FromList}, records[0]) // without anything new; repeated
	want := campaign.Reconciled{Changed: 250, Matched: 125}
	if diff := cmp.Diff(want, reconcile(t, db, records...)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM contacts WHERE reason = 'answered'`); n != 250 {
		t.Errorf("%d contacts were answered, want 250", n)
	}
	sound(t, db)
}

// A leg that connect opened is listed with its price and campaign, is no alarm, and is
// bound to no attempt, in any wording of the uuid and with any party.
func TestLegsAreListed(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	record(t, db, a.ID, created("U1"))
	sip, phone := listed(a, "SIP", "completed"), listed(a, "PHONE", "completed")
	sip.To, sip.ToKind, sip.ConversationUUID = "", campaign.PartyOther, "CON-U1"
	phone.To, phone.ConversationUUID = number(9), "CON-U1"
	reconcile(t, db, sip, phone)
	db.Exec(t, `UPDATE provider_calls SET first_seen_at = now() - interval '5 minutes'`)
	reconcile(t, db, sip, phone)
	legs := testkit.Rows[string](t, db, `
		SELECT concat_ws(' ', call_uuid, campaign, leg_of = $1, attempt_id IS NULL) FROM reporting.provider_calls ORDER BY 1`, a.ID)
	if len(legs) != 2 || legs[0] != "PHONE c t t" || legs[1] != "SIP c t t" {
		t.Errorf("listed %q", legs)
	}
	if got := alarms(t, db); len(got) != 0 {
		t.Errorf("alarms %v", got)
	}
	sound(t, db)
}

// A leg is known by its conversation in every wording. If nothing names that, it is
// known by the address to which its events came.
func TestLegsInEveryWording(t *testing.T) {
	t.Parallel()
	const conversation = "63f61863-4a51-4f6b-86e1-46edebcf9356"
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	outcome := created("U1")
	outcome.Evidence.ConversationUUID = "CON-" + conversation
	record(t, db, a.ID, outcome)
	var legs []campaign.Evidence
	for call, named := range map[string]string{
		"SAME": "CON-" + conversation, "BARE": conversation, "UPPER": strings.ToUpper("CON-" + conversation), "HEX": strings.ReplaceAll(conversation, "-", ""), "NONE": "",
	} {
		e := listed(a, call, "completed")
		e.To, e.ConversationUUID = number(9), named
		legs = append(legs, e)
	}
	told := event(a, "NONE", "ringing")
	told.Evidence.To, told.Evidence.ConversationUUID, told.Evidence.Leg = "", "", true
	receive(t, db, told)
	stray := listed(a, "STRAY", "completed")
	stray.To, stray.ConversationUUID = number(9), ""
	reconcile(t, db, append(legs, stray)...)
	db.Exec(t, `UPDATE provider_calls SET first_seen_at = now() - interval '5 minutes'`)
	// A leg that another process has stored since is still explained.
	db.Exec(t, `UPDATE provider_calls SET leg_of = NULL WHERE call_uuid = 'NONE'`)
	if _, err := db.MatchCalls(t.Context(), times); err != nil {
		t.Fatal(err)
	}
	if got := testkit.Rows[string](t, db, `SELECT kind || ' ' || detail FROM alarms`); len(got) != 1 || !strings.Contains(got[0], "STRAY") {
		t.Errorf("alarms %q, want one of the call that nothing explains", got)
	}
	reconcile(t, db, append(legs, stray)...)
	if got := testkit.Rows[string](t, db, `SELECT call_uuid FROM provider_calls WHERE leg_of = $1 ORDER BY 1`, a.ID); strings.Join(got, " ") != "BARE HEX NONE SAME UPPER" {
		t.Errorf("legs %q", got)
	}
	if got := testkit.Value[string](t, db, `SELECT call_uuid || ' ' || conversation_uuid FROM attempts`); got != "U1 CON-"+conversation {
		t.Errorf("the attempt has %s", got)
	}
	sound(t, db)
}

// The list may name a call in another wording than the answer to its POST: the record
// still belongs to its attempt.
func TestRecordOfAWordedUUID(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 2))
	const call = "63f61863-4a51-4f6b-86e1-46edebcf9356"
	ids := claim(t, db, 2)
	known, late := pass(t, db, ids[0]), pass(t, db, ids[1])
	record(t, db, known.ID, created(call))
	store(t, db, listed(known, strings.ToUpper(call), "busy"))
	if got := state(t, db, known.ID); got != campaign.Ended {
		t.Errorf("the attempt is %s although a record in upper case says that its call was busy", got)
	}
	// A record that comes before the attempt's call is known.
	other := strings.Replace(call, "63", "64", 1)
	store(t, db, listed(late, strings.ReplaceAll(other, "-", ""), "busy"))
	record(t, db, late.ID, created(other))
	reconcile(t, db)
	if got := testkit.Value[string](t, db, `SELECT concat_ws(' ', state, call_uuid) FROM attempts WHERE id = $1`, late.ID); got != "ended "+other {
		t.Errorf("the attempt is %s", got)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM provider_calls WHERE attempt_id IS NULL OR NOT folded`); n != 0 {
		t.Errorf("%d records are of no attempt", n)
	}
	sound(t, db)
}
