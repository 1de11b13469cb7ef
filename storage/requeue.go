package storage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Queued lists up to limit reserved attempts of campaigns, and test calls, that were
// enqueued longer than age ago, in the order of their ids from after on.
func (db *DB) Queued(ctx context.Context, age time.Duration, after uuid.UUID, limit int) ([]campaign.QueuedAttempt, error) {
	attempts, err := collect(ctx, db.pool, pgx.RowToStructByPos[campaign.QueuedAttempt], `
		WITH lowest AS MATERIALIZED (
			SELECT min(c.priority) AS priority FROM campaigns c
			WHERE c.status = 'running' AND (SELECT o.id FROM attempts o WHERE o.campaign_id = c.id AND o.state = 'reserved' LIMIT 1) IS NOT NULL)
		SELECT a.id, a.enqueue_count, CASE WHEN k.call_at IS NOT NULL OR k.id IS NULL OR c.priority > (SELECT priority FROM lowest) THEN 0 WHEN a.attempt_no > 1 THEN 1 ELSE 2 END::smallint
		FROM attempts a LEFT JOIN contacts k ON k.id = a.contact_id LEFT JOIN campaigns c ON c.id = a.campaign_id LEFT JOIN test_calls t ON t.attempt_id = a.id
		WHERE (k.id IS NOT NULL OR t.attempt_id IS NOT NULL) AND a.state = 'reserved' AND a.id > @after AND a.enqueued_at < clock_timestamp() - @age::interval
		ORDER BY a.id LIMIT @limit`, pgx.StrictNamedArgs{"after": after, "age": age, "limit": limit})
	if err != nil {
		return nil, fmt.Errorf("list attempts that wait in the queue: %w", err)
	}
	return attempts, nil
}

// Requeue counts that the attempts are enqueued again, and returns those that are
// unchanged since they were listed, in the order of their ids. If two processes listed
// an attempt, one of them gets it.
func (db *DB) Requeue(ctx context.Context, list []campaign.QueuedAttempt) ([]campaign.QueuedAttempt, error) {
	attempts, err := collect(ctx, db.pool, pgx.RowToStructByPos[campaign.QueuedAttempt], `
		UPDATE attempts a SET enqueue_count = a.enqueue_count + 1, enqueued_at = clock_timestamp()
		FROM unnest(@ids::uuid[], @counts::int[], @urgencies::smallint[]) AS listed (id, enqueue_count, urgency)
		WHERE a.id = listed.id AND a.state = 'reserved'
		-- guard:drop storage.TestRequeue: an attempt that two processes look at is enqueued again once
		AND a.enqueue_count = listed.enqueue_count
		RETURNING a.id, a.enqueue_count, listed.urgency`, pgx.StrictNamedArgs{
		"ids":       column(list, func(q campaign.QueuedAttempt) uuid.UUID { return q.AttemptID }),
		"counts":    column(list, func(q campaign.QueuedAttempt) int { return q.EnqueueCount }),
		"urgencies": column(list, func(q campaign.QueuedAttempt) campaign.Urgency { return q.Urgency }),
	})
	if err != nil {
		return nil, fmt.Errorf("enqueue attempts again: %w", err)
	}
	slices.SortFunc(attempts, byID)
	return attempts, nil
}

// Reserved counts the attempts that wait in the queue, of all processes.
func (db *DB) Reserved(ctx context.Context) (n int, err error) {
	err = db.pool.QueryRow(ctx, `SELECT count(*) FROM attempts WHERE state = 'reserved'`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count reserved attempts: %w", err)
	}
	return n, nil
}
