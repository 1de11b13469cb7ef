package storage

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// Suppression is a number that must not be called.
type Suppression struct {
	Number    string // E.164 digits
	Source    string // who says so: a person, a file, a list
	Note      string
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
}

// suppressBatch is how many numbers are suppressed in one transaction.
const suppressBatch = 500

// Suppress adds numbers, or replaces what is known of them, and returns how
// many are new. It holds from its commit on, a batch at a time: attempts that
// wait in the queue are withdrawn, and contacts that wait for a call end as
// suppressed. A call that is under way goes on.
func (db *DB) Suppress(ctx context.Context, list []Suppression) (added int, err error) {
	for part := range slices.Chunk(list, suppressBatch) {
		var n int
		err := db.inTx(ctx, func(tx pgx.Tx) (err error) {
			n, err = suppress(ctx, tx, part)
			return err
		})
		if err != nil {
			return added, fmt.Errorf("suppress numbers: %w", err)
		}
		added += n
	}
	return added, nil
}

func suppress(ctx context.Context, tx pgx.Tx, list []Suppression) (added int, err error) {
	numbers := make([]string, len(list))
	var writes pgx.Batch
	for i, s := range list {
		numbers[i] = s.Number
		writes.Queue(`
			INSERT INTO suppressions AS s (number, source, note, expires_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (number) DO UPDATE SET source = excluded.source, note = excluded.note,
				expires_at = excluded.expires_at,
				created_at = CASE WHEN s.expires_at < now() THEN now() ELSE s.created_at END
			RETURNING xmax = 0`, s.Number, plain(s.Source), plain(s.Note), zeronull.Timestamptz(s.ExpiresAt)).
			QueryRow(func(row pgx.Row) error {
				var isNew bool
				err := row.Scan(&isNew)
				if isNew {
					added++
				}
				return err
			})
	}
	if err := tx.SendBatch(ctx, &writes).Close(); err != nil {
		return 0, err
	}
	contacts, err := collect(ctx, tx, pgx.RowTo[int64], `SELECT id FROM contacts WHERE to_number = ANY ($1) AND state <> 'done'`, numbers)
	if err != nil {
		return 0, err
	}
	return added, withContacts(ctx, tx, contacts, unchanged)
}

// Unsuppress takes a number off the list; campaign.ErrNotFound when it is not
// on it. Contacts that ended as suppressed stay ended.
func (db *DB) Unsuppress(ctx context.Context, number string) error {
	tag, err := db.pool.Exec(ctx, `DELETE FROM suppressions WHERE number = $1`, number)
	if err == nil && tag.RowsAffected() == 0 {
		err = campaign.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("take a number off the suppression list: %w", err)
	}
	return nil
}

// pageSize is how many rows a stream reads at a time.
const pageSize = 1000

const suppressionColumns = `number, source, note, created_at, expires_at`

func scanSuppression(row pgx.CollectableRow) (s Suppression, err error) {
	err = row.Scan(&s.Number, &s.Source, &s.Note, &s.CreatedAt, (*zeronull.Timestamptz)(&s.ExpiresAt))
	return s, err
}

// Suppressions streams the list in the order of its numbers, expired entries
// too.
func (db *DB) Suppressions(ctx context.Context) iter.Seq2[Suppression, error] {
	return stream(ctx, db, `SELECT `+suppressionColumns+` FROM suppressions WHERE number > $1 ORDER BY number LIMIT $2`,
		"", scanSuppression, func(s Suppression) string { return s.Number })
}
