package storage_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/storage"
)

// All counted changes happen at once, including folding. At every moment the counters
// equal a full count.
func TestCountersAreExact(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	const people = 25
	running(t, db, "first", settings(), rows(0, people))
	c, err := db.OpenCampaign(t.Context(), "second", settings())
	require.NoError(t, err)
	ids := claim(t, db, people)
	ctx, stop := context.WithCancel(t.Context())
	var busy, folding sync.WaitGroup
	busy.Go(func() {
		for _, id := range ids {
			a, err := db.Gate(t.Context(), id, tokenLife)
			if err != nil {
				t.Error(err)
				return
			}
			callUUID := "U" + a.To
			for _, r := range []campaign.Received{event(a, callUUID, "human"), completed(a, callUUID, "0.0333"), completed(a, callUUID, "0.03330000")} {
				check(t, db.Receive(t.Context(), r))
			}
		}
	})
	busy.Go(func() {
		for i := range 5 {
			batch := campaign.RowBatch{Rows: rows(1000+10*i, 12), Rejected: []campaign.RowError{{Line: 500 + i, Reason: "no number"}}}
			_, err := db.AddContacts(t.Context(), c.ID, fmt.Sprint("file ", i), batch)
			check(t, err)
		}
		_, err := db.Suppress(t.Context(), []app.Suppression{{Number: number(1003), Source: "test"}})
		check(t, err)
		check(t, db.Stop(t.Context(), c.ID))
	})
	folding.Go(func() {
		for ctx.Err() == nil {
			_, err := db.FoldCounters(t.Context())
			check(t, err)
		}
	})
	go func() {
		busy.Wait()
		stop()
	}()
	for ctx.Err() == nil { // on the test's goroutine: only there may a test be ended
		sound(t, db)
	}
	folding.Wait()

	fold(t, db)
	sound(t, db)
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM counter_deltas`); n != 0 {
		t.Errorf("%d lines left after a fold", n)
	}
	reports, err := db.Report(t.Context())
	if err != nil || len(reports) != 2 {
		t.Fatalf("%d reports, %v", len(reports), err)
	}
	for _, r := range reports {
		if r.Rows != r.Rejected+r.Pending+r.Active+r.Waiting+r.Done {
			t.Errorf("rows do not add up: %+v", r)
		}
	}
	if r := reports[0]; r.Reasons[campaign.Reason(campaign.Human)] != people || r.Price.String() != "0.8325" || r.Calls != people {
		t.Errorf("first campaign: %+v", r)
	}
	if r := reports[1]; r.Reasons[campaign.ReasonStopped] != r.Done-1 || r.Reasons[campaign.ReasonSuppressed] != 1 || r.Pending != 0 {
		t.Errorf("second campaign: %+v", r)
	}
}

// fold folds until nothing is left.
func fold(t testing.TB, db *testkit.DB) {
	t.Helper()
	for folded := 1; folded > 0; {
		var err error
		if folded, err = db.FoldCounters(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// While one process folds, another does not wait for it.
func TestFoldCountersConcurrently(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 3))
	db.Exec(t, `SELECT pg_advisory_lock(7305142003)`) // until the connection ends
	if n, err := db.FoldCounters(t.Context()); err != nil || n != 0 {
		t.Errorf("folded %d lines (%v) while another process does", n, err)
	}
	sound(t, db)
}

// A database whose triggers were off is repaired by counting everything once.
func TestRecount(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	history(t, db)
	fold(t, db)
	db.Exec(t, `DELETE FROM counters; DELETE FROM hourly_counters`)
	if broken, err := db.CheckInvariants(t.Context()); err != nil || len(broken) != 2 {
		t.Fatalf("%d invariants broken, %v; want both of the counters", len(broken), err)
	}
	db.Exec(t, `SELECT recount()`)
	sound(t, db)
}

// No report may read contacts, attempts or recordings: it would take longer with every
// call.
func TestReportReadsCounters(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	for _, query := range append(storage.ReportStatements(),
		`SELECT * FROM reporting.campaigns`, `SELECT * FROM reporting.campaigns WHERE campaign_id = 1`,
		`SELECT * FROM reporting.hourly`, `SELECT * FROM counter_totals`,
	) {
		plan := strings.Join(testkit.Rows[string](t, db, `EXPLAIN (COSTS OFF) `+query), "\n")
		for _, table := range []string{"contacts", "attempts", "rejected_rows", "recordings"} {
			if strings.Contains(plan, fmt.Sprintf(" on %s", table)) {
				t.Errorf("%s reads %s:\n%s", query, table, plan)
			}
		}
	}
}
