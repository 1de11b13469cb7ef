package storage

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// Report reads the campaigns with these ids, or all if none is given, oldest
// first and all at one moment. It reads counters, so it takes as long for a large
// campaign as for a small one.
func (db *DB) Report(ctx context.Context, campaignIDs ...int64) (list []app.Report, err error) {
	err = db.read(ctx, func(tx pgx.Tx) error {
		if len(campaignIDs) == 0 {
			list, err = countedReports(ctx, tx, reportColumns+`FROM reporting.campaigns ORDER BY campaign_id`)
			return err
		}
		list, err = reportsOf(ctx, tx, campaignIDs)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return list, nil
}

// LatestReports reads the latest campaigns with lower ids, the latest first.
func (db *DB) LatestReports(ctx context.Context, before int64, limit int) (list []app.Report, err error) {
	err = db.read(ctx, func(tx pgx.Tx) error {
		ids, err := collect(ctx, tx, pgx.RowTo[int64], `SELECT id FROM campaigns WHERE id < $1 ORDER BY id DESC LIMIT $2`, before, limit)
		if err != nil {
			return err
		}
		list, err = reportsOf(ctx, tx, ids)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("report the latest campaigns: %w", err)
	}
	slices.Reverse(list)
	return list, nil
}

// CurrentReports reads the campaigns that are not over, those created after the one
// with the id newest, and those with these ids. It also reads the totals.
func (db *DB) CurrentReports(ctx context.Context, newest int64, also ...int64) (c app.CurrentReports, err error) {
	err = db.read(ctx, func(tx pgx.Tx) error {
		ids, err := collect(ctx, tx, pgx.RowTo[int64], `
			SELECT id FROM campaigns WHERE status NOT IN ('stopped', 'finished')
			UNION SELECT id FROM campaigns WHERE id > $1
			UNION SELECT unnest($2::bigint[])`, newest, append([]int64{}, also...))
		if err != nil {
			return err
		}
		if c.Reports, err = reportsOf(ctx, tx, ids); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `SELECT coalesce(max(id), 0) FROM campaigns`).Scan(&c.Newest); err != nil {
			return err
		}
		c.Totals, err = readTotals(ctx, tx)
		return err
	})
	if err != nil {
		return c, fmt.Errorf("report what goes on: %w", err)
	}
	return c, nil
}

// reportColumns are what scanReport reads.
const reportColumns = `
	SELECT campaign_id, campaign, status, pause_reason, created_at, import_finished_at, start, "end",
	       rows_in, rejected, pending, active, waiting, done, calls, calls_answered, duration_s, price, unpriced,
	       people_called, people_answered, heard, people_with_result, results,
	       (SELECT NOT c.settings->'message' ? 'say' FROM campaigns c WHERE c.id = campaign_id),
	       (SELECT coalesce(c.settings->'retry'->>'until', '') FROM campaigns c WHERE c.id = campaign_id)
`

// reportsByID reads campaigns one at a time: with one id, Postgres adds up the counters
// of that campaign only. OFFSET 0 keeps it from adding up all for several.
const reportsByID = reportColumns + `
	FROM unnest($1::bigint[]) AS asked (id) CROSS JOIN LATERAL (
		SELECT * FROM reporting.campaigns WHERE campaign_id = asked.id OFFSET 0) AS v
	ORDER BY campaign_id`

func reportsOf(ctx context.Context, tx pgx.Tx, ids []int64) ([]app.Report, error) {
	return countedReports(ctx, tx, reportsByID, slices.Compact(slices.Sorted(slices.Values(ids))))
}

func countedReports(ctx context.Context, tx pgx.Tx, query string, args ...any) ([]app.Report, error) {
	list, err := collect(ctx, tx, scanReport, query, args...)
	if err != nil {
		return nil, err
	}
	byID := map[int64]*app.Report{}
	for i := range list {
		byID[list[i].CampaignID] = &list[i]
	}
	return list, countOutcomes(ctx, tx, byID)
}

func scanReport(row pgx.CollectableRow) (app.Report, error) {
	r := app.Report{
		Reasons: map[campaign.Reason]int{}, Attempts: map[campaign.State]int{},
		Dispositions: map[campaign.Disposition]int{},
	}
	err := row.Scan(&r.CampaignID, &r.Campaign, &r.Status, (*zeronull.Text)(&r.PauseReason), &r.CreatedAt,
		(*zeronull.Timestamptz)(&r.ImportFinishedAt), (*zeronull.Timestamptz)(&r.Start), (*zeronull.Timestamptz)(&r.End), &r.Rows, &r.Rejected, &r.Pending, &r.Active, &r.Waiting, &r.Done,
		&r.Calls, &r.Answered, &r.Seconds, &r.Price, &r.Unpriced,
		&r.Ladder.Called, &r.Ladder.Answered, &r.Ladder.Heard, &r.Ladder.Result, &r.Ladder.Results, &r.Ladder.OwnNCCO, &r.Until)
	return r, err
}

// outcomesByID counts contacts by reason, and by whether they were reached, attempts by
// state and by disposition, and recordings.
const outcomesByID = `
	SELECT t.campaign_id, t.subject, t.state, t.outcome, t.n,
	       t.subject = 'listed' AND reached_as(until, t.outcome), t.subject = 'listed' AND not_reached_as(until, t.outcome), t.subject = 'listed' AND by_hand_as(until, t.outcome)
	FROM counter_totals t JOIN campaigns c ON c.id = t.campaign_id, LATERAL (SELECT c.settings->'retry'->>'until' AS until) AS asked
	WHERE t.campaign_id = ANY ($1) AND (t.subject IN ('attempts', 'recordings', 'listed') OR t.subject = 'contacts' AND t.state = 'done')`

func countOutcomes(ctx context.Context, tx pgx.Tx, byID map[int64]*app.Report) error {
	rows, err := tx.Query(ctx, outcomesByID, slices.Collect(maps.Keys(byID)))
	if err != nil {
		return err
	}
	var id int64
	var subject, state, outcome string
	var n int
	var reached, notReached, byHand bool
	_, err = pgx.ForEachRow(rows, []any{&id, &subject, &state, &outcome, &n, &reached, &notReached, &byHand}, func() error {
		r := byID[id]
		if subject != "listed" {
			countOutcome(r, subject, state, outcome, n)
		}
		for to, is := range map[*int]bool{&r.Reached: reached, &r.NotReached: notReached, &r.ByHand: byHand} {
			if is {
				*to += n
			}
		}
		return nil
	})
	return err
}

func countOutcome(r *app.Report, subject, state, outcome string, n int) {
	switch subject {
	case "contacts":
		r.Reasons[campaign.Reason(outcome)] = n
		return
	case "recordings":
		r.Recordings = n
		return
	}
	r.Attempts[campaign.State(state)] += n
	if outcome != "" {
		r.Dispositions[campaign.Disposition(outcome)] += n
	}
}

// totals adds up all campaigns. It reads some thirty counters of each.
const totals = `
	WITH parts AS (
		SELECT campaign_id, subject, state, outcome, n, priced, price FROM counters
		UNION ALL
		SELECT campaign_id, subject, state, outcome, n, priced, price FROM counter_deltas
	), counted AS MATERIALIZED (
		SELECT campaign_id,
		       sum(price) AS spent,
		       sum(n) FILTER (WHERE subject = 'attempts' AND state IN ('accepted', 'ended')) AS calls,
		       sum(n - priced) FILTER (WHERE subject = 'attempts' AND state = 'ended') AS unpriced,
		       sum(n) FILTER (WHERE subject = 'attempts' AND state = 'lost') AS lost,
		       sum(n) FILTER (WHERE subject = 'contacts' AND state <> 'done') AS to_go
		FROM parts GROUP BY campaign_id
	), campaign AS MATERIALIZED (
		SELECT id, shown_status(status, starts_at, 0) AS status, created_at > now() - interval '30 days' AS lately, settings->'retry'->>'until' AS until
		FROM campaigns
	)
	SELECT count(*), count(*) FILTER (WHERE c.status = 'running'), count(*) FILTER (WHERE c.status = 'scheduled'),
	       coalesce(sum(t.to_go) FILTER (WHERE c.status = 'running'), 0)::bigint, coalesce(sum(t.calls), 0)::bigint,
	       coalesce(sum(t.spent), 0), coalesce(sum(t.unpriced), 0)::bigint, coalesce(sum(t.lost), 0)::bigint,
	       (SELECT coalesce(sum(p.n), 0)::bigint FROM parts p JOIN campaign l ON l.id = p.campaign_id AND l.lately
	        WHERE p.subject = 'listed' AND by_hand_as(l.until, p.outcome))
	FROM campaign c LEFT JOIN counted t ON t.campaign_id = c.id`

func readTotals(ctx context.Context, tx pgx.Tx) (t app.Totals, err error) {
	err = tx.QueryRow(ctx, totals).
		Scan(&t.AllCampaigns, &t.Running, &t.Scheduled, &t.ToGo, &t.Calls, &t.Spent, &t.Unpriced, &t.Lost, &t.ByHand)
	return t, err
}

// OpenCounts counts what a campaign still waits for.
func (db *DB) OpenCounts(ctx context.Context, campaignID int64) (r app.OpenCounts, err error) {
	err = db.pool.QueryRow(ctx, `
		SELECT coalesce(sum(n) FILTER (WHERE subject = 'contacts' AND state <> 'done'), 0)::bigint,
		       coalesce(sum(n) FILTER (WHERE subject = 'attempts' AND state IN ('reserved', 'dialing', 'unknown', 'accepted')), 0)::bigint,
		       coalesce(sum(n - priced) FILTER (WHERE subject = 'attempts' AND state = 'ended'), 0)::bigint
		FROM counter_totals WHERE campaign_id = $1`, campaignID).Scan(&r.Contacts, &r.Attempts, &r.Unpriced)
	if err != nil {
		return app.OpenCounts{}, fmt.Errorf("count what campaign %d waits for: %w", campaignID, err)
	}
	return r, nil
}
