package storage

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// suppressBatch is how many numbers are suppressed in one transaction.
const suppressBatch = 500

// Suppress adds numbers, all of one scope. A number that is suppressed for longer stays
// so, unless shorten is set. A replaced suppression is ended. It takes effect at its
// commit, a batch at a time: attempts in the queue are withdrawn, and waiting contacts
// end as suppressed if the number is suppressed for good. If it is suppressed until a
// time, the rule sets when their call is due. A call in progress continues.
func (db *DB) Suppress(ctx context.Context, by app.Actor, list []app.Suppression, shorten bool) (sum app.Suppressed, err error) {
	for part := range slices.Chunk(list, suppressBatch) {
		var done app.Suppressed
		err := db.inTx(ctx, func(tx pgx.Tx) (err error) {
			done, err = suppress(ctx, tx, by, part, shorten)
			return err
		})
		if err != nil {
			return sum, fmt.Errorf("suppress numbers: %w", err)
		}
		sum = sum.Plus(done)
	}
	return sum, nil
}

// suppress adds numbers of one scope.
func suppress(ctx context.Context, tx pgx.Tx, by app.Actor, list []app.Suppression, shorten bool) (sum app.Suppressed, err error) {
	var of int64
	if name := list[0].Campaign; name != "" {
		if err := tx.QueryRow(ctx, `SELECT id FROM campaigns WHERE name = $1`, name).Scan(&of); err != nil {
			return sum, fmt.Errorf("campaign %q: %w", name, translate(err))
		}
	}
	purpose := plain(list[0].Purpose)
	numbers := column(list, func(s app.Suppression) string { return s.Number })
	// Entries of the list in this scope only, expired or not: a new one replaces them.
	before, err := collect(ctx, tx, scanSuppression,
		`SELECT `+suppressionColumns+` FROM suppressions WHERE number = ANY ($1) AND coalesce(campaign_id, 0) = $2 AND coalesce(purpose, '') = $3 AND ended_at IS NULL ORDER BY number FOR UPDATE`, numbers, of, purpose)
	if err != nil {
		return sum, err
	}
	var now time.Time
	if err := tx.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now); err != nil {
		return sum, err
	}
	onList := make(map[string]app.Suppression, len(list))
	for _, s := range before {
		onList[s.Number] = s
	}
	var writes pgx.Batch
	var changed []app.Suppression
	for _, s := range list {
		if !sum.Count(s, onList, shorten, now) {
			sum.ID = onList[s.Number].ID
			continue
		}
		onList[s.Number] = s
		changed = append(changed, s)
		writes.Queue(`UPDATE suppressions SET ended_at = now() WHERE number = $1 AND coalesce(campaign_id, 0) = $2 AND coalesce(purpose, '') = $3 AND ended_at IS NULL`,
			s.Number, of, purpose)
		writes.Queue(`INSERT INTO suppressions (number, source, note, expires_at, campaign_id, purpose, added_by) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`,
			s.Number, plain(s.Source), plain(s.Note), zeronull.Timestamptz(s.ExpiresAt), zeronull.Int8(of), zeronull.Text(purpose), plain(by.Name)).
			QueryRow(func(row pgx.Row) error { return row.Scan(&sum.ID) })
	}
	if len(changed) > 0 {
		writes.Queue(insertAudit, auditArgs(by, auditEntry{
			action: "suppressions.add", object: "suppressions", before: suppressionFields(before), after: suppressionFields(changed),
		}))
	}
	if err := tx.SendBatch(ctx, &writes).Close(); err != nil {
		return sum, err
	}
	if len(list) == 1 && sum.Added == 1 {
		if err := noteNotEnded(ctx, tx, sum.ID); err != nil {
			return sum, err
		}
	}
	//guard:value([]int64(nil), error(nil)) chaos.Suppressed: a suppression that comes after the claim is kept
	contacts, err := collect(ctx, tx, pgx.RowTo[int64], `
		SELECT id FROM contacts k WHERE to_number = ANY ($1) AND state <> 'done'
		AND EXISTS (SELECT FROM suppressions_of(k.to_number, k.campaign_id, statement_timestamp()))`, numbers)
	if err != nil {
		return sum, err
	}
	return sum, withContacts(ctx, tx, contacts, func(c *contactTx) error {
		c.voidReserved(campaign.WithdrawnSuppressed, campaign.Operator) // its call is due now
		return nil
	})
}

// auditedNumbers is the most numbers that one audit entry names.
const auditedNumbers = 20

// suppressionFields describe entries of the list in the audit: how many there are, and
// the first of them with masked numbers.
func suppressionFields(list []app.Suppression) fields {
	named := make([]fields, min(len(list), auditedNumbers))
	for i := range named {
		s := list[i]
		named[i] = fields{
			//guard:value(s.Number) internal/app.TestSuppressionsAreAuditedMasked: the audit shows no whole number
			"number": app.MaskNumber(s.Number),
			"source": plain(s.Source), // also no note, which may name the person
		}
		if scope := s.Scope(); scope != app.ScopeAll {
			named[i]["scope"], named[i][scope] = scope, plain(s.Campaign+s.Purpose)
		}
		if !s.ExpiresAt.IsZero() {
			named[i]["expires_at"] = s.ExpiresAt
		}
	}
	return fields{"count": len(list), "entries": named}
}

// Lift ends exactly one suppression. Contacts that ended as suppressed stay ended.
func (db *DB) Lift(ctx context.Context, by app.Actor, which app.Lift) (lifted app.Suppression, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		if which.ID == 0 && which.Number == "" {
			return campaign.ErrNotFound
		}
		found, err := collect(ctx, tx, scanSuppression, `
			SELECT `+suppressionColumns+` FROM suppressions s
			WHERE ended_at IS NULL AND (@id::bigint = 0 OR id = @id) AND (@number = '' OR number = @number)
			  AND CASE @scope WHEN 'all' THEN campaign_id IS NULL AND purpose IS NULL WHEN 'campaign' THEN campaign_id IS NOT NULL
			      WHEN 'purpose' THEN purpose IS NOT NULL ELSE true END
			  AND (@campaign = '' OR campaign_id = (SELECT c.id FROM campaigns c WHERE c.name = @campaign)) AND (@purpose = '' OR purpose = @purpose)
			ORDER BY campaign_id NULLS FIRST, purpose NULLS FIRST FOR UPDATE OF s`,
			pgx.StrictNamedArgs{
				"id": which.ID, "number": which.Number, "scope": which.Scope, "campaign": plain(which.Campaign), "purpose": plain(which.Purpose),
			})
		switch {
		case err != nil:
			return err
		case len(found) == 0:
			return campaign.ErrNotFound
		//guard:false storage.TestLiftOneScope: lifting one suppression lifts no other
		case len(found) > 1:
			return app.SeveralError{Found: found}
		}
		lifted = found[0]
		return endSuppression(ctx, tx, by, "suppressions.remove", lifted, nil)
	})
	if err != nil {
		return app.Suppression{}, fmt.Errorf("take a number off the suppression list: %w", err)
	}
	return lifted, nil
}

func endSuppression(ctx context.Context, tx pgx.Tx, by app.Actor, action string, s app.Suppression, after fields) error {
	if _, err := tx.Exec(ctx, `UPDATE suppressions SET ended_at = now() WHERE id = $1`, s.ID); err != nil {
		return err
	}
	return audit(ctx, tx, by, auditEntry{action: action, object: "suppressions", before: suppressionFields([]app.Suppression{s}), after: after})
}

const suppressionColumns = `id, number, source, note, coalesce((SELECT c.name FROM campaigns c WHERE c.id = campaign_id), ''), coalesce(purpose, ''), invalid, created_at, expires_at, ended_at`

func scanSuppression(row pgx.CollectableRow) (s app.Suppression, err error) {
	err = row.Scan(&s.ID, &s.Number, &s.Source, &s.Note, &s.Campaign, &s.Purpose, &s.Invalid, &s.CreatedAt, (*zeronull.Timestamptz)(&s.ExpiresAt), (*zeronull.Timestamptz)(&s.EndedAt))
	return s, err
}

// Suppressions streams the list, expired entries too: those of all campaigns in the
// order of their numbers, then those of one campaign or one purpose.
func (db *DB) Suppressions(ctx context.Context) iter.Seq2[app.Suppression, error] {
	ofAll := stream(ctx, db, `SELECT `+suppressionColumns+` FROM suppressions WHERE number > $1 AND campaign_id IS NULL AND purpose IS NULL AND ended_at IS NULL ORDER BY number LIMIT $2`,
		"", scanSuppression, func(s app.Suppression) string { return s.Number })
	ofOne := db.suppressionsByID(ctx, `SELECT `+suppressionColumns+` FROM suppressions WHERE id > $1 AND (campaign_id IS NOT NULL OR purpose IS NOT NULL) AND ended_at IS NULL ORDER BY id LIMIT $2`)
	return func(yield func(app.Suppression, error) bool) {
		for _, list := range []iter.Seq2[app.Suppression, error]{ofAll, ofOne} {
			for s, err := range list {
				if !yield(s, err) || err != nil {
					return
				}
			}
		}
	}
}

// EndedSuppressions streams the suppressions that were lifted or replaced, in the order
// of their end.
func (db *DB) EndedSuppressions(ctx context.Context) iter.Seq2[app.Suppression, error] {
	return db.suppressionsByID(ctx, `SELECT `+suppressionColumns+` FROM suppressions WHERE id > $1 AND ended_at IS NOT NULL ORDER BY id LIMIT $2`)
}

// suppressionsByID streams the results of a query, in the order of ids.
func (db *DB) suppressionsByID(ctx context.Context, query string) iter.Seq2[app.Suppression, error] {
	return stream(ctx, db, query, int64(0), scanSuppression, func(s app.Suppression) int64 { return s.ID })
}
