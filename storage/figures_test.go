package storage_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// filled is a database with a bit of everything: two campaigns, calls that ended, are
// up and are unknown, manual calls, a leg, an inbound call and an unexplained one. It
// returns the first campaign and its first attempt.
func filled(t *testing.T, db *testkit.DB) (campaign.Campaign, campaign.Attempt) {
	t.Helper()
	c := running(t, db, "outage-7", settings(), rows(0, 6))
	running(t, db, "dental", settings(), rows(10, 1))
	add(t, db, c.ID, "file", campaign.RowBatch{Rejected: []campaign.RowError{{Line: 99, Reason: "bad"}}})
	suppress(t, db, number(5))
	db.Exec(t, `UPDATE contacts SET country = CASE WHEN id % 2 = 0 THEN 'IE' ELSE 'GB' END; INSERT INTO call_rates VALUES ('GB', 0.06, NULL)`)
	var a []campaign.Attempt
	for _, id := range claim(t, db, 6) {
		a = append(a, pass(t, db, id))
	}
	slices.SortFunc(a, func(x, y campaign.Attempt) int { return strings.Compare(x.To, y.To) }) // the last one belongs to the second campaign
	for i, price := range []string{"0.00740000", "0.10000001"} {
		u := fmt.Sprint("U", i)
		receive(t, db, event(a[i], u, "human"))
		receive(t, db, completed(a[i], u, price))
		store(t, db, billed(listed(a[i], u, "completed"), price, time.Now()))
	}
	receive(t, db, event(a[2], "U2", "busy"))
	receive(t, db, event(a[2], "U2", "completed")) // its price comes late
	record(t, db, a[3].ID, created("U3"))
	record(t, db, a[4].ID, unknown)
	receive(t, db, event(a[5], "U5", "human"))
	receive(t, db, completed(a[5], "U5", "0.2")) // and its record was not read yet
	db.Exec(t, `UPDATE attempts SET heard_at = answered_at, result = 'confirmed', keys = '{1}', campaign_version = 2 WHERE id = $1`, a[0].ID)
	db.Exec(t, `UPDATE contacts SET heard_at = now(), result = 'confirmed' WHERE id = (SELECT contact_id FROM attempts WHERE id = $1)`, a[0].ID)

	manual := campaign.Attempt{
		ID: uuid.Must(uuid.NewV7()), Kind: campaign.ManualCall, To: number(20), From: ours,
		Manual: campaign.Manual{RequestedBy: "ann", ToKind: campaign.KindPhone, Detail: "says Hello"},
	}
	require.NoError(t, db.ReserveManual(t.Context(), testkit.Actor, manual))
	other := listed(a[0], "F1", "completed")
	other.To = number(21)
	leg, inbound := other, other
	leg.CallUUID, leg.To = "F2", number(22)
	inbound.CallUUID, inbound.Direction, inbound.To, inbound.From = "F3", "inbound", ours, number(0)
	manually := other
	manually.CallUUID = "F4"
	store(t, db, billed(other, "0.3", time.Now()), billed(leg, "0.04", time.Now()), billed(inbound, "0.005", time.Now()), billed(manually, "0.6", time.Now()))
	db.Exec(t, `UPDATE provider_calls SET leg_of = $1 WHERE call_uuid = 'F2'`, a[0].ID)
	db.Exec(t, `UPDATE provider_calls SET attempt_id = $1, matched_by = 'person', matched_at = now() WHERE call_uuid = 'F4'`, manual.ID)
	return c, a[0]
}

// Each figure of the program equals that of the view, and each view adds up to the
// campaign.
func TestFiguresAreThoseOfTheViews(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c, _ := filled(t, db)
	views := map[app.Split]string{
		app.ByDay: "daily", app.ByHour: "hourly", app.ByHourOfDay: "by_hour_of_day", app.ByCountry: "by_country", app.ByNetwork: "by_network",
		app.ByCaller: "by_caller", app.ByVersion: "by_version", app.ByCampaign: "campaigns", app.ByRetries: "retries", app.ByFunnel: "funnel", app.ByMonth: "monthly_cost",
	}
	of := app.Campaigns{Store: db.DB}
	for _, by := range app.Splits {
		f, err := of.Figures(t.Context(), c.Name, app.FiguresQuery{By: by})
		require.NoError(t, err)
		columns := slices.Clone(f.Columns)
		if by == app.ByCampaign { // the view of campaigns has other figures too
			columns = []string{"campaign", "calls", "calls_answered", "duration_s", "price", "unpriced"}
			f.Columns = columns
		}
		var got []string
		for _, row := range f.Rows {
			cells, err := f.Cells(row)
			require.NoError(t, err)
			got = append(got, strings.Join(cells, "|"))
		}
		values := make([]string, len(columns))
		for i, name := range columns {
			values[i] = "coalesce(to_jsonb(" + pgx.Identifier{name}.Sanitize() + ") #>> '{}', '')"
		}
		want := testkit.Rows[string](t, db, `SELECT concat_ws('|', `+strings.Join(values, ", ")+`) FROM reporting.`+views[by]+` WHERE campaign_id = $1`, c.ID)
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 {
			t.Errorf("by %s (-view +program):\n%s", by, diff)
		}
		if !slices.Contains([]app.Split{app.ByRetries, app.ByFunnel, app.ByMonth, app.ByCampaign}, by) {
			sums := testkit.Value[string](t, db, `SELECT concat_ws(' ', sum(calls), sum(calls_answered), sum(duration_s), sum(price), sum(unpriced)) FROM reporting.`+views[by]+` WHERE campaign_id = $1`, c.ID)
			all := testkit.Value[string](t, db, `SELECT concat_ws(' ', calls, calls_answered, duration_s, price, unpriced) FROM reporting.campaigns WHERE campaign_id = $1`, c.ID)
			if sums != all {
				t.Errorf("reporting.%s adds up to %s, and the campaign has %s", views[by], sums, all)
			}
		}
	}
}

func figures(t *testing.T, db *testkit.DB, name, by string, columns ...string) []string {
	t.Helper()
	q, err := app.ReadFiguresQuery(by, "", "")
	require.NoError(t, err)
	f, err := app.Campaigns{Store: db.DB}.Figures(t.Context(), name, q)
	require.NoError(t, err)
	f.Columns = columns
	var list []string
	for _, row := range f.Rows {
		cells, err := f.Cells(row)
		require.NoError(t, err)
		list = append(list, strings.Join(cells, " "))
	}
	return list
}

// The result of each split for a known history.
func TestFigures(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c, a := filled(t, db)
	for _, test := range []struct {
		by, columns string
		want        []string
	}{
		{"caller", "from_number dialed calls calls_answered human busy unsettled heard with_result", []string{ours + " 5 4 2 2 1 1 1 1"}},
		{"version", "version calls human with_result price", []string{"1 3 1 0 0.10000001", "2 1 1 1 0.00740000"}},
		{"retries", "calls people reached not_reached not_ended", []string{"0 2 0 1 1", "1 4 2 0 2"}},
		{"funnel", "step people of_people percent", []string{"callable 6 7 85.7", "called 4 6 66.7", "answered 2 4 50.0", "heard 1 2 50.0", "result confirmed 1 1 100.0"}},
		{"campaign", "campaign calls price", []string{"outage-7 4 0.10740001"}},
	} {
		if diff := cmp.Diff(test.want, figures(t, db, c.Name, test.by, strings.Fields(test.columns)...)); diff != "" {
			t.Errorf("by %s (-want +got):\n%s", test.by, diff)
		}
	}
	// An estimate uses the length and the country's rate.
	db.Exec(t, `UPDATE attempts SET price = NULL, country = 'GB' WHERE id = $1`, a.ID)
	db.Exec(t, `UPDATE attempts SET duration_s = 30 WHERE id = $1`, a.ID)
	got := testkit.Value[string](t, db, `SELECT concat_ws(' ', sum(estimated), sum(estimated_price), sum(missing), sum(unpriced)) FROM reporting.by_country WHERE campaign_id = $1`, c.ID)
	if got != "1 0.03000000 1 2" {
		t.Errorf("estimates: %s", got)
	}
	costs, err := db.CostByCountry(t.Context(), c.ID)
	require.NoError(t, err)
	var estimated, missing int64
	for _, cost := range costs {
		estimated, missing = estimated+cost.EstimatedCalls, missing+cost.Missing
	}
	if estimated != 1 || missing != 1 {
		t.Errorf("the counters say %+v", costs)
	}
}

// The months contain each call that Vonage bills, once, by the start in Vonage's
// record.
func TestMonthlyCostIsTheInvoice(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	_, a := filled(t, db)
	db.Exec(t, `UPDATE provider_calls SET start_time = CASE call_uuid WHEN 'U0' THEN '2026-10-31 23:59:59.999Z' ELSE '2026-11-01 00:00Z'::timestamptz END`)
	db.Exec(t, `UPDATE attempts SET start_time = '2026-11-30 23:59Z' WHERE call_uuid = 'U5'; UPDATE attempts SET dialed_at = '2026-11-30 23:58Z' WHERE call_uuid IN ('U2', 'U3', 'U5')`)
	got := testkit.Rows[string](t, db, `
		SELECT concat_ws(' ', month, sum(calls), sum(price), sum(priced), sum(unpriced), sum(open), sum(campaign_price), sum(manual_price), sum(leg_price), sum(inbound_price), sum(unmatched_price))
		FROM reporting.monthly_cost GROUP BY month ORDER BY month`)
	want := []string{
		"2026-10-01 1 0.00740000 1 0 0 0.00740000 0 0 0 0",
		"2026-11-01 8 1.24500001 6 1 1 0.30000001 0.6 0.04 0.005 0.3",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// The program gives whole months of all campaigns.
	q, err := app.ReadFiguresQuery("month", "2026-11-05", "2026-11-06")
	require.NoError(t, err)
	f, err := app.Campaigns{Store: db.DB}.Figures(t.Context(), "", q)
	require.NoError(t, err)
	f.Columns = []string{"month", "calls", "price"}
	if len(f.Rows) != 1 {
		t.Fatalf("%d months: %s", len(f.Rows), f.Rows)
	}
	if cells, err := f.Cells(f.Rows[0]); err != nil || !slices.Equal(cells, []string{"2026-11-01", "8", "1.24500001"}) {
		t.Errorf("%q, %v", cells, err)
	}
	// A later value in the record counts.
	db.Exec(t, `UPDATE provider_calls SET price = 0.00750000 WHERE call_uuid = 'U0'`)
	if price := testkit.Value[string](t, db, `SELECT sum(price)::text FROM reporting.monthly_cost WHERE month = '2026-10-01'`); price != "0.00750000" {
		t.Errorf("the price is %s (of %s)", price, a.ID)
	}
}

// A query reads a part of the attempts or records, by an index.
func TestFiguresReadByIndexes(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	conn, err := pgx.Connect(t.Context(), db.URL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	_, err = conn.Exec(t.Context(), `SET enable_seqscan = off`) // the tables are empty
	require.NoError(t, err)
	for query, index := range map[string]string{
		`SELECT network, sum(calls) FROM call_figures f WHERE source = 'call' AND at >= '2026-11-01' AND at < '2026-12-01' GROUP BY 1`: "attempts_by_dialed_at",
		`SELECT sum(price) FROM call_figures WHERE source = 'bill' AND at >= '2026-11-01' AND at < '2026-12-01'`:                       "provider_calls_by_start",
		`SELECT * FROM reporting.by_network WHERE campaign_id = 7`:                                                                     "attempts_of_campaign",
		`SELECT * FROM reporting.retries WHERE campaign_id = 7`:                                                                        "contacts_",
	} {
		rows, err := conn.Query(t.Context(), `EXPLAIN (COSTS OFF) `+query)
		require.NoError(t, err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		if plan := strings.Join(lines, "\n"); !strings.Contains(plan, index) {
			t.Errorf("%s does not use %s:\n%s", query, index, plan)
		}
	}
}

// Invalid questions are refused with a reason. All campaigns are read for a month if no
// time is given.
func TestFiguresQueries(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	of := app.Campaigns{Store: db.DB}
	for _, test := range []struct{ name, by, since, before, says string }{
		{"", "weather", "", "", "want one of"},
		{"", "retries", "", "", "name a campaign"},
		{"c", "funnel", "2026-11-01", "", "of any time"},
		{"c", "day", "2026-11-01", "2026-11-01", "since"},
		{"", "network", "2020-01-01", "", "366 days at most"},
	} {
		q, err := app.ReadFiguresQuery(test.by, test.since, test.before)
		require.NoError(t, err)
		if _, err = of.Figures(t.Context(), test.name, q); !errors.Is(err, app.ErrFigures) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%+v: %v", test, err)
		}
	}
	if _, err := app.ReadFiguresQuery("day", "1.11.2026", ""); !errors.Is(err, app.ErrFigures) {
		t.Errorf("a day that is none: %v", err)
	}
	f, err := of.Figures(t.Context(), "", app.FiguresQuery{By: app.ByNetwork})
	require.NoError(t, err)
	if days := f.Before.Sub(f.Since) / (24 * time.Hour); days != 31 || !f.Before.After(time.Now()) {
		t.Errorf("from %s before %s", f.Since, f.Before)
	}
	f, err = of.Figures(t.Context(), "", app.FiguresQuery{By: app.ByMonth})
	require.NoError(t, err)
	if f.Since.Day() != 1 || f.Before.Day() != 1 || f.Before.Sub(f.Since) < 59*24*time.Hour {
		t.Errorf("months from %s before %s", f.Since, f.Before)
	}
}
