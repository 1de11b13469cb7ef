package storage

import (
	"context"
	"fmt"
	"time"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
)

// seeTokens stores the tokens of webhooks, unless they are stored already. It does so
// in the order of their hashes, so that two transactions wait for each other in one
// direction only.
const seeTokens = `
	INSERT INTO seen_tokens (token, request, expires_at)
	SELECT token, request, expires_at FROM unnest(@token::bytea[], @request::bytea[], @expires::timestamptz[])
	AS t (token, request, expires_at) ORDER BY token
	ON CONFLICT (token) DO NOTHING
	RETURNING token`

// tokenCheck has the tokens of one transaction: those that are new in it, and the first
// requests of the others.
type tokenCheck struct {
	added    map[[32]byte]bool
	requests map[[32]byte][32]byte
}

// queueTokens stores the tokens, and reads what is needed to judge them. The second
// statement begins after the first one's wait, and so sees what others committed in the
// meantime.
func queueTokens(b *pgx.Batch, list []campaign.SeenToken) *tokenCheck {
	c := &tokenCheck{added: map[[32]byte]bool{}, requests: map[[32]byte][32]byte{}}
	if len(list) == 0 {
		return c
	}
	tokens := column(list, func(t campaign.SeenToken) []byte { return t.Token[:] })
	var token, request []byte
	b.Queue(seeTokens, pgx.StrictNamedArgs{
		"token":   tokens,
		"request": column(list, func(t campaign.SeenToken) []byte { return t.Request[:] }),
		"expires": column(list, func(t campaign.SeenToken) time.Time { return t.ExpiresAt }),
	}).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&token}, func() error { c.added[[32]byte(token)] = true; return nil })
		return err
	})
	b.Queue(`SELECT token, request FROM seen_tokens WHERE token = ANY ($1)`, tokens).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&token, &request}, func() error {
			c.requests[[32]byte(token)] = [32]byte(request)
			return nil
		})
		return err
	})
	return c
}

// judge returns nil for the first webhook of a token that is new.
func (c *tokenCheck) judge(t campaign.SeenToken) error {
	switch {
	case t.ExpiresAt.IsZero():
		return nil
	//guard:false storage.TestATokenIsForOneRequest: a token is for one request
	case c.requests[t.Token] != t.Request:
		return campaign.ErrTokenReused
	//guard:false storage.TestAWebhookIsStoredOnce: a webhook that comes again is stored once
	case !c.added[t.Token]:
		return campaign.ErrRepeated
	}
	delete(c.added, t.Token) // of several in one transaction the first counts
	return nil
}

// SeeToken stores the token of a webhook that stores nothing else. It returns
// campaign.ErrRepeated or campaign.ErrTokenReused if the token came before.
func (db *DB) SeeToken(ctx context.Context, t campaign.SeenToken) error {
	var c *tokenCheck
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		var b pgx.Batch
		c = queueTokens(&b, []campaign.SeenToken{t})
		return tx.SendBatch(ctx, &b).Close()
	})
	if err != nil {
		return fmt.Errorf("keep a webhook's token: %w", err)
	}
	return c.judge(t)
}

// seenTokensKept is the extra time for which tokens are stored, in case the clocks of
// the database and of the processes differ.
const seenTokensKept = 10 * time.Minute

// ForgetTokens deletes tokens that are refused as too old, and returns how many.
func (db *DB) ForgetTokens(ctx context.Context) (int, error) {
	tag, err := db.pool.Exec(ctx, `
		DELETE FROM seen_tokens WHERE token IN (
			SELECT token FROM seen_tokens WHERE expires_at < clock_timestamp() - $1::interval
			ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)`, seenTokensKept, forgottenTokens)
	if err != nil {
		return 0, fmt.Errorf("forget old tokens of webhooks: %w", err)
	}
	return int(tag.RowsAffected()), nil
}

// forgottenTokens is the most tokens that one sweep deletes. That is some hundred
// webhooks a second.
const forgottenTokens = 5000
