package storage

import (
	"context"
	"fmt"
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// OverdueCalls returns up to limit attempts with a call at Vonage that are still open,
// or ended without a price, and whose next look is due. It moves their next look: every
// after they reached their state, then after twice as long each time. When Vonage
// deletes a record, there is nothing left to look at.
func (db *DB) OverdueCalls(ctx context.Context, limit int, every, kept time.Duration) ([]campaign.Attempt, error) {
	list, err := collect(ctx, db.pool, scanAttempt, `
		UPDATE attempts a SET record_checks = a.record_checks + 1,
		       next_check_at = clock_timestamp() + @every::interval * (2 ^ least(a.record_checks + 1, 12))
		WHERE a.id IN (
			SELECT id FROM attempts
			WHERE (state = 'accepted' OR (state = 'ended' AND price IS NULL))
			  AND coalesce(dialed_at, created_at) > now() - @kept::interval
			  AND next_check_at <= now() AND (record_checks > 0 OR next_check_at <= now() - @every::interval)
			ORDER BY next_check_at LIMIT @limit FOR UPDATE SKIP LOCKED)
		RETURNING `+attemptColumns, pgx.StrictNamedArgs{"every": every, "limit": limit, "kept": kept})
	if err != nil {
		return nil, fmt.Errorf("list overdue calls: %w", err)
	}
	return list, nil
}

// DueUnknown returns up to limit unknown attempts whose next look is due. Those that have waited
// longest come first, so that attempts that cannot be settled do not block others. The first look
// is due SettleAfter after the token's expiry.
func (db *DB) DueUnknown(ctx context.Context, limit int, t campaign.Times) ([]campaign.UnknownAttempt, error) {
	list, err := collect(ctx, db.pool, func(row pgx.CollectableRow) (u campaign.UnknownAttempt, err error) {
		err = row.Scan(append(attemptFields(&u.Attempt), &u.Looks)...)
		return u, err
	}, `
		SELECT `+attemptColumns+`, a.record_checks FROM attempts a
		WHERE a.state = 'unknown' AND a.call_uuid IS NULL AND a.to_kind = 'phone' -- the list tells no other endpoints apart
		  -- guard:drop storage.TestDueUnknown: the first scan begins once the list shows every call that the token allowed
		  AND a.token_expires_at <= date_trunc('second', clock_timestamp()) - @settle::interval
		  AND (a.record_checks = 0 OR a.next_check_at <= clock_timestamp())
		ORDER BY a.next_check_at NULLS FIRST LIMIT @limit`, pgx.StrictNamedArgs{"settle": t.SettleAfter, "limit": limit})
	if err != nil {
		return nil, fmt.Errorf("list unknown attempts: %w", err)
	}
	return list, nil
}

// LookFailed moves the next look at attempts whose part of the list could not be read,
// behind the others that wait. It does not count as a look.
func (db *DB) LookFailed(ctx context.Context, ids []uuid.UUID, wait time.Duration) error {
	_, err := db.pool.Exec(ctx, `
		UPDATE attempts SET next_check_at = clock_timestamp() + $2::interval
		WHERE id = ANY ($1) AND state = 'unknown'`, ids, wait)
	if err != nil {
		return fmt.Errorf("put off looks at unknown attempts: %w", err)
	}
	return nil
}

// Looked stores when to look again for each attempt.
func (db *DB) Looked(ctx context.Context, next map[uuid.UUID]time.Time) error {
	ids, times := make([]uuid.UUID, 0, len(next)), make([]time.Time, 0, len(next))
	for id, at := range next {
		ids, times = append(ids, id), append(times, at)
	}
	_, err := db.pool.Exec(ctx, `
		UPDATE attempts a SET record_checks = a.record_checks + 1, next_check_at = w.at
		FROM unnest($1::uuid[], $2::timestamptz[]) AS w (id, at)
		WHERE a.id = w.id AND a.state = 'unknown'`, ids, times)
	if err != nil {
		return fmt.Errorf("note looks at unknown attempts: %w", err)
	}
	return nil
}
