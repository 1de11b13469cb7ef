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
		if list, err = readReports(ctx, tx, campaignIDs); err != nil {
			return err
		}
		byID := map[int64]*app.Report{}
		for i := range list {
			byID[list[i].CampaignID] = &list[i]
		}
		return countOutcomes(ctx, tx, byID)
	})
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return list, nil
}

// reportColumns are what scanReport reads.
const reportColumns = `
	SELECT campaign_id, campaign, status, pause_reason, created_at, import_finished_at, start, "end",
	       rows_in, rejected, pending, active, waiting, done, calls, calls_answered, duration_s, price, unpriced,
	       people_called, people_answered, heard, people_with_result, results,
	       (SELECT NOT c.settings->'message' ? 'say' FROM campaigns c WHERE c.id = campaign_id),
	       (SELECT count(*) FROM reporting.recordings r WHERE r.campaign_id = campaigns.campaign_id),
	       (SELECT coalesce(c.settings->'retry'->>'until', '') FROM campaigns c WHERE c.id = campaign_id)
	FROM reporting.campaigns `

// readReports reads one campaign at a time: by one id, Postgres adds up the
// counters of that campaign only.
func readReports(ctx context.Context, tx pgx.Tx, ids []int64) (list []app.Report, err error) {
	if len(ids) == 0 {
		return collect(ctx, tx, scanReport, reportColumns+`ORDER BY campaign_id`)
	}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		found, err := collect(ctx, tx, scanReport, reportColumns+`WHERE campaign_id = $1`, id)
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	return list, nil
}

func scanReport(row pgx.CollectableRow) (app.Report, error) {
	r := app.Report{
		Reasons: map[campaign.Reason]int{}, Attempts: map[campaign.State]int{},
		Dispositions: map[campaign.Disposition]int{},
	}
	err := row.Scan(&r.CampaignID, &r.Campaign, &r.Status, (*zeronull.Text)(&r.PauseReason), &r.CreatedAt,
		(*zeronull.Timestamptz)(&r.ImportFinishedAt), (*zeronull.Timestamptz)(&r.Start), (*zeronull.Timestamptz)(&r.End), &r.Rows, &r.Rejected, &r.Pending, &r.Active, &r.Waiting, &r.Done,
		&r.Calls, &r.Answered, &r.Seconds, &r.Price, &r.Unpriced,
		&r.Ladder.Called, &r.Ladder.Answered, &r.Ladder.Heard, &r.Ladder.Result, &r.Ladder.Results, &r.Ladder.OwnNCCO, &r.Recordings, &r.Until)
	return r, err
}

// countOutcomes reads how many contacts ended for each reason, and how many
// attempts are in each state and had each disposition.
func countOutcomes(ctx context.Context, tx pgx.Tx, byID map[int64]*app.Report) error {
	rows, err := tx.Query(ctx, `
		SELECT campaign_id, subject, state, outcome, n FROM counter_totals
		WHERE campaign_id = ANY ($1) AND (subject = 'attempts' OR subject = 'contacts' AND state = 'done')`,
		slices.Collect(maps.Keys(byID)))
	if err != nil {
		return err
	}
	var id int64
	var subject, state, outcome string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&id, &subject, &state, &outcome, &n}, func() error {
		countOutcome(byID[id], subject, state, outcome, n)
		return nil
	})
	return err
}

func countOutcome(r *app.Report, subject, state, outcome string, n int) {
	if subject == "contacts" {
		r.Reasons[campaign.Reason(outcome)] = n
		return
	}
	r.Attempts[campaign.State(state)] += n
	if outcome != "" {
		r.Dispositions[campaign.Disposition(outcome)] += n
	}
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
