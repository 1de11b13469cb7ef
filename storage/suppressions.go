package storage

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// suppressBatch is how many numbers are suppressed in one transaction.
const suppressBatch = 500

// Suppress adds numbers, or replaces what is known of them, and returns how
// many are new. It takes effect at its commit, a batch at a time: attempts that
// wait in the queue are withdrawn, and contacts that wait for a call end as
// suppressed. A call in progress continues.
func (db *DB) Suppress(ctx context.Context, by app.Actor, list []app.Suppression) (added int, err error) {
	for part := range slices.Chunk(list, suppressBatch) {
		var n int
		err := db.inTx(ctx, func(tx pgx.Tx) (err error) {
			n, err = suppress(ctx, tx, by, part)
			return err
		})
		if err != nil {
			return added, fmt.Errorf("suppress numbers: %w", err)
		}
		added += n
	}
	return added, nil
}

func suppress(ctx context.Context, tx pgx.Tx, by app.Actor, list []app.Suppression) (added int, err error) {
	numbers := column(list, func(s app.Suppression) string { return s.Number })
	before, err := collect(ctx, tx, scanSuppression,
		`SELECT `+suppressionColumns+` FROM suppressions WHERE number = ANY ($1) ORDER BY number`, numbers)
	if err != nil {
		return 0, err
	}
	var writes pgx.Batch
	for _, s := range list {
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
	writes.Queue(insertAudit, auditArgs(by, auditEntry{
		action: "suppressions.add", object: "suppressions", before: suppressionFields(before), after: suppressionFields(list),
	}))
	if err := tx.SendBatch(ctx, &writes).Close(); err != nil {
		return 0, err
	}
	contacts, err := collect(ctx, tx, pgx.RowTo[int64], `SELECT id FROM contacts WHERE to_number = ANY ($1) AND state <> 'done'`, numbers)
	if err != nil {
		return 0, err
	}
	return added, withContacts(ctx, tx, contacts, unchanged)
}

// auditedNumbers bounds how many numbers one entry of the audit names.
const auditedNumbers = 20

// suppressionFields are what the audit says of entries of the list: how many
// there are, and the first of them with masked numbers.
func suppressionFields(list []app.Suppression) fields {
	named := make([]fields, min(len(list), auditedNumbers))
	for i := range named {
		s := list[i]
		named[i] = fields{
			//guard:value(s.Number) internal/app.TestSuppressionsAreAuditedMasked: the audit shows no whole number
			"number": app.MaskNumber(s.Number),
			"source": plain(s.Source), "note": plain(s.Note),
		}
		if !s.ExpiresAt.IsZero() {
			named[i]["expires_at"] = s.ExpiresAt
		}
	}
	return fields{"count": len(list), "entries": named}
}

// Unsuppress takes a number off the list; campaign.ErrNotFound when it is not
// on it. Contacts that ended as suppressed stay ended.
func (db *DB) Unsuppress(ctx context.Context, by app.Actor, number string) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		gone, err := collect(ctx, tx, scanSuppression, `DELETE FROM suppressions WHERE number = $1 RETURNING `+suppressionColumns, number)
		if err != nil {
			return err
		}
		if len(gone) == 0 {
			return campaign.ErrNotFound
		}
		return audit(ctx, tx, by, auditEntry{action: "suppressions.remove", object: "suppressions", before: suppressionFields(gone)})
	})
	if err != nil {
		return fmt.Errorf("take a number off the suppression list: %w", err)
	}
	return nil
}

// pageSize is how many rows a stream reads at a time.
const pageSize = 1000

const suppressionColumns = `number, source, note, created_at, expires_at`

func scanSuppression(row pgx.CollectableRow) (s app.Suppression, err error) {
	err = row.Scan(&s.Number, &s.Source, &s.Note, &s.CreatedAt, (*zeronull.Timestamptz)(&s.ExpiresAt))
	return s, err
}

// Suppressions streams the list in the order of its numbers, expired entries
// too.
func (db *DB) Suppressions(ctx context.Context) iter.Seq2[app.Suppression, error] {
	return stream(ctx, db, `SELECT `+suppressionColumns+` FROM suppressions WHERE number > $1 ORDER BY number LIMIT $2`,
		"", scanSuppression, func(s app.Suppression) string { return s.Number })
}
