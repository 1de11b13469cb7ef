package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// expireFor is how long one sweep continues to end contacts. The next one takes the
// rest: a million contacts take some minutes, and none of them is called.
const expireFor = 8 * time.Second

// ExpireContacts ends waiting contacts whose time has passed: their own, or their
// campaign's. It returns how many.
func (db *DB) ExpireContacts(ctx context.Context) (int, error) {
	begun := time.Now()
	ended, err := db.expire(ctx, begun, `
		SELECT id FROM contacts WHERE not_later_than <= now() AND state IN ('pending', 'waiting')
		ORDER BY not_later_than LIMIT $1`)
	over, overErr := db.expire(ctx, begun, `
		SELECT k.id FROM campaigns c JOIN zone_groups g ON g.campaign_id = c.id CROSS JOIN LATERAL (
			SELECT id FROM contacts WHERE zone_group_id = g.id AND state IN ('pending', 'waiting') LIMIT $1) AS k
		WHERE c.ends_at <= now() LIMIT $1`)
	queued, queuedErr := db.expire(ctx, begun, `
		SELECT a.contact_id FROM attempts a JOIN campaigns c ON c.id = a.campaign_id
		WHERE a.state = 'reserved' AND c.ends_at <= now() LIMIT $1`)
	if err := errors.Join(err, overErr, queuedErr); err != nil {
		return ended + over + queued, fmt.Errorf("end contacts whose time has passed: %w", err)
	}
	return ended + over + queued, nil
}

// expire decides the contacts of the query again, a batch at a time.
func (db *DB) expire(ctx context.Context, begun time.Time, query string) (sum int, err error) {
	for {
		n := 0
		err := db.inTx(ctx, func(tx pgx.Tx) error {
			contacts, err := collect(ctx, tx, pgx.RowTo[int64], query, sweepBatch)
			if err != nil {
				return err
			}
			n = len(contacts)
			return withContacts(ctx, tx, contacts, unchanged)
		})
		if sum += n; err != nil || n < sweepBatch || time.Since(begun) > expireFor {
			return sum, err
		}
	}
}
