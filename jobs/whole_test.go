package jobs

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"

	"github.com/google/go-cmp/cmp"
)

// dialedHourAgo is an attempt of a real campaign, dialed an hour ago, with this
// outcome.
func dialedHourAgo(t *testing.T, db *testkit.DB, o campaign.Outcome) campaign.Attempt {
	t.Helper()
	c, err := db.OpenCampaign(t.Context(), "outage", campaign.Settings{
		From: []string{"447700900000"}, Message: campaign.Message{Say: "The water is off."},
		Hours: campaign.Hours{From: 0, To: 1440}, Zone: "Etc/UTC", Retry: campaign.DefaultPolicy(), RingingTimer: 30, LengthTimer: 60,
	})
	must(t, err)
	_, err = db.AddContacts(t.Context(), c.ID, "file", campaign.RowBatch{Rows: []campaign.Row{{Line: 2, To: "447700900001", Zones: []string{"Etc/UTC"}}}})
	must(t, err)
	must(t, db.FinishImport(t.Context(), c.ID))
	return dialedAgain(t, db, time.Hour, o)
}

// dialedAgain is the next attempt of the one contact, dialed so long ago.
func dialedAgain(t *testing.T, db *testkit.DB, ago time.Duration, o campaign.Outcome) campaign.Attempt {
	t.Helper()
	db.MakeDue(t)
	tickets, err := db.Claim(t.Context(), 1)
	if err != nil || len(tickets) != 1 {
		t.Fatalf("claimed %v (%v), want one", tickets, err)
	}
	a, err := db.Gate(t.Context(), tickets[0].AttemptID, 30*time.Second)
	must(t, err)
	must(t, db.Record(t.Context(), a.ID, o))
	db.AgeAttempt(t, a.ID, ago)
	a.DialedAt, a.TokenExpiresAt = a.DialedAt.Add(-ago), a.TokenExpiresAt.Add(-ago)
	return a
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Whether a call is the only one that may be an attempt's is decided by all the
// calls of the attempt's time, however many others lie between two of them and
// however the list is cut.
func TestARivalInAnotherPartOfTheListCounts(t *testing.T) {
	t.Parallel()
	refused := campaign.Outcome{Kind: campaign.OutcomeRefused, Refusal: campaign.RefusedInvalid}
	unknown := campaign.Outcome{Kind: campaign.OutcomeUnknown}
	for _, test := range []struct {
		name      string
		outcome   campaign.Outcome
		rival     bool
		perSecond float64
		bound     bool
	}{
		{"one call, another batch", refused, false, 3, true},
		{"one call, another slice", refused, false, 100, true},
		{"one call of an unknown attempt", unknown, false, 3, true},
		{"two calls, another batch", refused, true, 3, false},
		{"two calls, another slice", refused, true, 100, false},
		{"two calls of an unknown attempt, another batch", unknown, true, 3, false},
		{"two calls of an unknown attempt, another slice", unknown, true, 100, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			a := dialedHourAgo(t, db, test.outcome)
			provider := &listed{broken: -1, calls: []record{{"first", a.To, a.DialedAt.Add(time.Second)}}}
			for i := range foldBatch + 50 { // to others
				provider.calls = append(provider.calls, record{fmt.Sprint("other ", i), fmt.Sprintf("4477008%05d", i), a.DialedAt.Add(2*time.Second + time.Duration(i)*90*time.Millisecond)})
			}
			if test.rival {
				provider.calls = append(provider.calls, record{"second", a.To, a.DialedAt.Add(100 * time.Second)})
			}
			const lag = 2 * time.Minute
			r := &reconciler{store: db, lists: listsOf(t, provider), passes: []pass{{"first", lag, 0}}, lag: lag, every: time.Minute, perSecond: test.perSecond}
			s := &settler{store: db, books: db, lists: listsOf(t, provider), after: lag, log: slog.New(slog.DiscardHandler)}
			var bound int
			for range 2 {
				n, err := r.runOnce(t.Context())
				must(t, err)
				m, err := s.runOnce(t.Context())
				must(t, err)
				bound += n.Bound + m.Bound
			}
			got := testkit.Value[string](t, db, `SELECT coalesce(call_uuid, '') FROM attempts`)
			kept := testkit.Rows[string](t, db, `SELECT call_uuid FROM foreign_calls WHERE to_number = $1 AND ambiguous ORDER BY 1`, a.To)
			alarms := testkit.Value[int](t, db, `SELECT count(*) FROM alarms WHERE kind = $1`, campaign.AlarmAmbiguousMatch)
			if test.bound {
				if got != "first" || bound != 1 || len(kept) > 0 || alarms > 0 {
					t.Errorf("bound %d, the attempt has call %q, kept %v, %d alarms; want its own call bound", bound, got, kept, alarms)
				}
				return
			}
			if diff := cmp.Diff([]string{"first", "second"}, kept); got != "" || bound != 0 || alarms != 2 || diff != "" {
				t.Errorf("bound %d, the attempt has call %q, %d alarms; want both calls ambiguous (-want +got):\n%s", bound, got, alarms, diff)
			}
		})
	}
}

// A page that fails while the attempt's whole time is read leaves the pass where
// it was, and the call neither bound nor foreign.
func TestAWholeReadingThatFailsConcludesNothing(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	a := dialedHourAgo(t, db, campaign.Outcome{Kind: campaign.OutcomeRefused, Refusal: campaign.RefusedInvalid})
	provider := &listed{broken: -1, calls: []record{{"first", a.To, a.DialedAt.Add(time.Second)}}}
	for i := range 150 { // two pages of the attempt's time, and one of the slice
		provider.calls = append(provider.calls, record{fmt.Sprint("other ", i), fmt.Sprintf("4477008%05d", i), a.DialedAt.Add(100*time.Second + time.Duration(i)*time.Second/10)})
	}
	provider.broken = 90
	r := &reconciler{store: db, lists: listsOf(t, provider), passes: []pass{{"first", 2 * time.Minute, 0}}, lag: 2 * time.Minute, every: time.Minute, perSecond: 40}
	if n, err := r.runOnce(t.Context()); err == nil || n.Bound > 0 {
		t.Fatalf("bound %d (%v), want the page's error", n.Bound, err)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM foreign_calls WHERE to_number = $1`, a.To); n != 0 {
		t.Error("the call is taken for a foreign one")
	}
	provider.broken = -1
	if n, err := r.runOnce(t.Context()); err != nil || n.Bound != 1 {
		t.Errorf("bound %d (%v) once the list can be read, want 1", n.Bound, err)
	}
}

// Before a scan counts, what it shows of an earlier attempt to the same number
// is read whole: a call that is nobody's for certain might be the later one's.
func TestAScanCountsOnlyOnceItsCallsAreExplained(t *testing.T) {
	t.Parallel()
	for _, rival := range []bool{false, true} {
		db := testkit.New(t)
		earlier := dialedHourAgo(t, db, campaign.Outcome{Kind: campaign.OutcomeRefused, Refusal: campaign.RefusedRate})
		later := dialedAgain(t, db, time.Hour-90*time.Second, campaign.Outcome{Kind: campaign.OutcomeUnknown})
		provider := &listed{broken: -1, calls: []record{{"shown", later.To, later.DialedAt.Add(-30 * time.Second)}}}
		if rival {
			provider.calls = append(provider.calls, record{"before the scan", later.To, earlier.DialedAt.Add(time.Second)})
		}
		s := &settler{store: db, books: db, lists: listsOf(t, provider), after: 2 * time.Minute, log: slog.New(slog.DiscardHandler)}
		_, err := s.runOnce(t.Context())
		must(t, err)
		scans := testkit.Value[int](t, db, `SELECT absent_scans FROM attempts WHERE id = $1`, later.ID)
		call := testkit.Value[string](t, db, `SELECT coalesce(call_uuid, '') FROM attempts WHERE id = $1`, earlier.ID)
		want, bound := 1, "shown"
		if rival {
			want, bound = 0, ""
		}
		if scans != want || call != bound {
			t.Errorf("with a rival %v: %d scans count, and the earlier attempt has %q; want %d and %q", rival, scans, call, want, bound)
		}
	}
}
