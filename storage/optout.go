package storage

import (
	"context"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// optOutSource is the source of the suppression of a number by a key.
const optOutSource = "opt-out by key"

// optOut stores an input with which a person opted out: the event, the suppression of
// the number, and the withdrawal of everything queued for it, in one transaction. Only
// then is the person told.
func (db *DB) optOut(ctx context.Context, u callUpdate) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		results, err := applyUpdates(ctx, tx, []callUpdate{u}, true)
		if err != nil || results[0] != nil {
			return firstError(err, results)
		}
		return suppressCalled(ctx, tx, u)
	})
}

func firstError(err error, results []error) error {
	if err != nil {
		return err
	}
	return results[0]
}

// suppressCalled suppresses the number that the attempt called. An existing opt-out
// stays. A suppression that a user added is replaced: users may undo or lift that one,
// but the opt-out must stay.
func suppressCalled(ctx context.Context, tx pgx.Tx, u callUpdate) error {
	var number, name string
	var id int64
	err := tx.QueryRow(ctx, `
		SELECT a.to_number, a.campaign_id, c.name FROM attempts a JOIN campaigns c ON c.id = a.campaign_id
		WHERE a.id = $1`, u.attempt).Scan(&number, &id, &name)
	if err != nil {
		return translate(err)
	}
	only := id
	if u.event.Said.OptOut == campaign.OptOutAll {
		only = 0
	}
	s := app.Suppression{Number: number, Source: optOutSource, Note: "in the campaign " + name}
	_, err = tx.Exec(ctx, `
		UPDATE suppressions SET ended_at = now()
		WHERE number = $1 AND coalesce(campaign_id, 0) = $2 AND purpose IS NULL AND ended_at IS NULL
		  -- guard:value storage.TestOptOutOutlastsAnUndo: an opt-out stands, although who suppressed the number too undoes that
		  AND (expires_at IS NOT NULL OR added_by IS NOT NULL)`, number, only)
	if err != nil {
		return err
	}
	added, err := tx.Exec(ctx, `
		INSERT INTO suppressions (number, source, note, campaign_id) VALUES ($1, $2, $3, $4)
		ON CONFLICT (number, coalesce(campaign_id, 0), coalesce(purpose, '')) WHERE ended_at IS NULL DO NOTHING`,
		number, s.Source, plain(s.Note), zeronull.Int8(only))
	if err != nil {
		return err
	}
	if added.RowsAffected() > 0 {
		if err := audit(ctx, tx, app.Dialer, auditEntry{
			action: "suppressions.add", object: "suppressions", after: suppressionFields([]app.Suppression{s}),
		}); err != nil {
			return err
		}
	}
	// Everything queued for the number is withdrawn.
	contacts, err := collect(ctx, tx, pgx.RowTo[int64], `
		SELECT id FROM contacts WHERE to_number = $1 AND state <> 'done' AND ($2::bigint = 0 OR campaign_id = $2) ORDER BY id`, number, only)
	if err != nil {
		return err
	}
	return withContacts(ctx, tx, contacts, func(c *contactTx) error {
		c.voidReserved(campaign.WithdrawnSuppressed, campaign.Operator)
		return nil
	})
}
