package storage

import (
	"context"
	"fmt"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
)

const (
	// maxHours limits a chart: 90 days.
	maxHours = 90 * 24
	// A campaign with few calls in a few hours is shown by shorter spans, from its
	// attempts and not its counters.
	shortHours = 3
	shortCalls = 10_000
)

// Outcomes are a campaign's calls by the hour, or by five minutes while it is young.
func (db *DB) Outcomes(ctx context.Context, campaignID int64) (o app.Outcomes, err error) {
	type row struct {
		at      time.Time
		state   string
		outcome string
		n       int
	}
	scan := func(r pgx.CollectableRow) (x row, err error) {
		err = r.Scan(&x.at, &x.state, &x.outcome, &x.n)
		return x, err
	}
	err = db.read(ctx, func(tx pgx.Tx) error {
		o.Every = time.Hour
		rows, err := collect(ctx, tx, scan, `
			SELECT hour, state, outcome, n FROM (
				SELECT hour, state, outcome, n FROM hourly_totals
				WHERE campaign_id = $1 AND state IN ('dialing', 'unknown', 'accepted', 'ended', 'lost') ORDER BY hour DESC LIMIT $2) AS h ORDER BY hour`,
			campaignID, maxHours*16)
		if err != nil || len(rows) == 0 {
			return err
		}
		calls := 0
		for _, r := range rows {
			calls += r.n
		}
		first, last := rows[0].at, rows[len(rows)-1].at
		if span := last.Sub(first); span < shortHours*time.Hour && calls <= shortCalls {
			o.Every = 5 * time.Minute
			if span == 0 {
				o.Every = time.Minute
			}
			rows, err = collect(ctx, tx, scan, `
				SELECT date_bin($4, dialed_at, 'epoch') AS at, state, coalesce(disposition, ''), count(*) FROM attempts
				WHERE campaign_id = $1 AND dialed_at >= $2 AND dialed_at < $3 AND state IN ('dialing', 'unknown', 'accepted', 'ended', 'lost')
				GROUP BY 1, 2, 3 ORDER BY 1`, campaignID, first, last.Add(time.Hour), o.Every)
		}
		for _, r := range rows {
			if n := len(o.Points); n == 0 || !o.Points[n-1].At.Equal(r.at) {
				o.Points = append(o.Points, app.OutcomePoint{At: r.at, Ended: map[campaign.Disposition]int{}})
			}
			point := &o.Points[len(o.Points)-1]
			if r.outcome == "" {
				point.Underway += r.n
			} else {
				point.Ended[campaign.Disposition(r.outcome)] += r.n
			}
		}
		return err
	})
	if err != nil {
		return o, fmt.Errorf("read the outcomes of campaign %d: %w", campaignID, err)
	}
	o.EveryS = int(o.Every / time.Second)
	return o, nil
}

// CostByCountry is the cost of a campaign's calls by country, the highest first.
func (db *DB) CostByCountry(ctx context.Context, campaignID int64) ([]app.CountryCost, error) {
	list, err := collect(ctx, db.pool, func(row pgx.CollectableRow) (c app.CountryCost, err error) {
		err = row.Scan(&c.Country, &c.Calls, &c.Seconds, &c.Confirmed, &c.ConfirmedCalls, &c.Estimated, &c.EstimatedCalls, &c.Missing, &c.Open)
		return c, err
	}, `
		SELECT country, sum(calls)::bigint, sum(duration_s)::bigint, sum(price), sum(priced)::bigint,
		       sum(estimated_price), sum(estimated)::bigint, sum(missing)::bigint, sum(open)::bigint
		FROM call_figures WHERE source = 'country' AND campaign_id = $1 GROUP BY country ORDER BY 4 DESC, 2 DESC, 1`, campaignID)
	if err != nil {
		return nil, fmt.Errorf("read the cost of campaign %d: %w", campaignID, err)
	}
	return list, nil
}
