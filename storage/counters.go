package storage

import (
	"context"
	"fmt"
)

const (
	// foldBatch bounds what one fold takes on; the next one goes on.
	foldBatch = 20_000
)

// foldCounters adds the lines of changes up, per campaign and per hour, into the
// counters. It is one statement, so that who reads the counters and the lines in
// one snapshot finds each change exactly once.
const foldCounters = `
	WITH turn AS MATERIALIZED (
		SELECT pg_try_advisory_xact_lock($1) AS ours
	), gone AS (
		DELETE FROM counter_deltas
		WHERE ctid = ANY (ARRAY(SELECT c.ctid FROM turn, counter_deltas c WHERE turn.ours LIMIT $2))
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

// FoldCounters folds the changes that were counted since the last time into the
// campaigns' counters, and returns how many lines it folded. While another
// process does, it does nothing. Reports are exact whether anybody folds or
// not; they become slower when nobody does.
func (db *DB) FoldCounters(ctx context.Context) (folded int, err error) {
	err = db.pool.QueryRow(ctx, foldCounters, foldLock, foldBatch).Scan(&folded)
	if err != nil {
		return 0, fmt.Errorf("fold counters: %w", err)
	}
	return folded, nil
}
