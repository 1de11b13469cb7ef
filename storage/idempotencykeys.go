package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
)

// answersKept is how long a request may be repeated with its key.
const answersKept = 48 * time.Hour

// ClaimAnswer claims a key, or finds the answer stored under it. It deletes old
// answers.
func (db *DB) ClaimAnswer(ctx context.Context, actor, key string, request []byte, lease time.Duration) (kept app.KeptAnswer, claimed bool, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM api_answers WHERE claimed_at < now() - $1::interval`, answersKept); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `INSERT INTO api_answers (actor, key, request) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, plain(actor), plain(key), request)
		if claimed = err == nil && tag.RowsAffected() > 0; err != nil || claimed {
			return err
		}
		var of []byte
		var status *int
		var died bool
		err = tx.QueryRow(ctx, `
			SELECT request, status, header, body, claimed_at < clock_timestamp() - $3::interval FROM api_answers
			WHERE actor = $1 AND key = $2 FOR UPDATE`, plain(actor), plain(key), lease).Scan(&of, &status, &kept.Header, &kept.Body, &died)
		switch {
		case err != nil:
			return err
		case !bytes.Equal(of, request):
			return app.ErrOtherRequest
		//guard:false internal/httpapi.TestKeyOfADeadProcess: a request whose process died is served when it comes again
		case status == nil && lease > 0 && died:
			claimed = true
			_, err = tx.Exec(ctx, `UPDATE api_answers SET claimed_at = clock_timestamp() WHERE actor = $1 AND key = $2`, plain(actor), plain(key))
			return err
		case status == nil:
			return app.ErrInProgress
		}
		kept.Status = *status
		return nil
	})
	if errors.Is(err, campaign.ErrNotFound) { // it became too old in between
		err = app.ErrInProgress
	}
	if err != nil {
		return app.KeptAnswer{}, false, fmt.Errorf("claim an answer: %w", err)
	}
	return kept, claimed, nil
}

// KeepAnswer stores an answer.
func (db *DB) KeepAnswer(ctx context.Context, actor, key string, a app.KeptAnswer) error {
	_, err := db.pool.Exec(ctx, `UPDATE api_answers SET status = $3, header = $4, body = $5 WHERE actor = $1 AND key = $2`,
		plain(actor), plain(key), a.Status, a.Header, a.Body)
	if err != nil {
		return fmt.Errorf("keep an answer: %w", err)
	}
	return nil
}

// DropAnswer releases a claim.
func (db *DB) DropAnswer(ctx context.Context, actor, key string) error {
	if _, err := db.pool.Exec(ctx, `DELETE FROM api_answers WHERE actor = $1 AND key = $2 AND status IS NULL`, plain(actor), plain(key)); err != nil {
		return fmt.Errorf("drop an answer: %w", err)
	}
	return nil
}
