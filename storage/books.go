package storage

import (
	"context"
	"fmt"
	"time"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// Watermark is how far the named pass has read; campaign.ErrNotFound before its
// first time.
func (db *DB) Watermark(ctx context.Context, pass string) (reached time.Time, err error) {
	err = db.pool.QueryRow(ctx, `SELECT reached FROM reconcile_watermarks WHERE pass = $1`, pass).Scan(&reached)
	if err != nil {
		return time.Time{}, fmt.Errorf("read watermark %q: %w", pass, translate(err))
	}
	return reached, nil
}

// SetWatermark keeps how far the named pass has read.
func (db *DB) SetWatermark(ctx context.Context, pass string, reached time.Time) error {
	_, err := db.pool.Exec(ctx, `
		INSERT INTO reconcile_watermarks (pass, reached) VALUES ($1, $2)
		ON CONFLICT (pass) DO UPDATE SET reached = excluded.reached`, pass, reached)
	if err != nil {
		return fmt.Errorf("set watermark %q: %w", pass, err)
	}
	return nil
}

// Stragglers returns up to limit attempts that Vonage has and that are
// either still open or have no price yet, whose next look is due, and puts
// their next look off: every after they came into their state, then twice as
// long each time. Once Vonage's records end there is nothing to look at.
func (db *DB) Stragglers(ctx context.Context, limit int, every time.Duration) ([]campaign.Attempt, error) {
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
		return nil, fmt.Errorf("list stragglers: %w", err)
	}
	return list, nil
}

// FirstDialed is when the first attempt ever was dialed, or
// campaign.ErrNotFound.
func (db *DB) FirstDialed(ctx context.Context) (time.Time, error) {
	var at time.Time
	err := db.pool.QueryRow(ctx, `SELECT min(dialed_at) FROM attempts`).Scan((*zeronull.Timestamptz)(&at))
	if err == nil && at.IsZero() {
		err = campaign.ErrNotFound
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("find the first attempt dialed: %w", err)
	}
	return at, nil
}
