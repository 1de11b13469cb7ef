package storage

import (
	"context"
	"fmt"
)

// foldBatch is how many lines one FoldCounters takes; the next one takes the rest.
const foldBatch = 20_000

// foldCounters adds the lines of counter_deltas, per campaign and per hour, to the
// counters. It is one statement, so that a reader of both in one snapshot finds each
// change exactly once.
const foldCounters = `
	WITH lock AS MATERIALIZED (
		SELECT pg_try_advisory_xact_lock($1) AS ours
	), gone AS (
		DELETE FROM counter_deltas
		WHERE ctid = ANY (ARRAY(SELECT c.ctid FROM lock, counter_deltas c WHERE lock.ours LIMIT $2))
		RETURNING *
	), totals AS (
		INSERT INTO counters AS t (campaign_id, subject, state, outcome, n, priced, seconds, price)
		SELECT campaign_id, subject, state, outcome, sum(n), sum(priced), sum(seconds), sum(price)
		FROM gone GROUP BY 1, 2, 3, 4
		ON CONFLICT (campaign_id, subject, state, outcome) DO UPDATE SET n = t.n + excluded.n,
			priced = t.priced + excluded.priced, seconds = t.seconds + excluded.seconds, price = t.price + excluded.price
	), hours AS (
		INSERT INTO hourly_counters AS t (campaign_id, hour, state, outcome, n, priced, seconds, price)
		SELECT campaign_id, hour, state, outcome, sum(n), sum(priced), sum(seconds), sum(price)
		FROM gone WHERE hour IS NOT NULL GROUP BY 1, 2, 3, 4
		ON CONFLICT (campaign_id, hour, state, outcome) DO UPDATE SET n = t.n + excluded.n,
			priced = t.priced + excluded.priced, seconds = t.seconds + excluded.seconds, price = t.price + excluded.price
	)
	SELECT count(*) FROM gone`

// foldCountries does the same with country_deltas.
const foldCountries = `
	WITH lock AS MATERIALIZED (
		SELECT pg_try_advisory_xact_lock($1) AS ours
	), gone AS (
		DELETE FROM country_deltas
		WHERE ctid = ANY (ARRAY(SELECT c.ctid FROM lock, country_deltas c WHERE lock.ours LIMIT $2))
		RETURNING *
	)
	INSERT INTO country_counters AS t (campaign_id, country, billing, n, seconds, price)
	SELECT campaign_id, country, billing, sum(n), sum(seconds), sum(price) FROM gone GROUP BY 1, 2, 3
	ON CONFLICT (campaign_id, country, billing) DO UPDATE SET n = t.n + excluded.n,
		seconds = t.seconds + excluded.seconds, price = t.price + excluded.price`

// FoldCounters adds the changes since the last time to the campaigns' counters, and
// returns the number of lines. While another process does this, it does nothing.
// Without it reports stay exact, but become slower.
func (db *DB) FoldCounters(ctx context.Context) (folded int, err error) {
	err = db.pool.QueryRow(ctx, foldCounters, foldLock, foldBatch).Scan(&folded)
	if err != nil {
		return 0, fmt.Errorf("fold counters: %w", err)
	}
	if _, err = db.pool.Exec(ctx, foldCountries, foldLock, foldBatch); err != nil {
		return folded, fmt.Errorf("fold counters by country: %w", err)
	}
	return folded, nil
}
