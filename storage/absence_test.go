package storage_test

import (
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// scanAt stores a complete scan of a window, begun when it says.
func scanAt(t *testing.T, db *testkit.DB, from, to, started time.Time, edit ...func(*campaign.Scan)) {
	t.Helper()
	scanned(t, db, time.Hour, time.Hour-time.Second, 0, append([]func(*campaign.Scan){func(s *campaign.Scan) {
		s.From, s.To, s.StartedAt = from, to, started
	}}, edit...)...)
}

// An attempt is absent once two complete scans, far enough apart, do not show it.
func TestAbsenceTakesTwoScans(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name          string
		first, second time.Duration // begun after the token's expiry
		firstTo       time.Duration // the end of the window, after the token's expiry; 0: up to the present
		secondTo      time.Duration
		late          int // which scan's window begins a second late; 0: none
		want          int
	}{
		{"as early as can be", 2 * time.Minute, 4 * time.Minute, 0, 0, 0, 1},
		{"the second alone", 0, 4 * time.Minute, 0, 0, 0, 0},
		{"the first before the list shows every call", 2*time.Minute - time.Second, 4 * time.Minute, 0, 0, 0, 0},
		{"the first not over all that has passed", 5 * time.Minute, 8 * time.Minute, time.Minute, 0, 0, 0},
		{"the first not from the beginning", 5 * time.Minute, 8 * time.Minute, 0, 0, 1, 0},
		{"the second before the window's end", 2 * time.Minute, 4*time.Minute - time.Second, 0, 0, 0, 0},
		{"the second not over the whole window", 2 * time.Minute, 9 * time.Minute, 0, 3 * time.Minute, 0, 0},
		{"the second not from the beginning", 5 * time.Minute, 8 * time.Minute, 0, 0, 2, 0},
		{"too soon after the first", 4 * time.Minute, 5*time.Minute - time.Second, 0, 0, 0, 0},
		{"half a settle time after the first", 4 * time.Minute, 5 * time.Minute, 0, 0, 0, 1},
		{"much later", 20 * time.Minute, 40 * time.Minute, 0, 0, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 1))
			a := unknownOne(t, db)
			expiry := testkit.Value[time.Time](t, db, `SELECT token_expires_at FROM attempts`)
			scan := func(n int, begun, to time.Duration) {
				if begun == 0 {
					return
				}
				if to == 0 {
					to = begun
				}
				from := expiry.Add(-90 * time.Second)
				if n == test.late {
					from = from.Add(time.Second)
				}
				scanAt(t, db, from, expiry.Add(to), expiry.Add(begun))
				if n := mustProve(t, db); begun == test.first && n > 0 {
					t.Error("one scan proves absence")
				}
			}
			scan(1, test.first, test.firstTo)
			scan(2, test.second, test.secondTo)
			want, contactWant := campaign.Unknown, "active"
			if test.want == 1 {
				want, contactWant = campaign.Absent, "pending"
			}
			if state(t, db, a.ID) != want || contact(t, db, a.ID) != contactWant {
				t.Errorf("attempt %s, contact %s; want %s", state(t, db, a.ID), contact(t, db, a.ID), want)
			}
			sound(t, db)
		})
	}
}

// The attempt keeps the scans that prove it absent, and its contact is called again.
func TestAbsenceKeepsItsEvidence(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := unknownOne(t, db)
	if n := proveAbsent(t, db); n != 1 {
		t.Fatalf("%d became absent, want 1", n)
	}
	if n := testkit.Value[int](t, db, `
		SELECT count(*) FROM attempts a JOIN list_scans x ON x.id = a.absent_scan_1 JOIN list_scans y ON y.id = a.absent_scan_2
		WHERE y.started_at >= x.started_at + interval '1 minute'`); n != 1 {
		t.Error("the attempt does not name the two scans")
	}
	if n := mustProve(t, db); n != 0 {
		t.Errorf("%d became absent again", n)
	}
	db.MakeDue(t)
	if second := claimOne(t, db); second == a.ID {
		t.Error("the retry is the same attempt")
	}
	sound(t, db)
}

// Each condition for absence: without it an attempt that may have called somebody would
// become absent.
func TestAbsenceEachCondition(t *testing.T) {
	t.Parallel()
	type world struct {
		*testing.T
		db *testkit.DB
		a  campaign.Attempt
	}
	both := func(edit func(*campaign.Scan)) func(world) {
		return func(w world) {
			scanned(w.T, w.db, 2*time.Hour, 30*time.Minute, 25*time.Minute)
			scanned(w.T, w.db, 2*time.Hour, 20*time.Minute, 15*time.Minute, edit)
		}
	}
	first := func(edit func(*campaign.Scan)) func(world) {
		return func(w world) {
			scanned(w.T, w.db, 2*time.Hour, 30*time.Minute, 25*time.Minute, edit)
			scanned(w.T, w.db, 2*time.Hour, 20*time.Minute, 15*time.Minute)
		}
	}
	fine := both(func(*campaign.Scan) {})
	lacks := func(s *campaign.Scan) { s.KnownMissing = 1 }
	shows := func(s *campaign.Scan) { s.KnownShown = 0 }
	other := func(s *campaign.Scan) { s.Database = uuid.New() }
	unread := func(s *campaign.Scan) { s.Unreadable = 1 }
	for _, test := range []struct {
		name string
		do   func(world)
		want campaign.State
	}{
		{"nothing is wrong", fine, campaign.Absent},
		{"the first scan lacks a known call", first(lacks), campaign.Unknown},
		{"the second scan lacks a known call", both(lacks), campaign.Unknown},
		{"the first scan shows no known call", first(shows), campaign.Unknown},
		{"the second scan shows no known call", both(shows), campaign.Unknown},
		{"the first scan has a record without a uuid", first(unread), campaign.Unknown},
		{"the second scan has a record without a uuid", both(unread), campaign.Unknown},
		{"the first scan is of before a restore", first(other), campaign.Unknown},
		{"the second scan is of before a restore", both(other), campaign.Unknown},
		{"its window begins when Vonage may drop its records", func(w world) {
			w.db.AgeAttempt(w.T, w.a.ID, 45*time.Hour)
			scanned(w.T, w.db, 47*time.Hour, 40*time.Hour, 40*time.Hour)
			scanned(w.T, w.db, 47*time.Hour, 30*time.Hour, 30*time.Hour)
		}, campaign.Unknown},
		{"its window begins a little later", func(w world) {
			w.db.AgeAttempt(w.T, w.a.ID, 44*time.Hour+50*time.Minute)
			scanned(w.T, w.db, 47*time.Hour, 40*time.Hour, 40*time.Hour)
			scanned(w.T, w.db, 47*time.Hour, 30*time.Hour, 30*time.Hour)
		}, campaign.Absent},
		{"an event names it", func(w world) {
			w.db.Exec(w.T, `INSERT INTO events (attempt_id, kind, body) VALUES ($1, 'input', '{}')`, w.a.ID)
			fine(w)
		}, campaign.Unknown},
		{"Vonage said that it made the call", func(w world) {
			record(w.T, w.db, w.a.ID, campaign.Outcome{Kind: campaign.OutcomeUnknown, MustExist: true})
			fine(w)
		}, campaign.Unknown},
		{"Vonage asked for its message", func(w world) {
			check(w.T, w.db.MessageAsked(w.T.Context(), w.a.ID))
			fine(w)
		}, campaign.Unknown},
		{"it has a call", func(w world) {
			receive(w.T, w.db, event(w.a, "U1", "ringing"))
			fine(w)
		}, campaign.Accepted},
		{"a call may be its", func(w world) {
			store(w.T, w.db, listed(w.a, "F", "completed"))
			fine(w)
		}, campaign.Unknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 1))
			a := unknownOne(t, db)
			test.do(world{t, db, a})
			mustProve(t, db)
			if got := state(t, db, a.ID); got != test.want {
				t.Errorf("the attempt is %s, want %s", got, test.want)
			}
			sound(t, db)
		})
	}
}

// Each line that exempts a call from being the attempt's: with the exemption the proof
// succeeds, and without any the call blocks it.
func TestAbsenceExemptions(t *testing.T) {
	t.Parallel()
	const exempt, blocks = campaign.Absent, campaign.Unknown
	for _, test := range []struct {
		name   string
		change func(*campaign.Evidence)
		setup  string
		want   campaign.State
	}{
		{"nothing", nil, ``, blocks},
		{"it is another attempt's by uuid", nil,
			`UPDATE provider_calls SET attempt_id = (SELECT id FROM attempts WHERE state = 'reserved'), matched_by = 'uuid', matched_at = now()`, exempt},
		{"it is another attempt's by a person's word", nil,
			`UPDATE provider_calls SET attempt_id = (SELECT id FROM attempts WHERE state = 'reserved'), matched_by = 'person', matched_at = now()`, exempt},
		{"it is another attempt's by numbers since before the scans", nil,
			`UPDATE provider_calls SET attempt_id = (SELECT id FROM attempts WHERE state = 'reserved'), matched_by = 'numbers', matched_at = now() - interval '26 minutes'`, exempt},
		{"it is another attempt's by numbers since between the scans", nil,
			`UPDATE provider_calls SET attempt_id = (SELECT id FROM attempts WHERE state = 'reserved'), matched_by = 'numbers', matched_at = now() - interval '20 minutes'`, blocks},
		{"it was listed before the gate", nil, `UPDATE provider_calls SET first_seen_at = now() - interval '2 hours'`, exempt},
		{"it was listed after the gate", nil, `UPDATE provider_calls SET first_seen_at = now() - interval '59 minutes'`, blocks},
		{"it went to no telephone", func(e *campaign.Evidence) { e.To, e.ToKind = "", campaign.PartyOther }, ``, exempt},
		{"it is not said what it went to", func(e *campaign.Evidence) { e.To = "" }, ``, blocks},
		{"it is inbound", func(e *campaign.Evidence) { e.Direction = "inbound" }, ``, exempt},
		{"its direction is not said", func(e *campaign.Evidence) { e.Direction = "" }, ``, blocks},
		{"it started before", func(e *campaign.Evidence) { e.At = e.At.Add(-63 * time.Second) }, ``, exempt},
		{"it started after", func(e *campaign.Evidence) { e.At = e.At.Add(4*time.Minute + 31*time.Second) }, ``, exempt},
		{"its start is not said", func(e *campaign.Evidence) { e.At = time.Time{} }, ``, blocks},
		{"it went to another number", func(e *campaign.Evidence) { e.To = number(7) }, ``, exempt},
		{"it went to the number as it is written at home", func(e *campaign.Evidence) { e.To = "0" + e.To[2:] }, ``, blocks},
		{"it went to the number with another trunk prefix", func(e *campaign.Evidence) { e.To = "8" + e.To[2:] }, ``, blocks},
		{"it is a leg of another attempt's call, as an event says", nil, `
			WITH other AS (SELECT id FROM attempts WHERE state = 'reserved'), told AS (
				INSERT INTO events (attempt_id, call_uuid, kind, body) SELECT id, 'F', 'ringing', '{}' FROM other)
			UPDATE provider_calls SET leg_of = other.id FROM other`, exempt},
		{"it is in another attempt's conversation, and no event tells of it", nil,
			`UPDATE provider_calls SET leg_of = (SELECT id FROM attempts WHERE state = 'reserved')`, blocks},
		{"it came from another number", func(e *campaign.Evidence) { e.From = "15550100" }, ``, blocks},
		{"it came from another number, and it is not said to which it went", func(e *campaign.Evidence) { e.From, e.To = "15550100", "" }, ``, exempt},
		{"none of its numbers can be read", func(e *campaign.Evidence) { e.From, e.To = "", "" }, ``, blocks},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 2))
			claimed := claim(t, db, 2)
			a := pass(t, db, claimed[0])
			record(t, db, a.ID, unknown)
			a = aged(t, db, a)
			e := listed(a, "F", "completed")
			if test.change != nil {
				test.change(&e)
			}
			store(t, db, e)
			if test.setup != "" {
				db.Exec(t, test.setup)
			}
			proveAbsent(t, db)
			if got := state(t, db, a.ID); got != test.want {
				t.Errorf("the attempt is %s, want %s", got, test.want)
			}
		})
	}
}

// The database's rule equals the domain's, for numbers in any wording.
func TestNumbersDiffer(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	said := []string{"447700900001", "+447700900001", "00447700900001", "07700900001", "7700900001", "4407700900001", "447700900002", "900001", "0900001",
		"79161234567", "89161234567", "3545551234", "5551234", "5551235", "15550100001", "12345", "54321", "0", "00000000"}
	pairs := testkit.Rows[string](t, db, `
		SELECT concat_ws(' ', a, b, coalesce(numbers_differ(a, b), false)) FROM unnest($1::text[]) AS a, unnest($1::text[]) AS b`, said)
	if len(pairs) != len(said)*len(said) {
		t.Fatalf("%d pairs", len(pairs))
	}
	for _, pair := range pairs {
		f := strings.Fields(pair)
		if want := campaign.NumbersDiffer(f[0], f[1]); (f[2] == "true" || f[2] == "t") != want {
			t.Errorf("numbers_differ(%s, %s) = %s, want %v", f[0], f[1], f[2], want)
		}
	}
}

// A statement that uses it for many calls would take sixteen times as long if it were a
// call for each.
func TestNumbersDifferIsInlined(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	plan := strings.Join(testkit.Rows[string](t, db, `
		EXPLAIN (VERBOSE) SELECT FROM provider_calls c, attempts a WHERE numbers_differ(c.to_number, a.to_number)`), "\n")
	if strings.Contains(plan, "numbers_differ") || !strings.Contains(plan, "ltrim") {
		t.Errorf("the rule is not inlined:\n%s", plan)
	}
}

func TestGiveUp(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 2))
	ids := claim(t, db, 2)
	for _, id := range ids {
		pass(t, db, id)
		record(t, db, id, unknown)
	}
	db.AgeAttempt(t, ids[0], 49*time.Hour)
	for _, want := range []int{1, 0} {
		if n, err := db.GiveUp(t.Context(), times.RecordsKept); n != want || err != nil {
			t.Errorf("GiveUp = %d, %v; want %d", n, err, want)
		}
	}
	if state(t, db, ids[0]) != campaign.Lost || contact(t, db, ids[0]) != "done unresolved" || state(t, db, ids[1]) != campaign.Unknown {
		t.Errorf("old: %s, %s; fresh: %s", state(t, db, ids[0]), contact(t, db, ids[0]), state(t, db, ids[1]))
	}
	if diff := cmp.Diff([]string{campaign.AlarmLost}, alarms(t, db)); diff != "" {
		t.Errorf("alarms (-want +got):\n%s", diff)
	}
	sound(t, db)
	receive(t, db, completed(campaign.Attempt{ID: ids[0]}, "U1", "1"))
	if contact(t, db, ids[0]) != "done answered" {
		t.Errorf("evidence came: contact %s", contact(t, db, ids[0]))
	}
	sound(t, db)
}
