package storage

import (
	"context"
	"errors"
	"fmt"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// RingBack stores a call from a person and returns what is needed to say their latest
// message again: the message of the last call to their number, in a campaign that
// allows ringing back and was not stopped. campaign.ErrNotFound: there is none. For the
// same call it returns the same again.
func (db *DB) RingBack(ctx context.Context, in campaign.InboundCall) (campaign.Placement, error) {
	var id, attempt uuid.UUID
	err := db.pool.QueryRow(ctx, `
		WITH latest AS (
			SELECT a.id, a.contact_id FROM attempts a JOIN campaigns c ON c.id = a.campaign_id
			WHERE a.to_number = @from AND a.state IN ('accepted', 'ended')
			  AND c.settings->'message'->>'ring_back' = 'true' AND c.status <> 'stopped'
			ORDER BY a.dialed_at DESC NULLS LAST, a.id DESC LIMIT 1
		), added AS (
			INSERT INTO inbound_calls (id, call_uuid, conversation_uuid, from_number, to_number, contact_id, attempt_id)
			SELECT @id, @call, @conversation, @from, @to, contact_id, id FROM latest
			ON CONFLICT (call_uuid) DO UPDATE SET call_uuid = excluded.call_uuid
			RETURNING id, attempt_id
		)
		SELECT id, attempt_id FROM added`, pgx.StrictNamedArgs{
		"id": in.ID, "call": plain(in.CallUUID), "conversation": zeronull.Text(plain(in.ConversationUUID)),
		"from": in.From, "to": zeronull.Text(in.To),
	}).Scan(&id, &attempt)
	if err != nil {
		return campaign.Placement{}, fmt.Errorf("find the latest message of who rang: %w", translate(err))
	}
	return db.inboundPlacement(ctx, id, attempt)
}

// InboundPlacement reads what is needed to answer an inbound call; campaign.ErrNotFound
// if there is none with that id.
func (db *DB) InboundPlacement(ctx context.Context, id uuid.UUID) (campaign.Placement, error) {
	var attempt uuid.UUID
	err := db.pool.QueryRow(ctx, `SELECT attempt_id FROM inbound_calls WHERE id = $1`, id).Scan(&attempt)
	if err != nil {
		return campaign.Placement{}, fmt.Errorf("find a call that came in: %w", translate(err))
	}
	return db.inboundPlacement(ctx, id, attempt)
}

func (db *DB) inboundPlacement(ctx context.Context, id, attempt uuid.UUID) (campaign.Placement, error) {
	p, err := db.Placement(ctx, attempt)
	p.Inbound = id
	return p, err
}

// receiveInbound stores an event of an inbound call, and its part about the dialogue.
// It changes no attempt: the call belongs to none.
func (db *DB) receiveInbound(ctx context.Context, r campaign.Received) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		var b pgx.Batch
		seen := queueTokens(&b, tokensOf(r))
		if err := tx.SendBatch(ctx, &b).Close(); err != nil {
			return err
		}
		if err := seen.judge(r.Token); err != nil {
			return err
		}
		var events pgx.Batch
		queueEvents(&events, []attributedEvent{{Received: r}})
		if err := tx.SendBatch(ctx, &events).Close(); err != nil {
			return err
		}
		var contact int64
		var attempt uuid.UUID
		err := tx.QueryRow(ctx, `SELECT contact_id, attempt_id FROM inbound_calls WHERE id = $1`, r.InboundID).Scan(&contact, &attempt)
		if errors.Is(err, pgx.ErrNoRows) || err == nil && r.Said.Zero() && r.Recording == nil {
			return nil
		}
		if err != nil {
			return err
		}
		if r.Recording != nil {
			var b pgx.Batch
			queueRecording(&b, *r.Recording, uuid.Nil, r.InboundID)
			return tx.SendBatch(ctx, &b).Close()
		}
		err = withContacts(ctx, tx, []int64{contact}, func(c *contactTx) error { return c.saidInbound(ctx, tx, r) })
		if err == nil && r.Said.OptOut != "" {
			err = suppressCalled(ctx, tx, callUpdate{attempt: attempt, event: &r})
		}
		return err
	})
}

func tokensOf(r campaign.Received) []campaign.SeenToken {
	if r.Token.ExpiresAt.IsZero() {
		return nil
	}
	return []campaign.SeenToken{r.Token}
}

// saidInbound adds an event's part about the dialogue of an inbound call. The contact
// is locked, so nobody else changes the row.
func (c *contactTx) saidInbound(ctx context.Context, tx pgx.Tx, r campaign.Received) error {
	var a campaign.Attempt // the fields of an attempt that FoldSaid changes
	err := tx.QueryRow(ctx, `SELECT call_uuid, heard_at, keys FROM inbound_calls WHERE id = $1`, r.InboundID).
		Scan(&a.CallUUID, (*zeronull.Timestamptz)(&a.HeardAt), &a.Keys)
	if err != nil {
		return err
	}
	a = campaign.FoldSaid(a, r.Evidence, r.Said, c.campaign.Settings.Message)
	_, err = tx.Exec(ctx, `UPDATE inbound_calls SET heard_at = $2, keys = $3, result = $4 WHERE id = $1`,
		r.InboundID, zeronull.Timestamptz(a.HeardAt), a.Keys, zeronull.Text(a.Result))
	if err != nil {
		return err
	}
	back := &c.contact.RangBack
	return tx.QueryRow(ctx, `SELECT `+rangBackColumns+` FROM `+rangBackOf, c.contact.ID).
		Scan((*zeronull.Timestamptz)(&back.HeardAt), (*zeronull.Timestamptz)(&back.LastHeardAt), (*zeronull.Text)(&back.Result), (*zeronull.Timestamptz)(&back.ResultAt))
}

// rangBackOf are a contact's own calls, and rangBackColumns their results.
const (
	rangBackColumns = `i.heard_at, i.last_heard_at, i.result, i.result_at`
	rangBackOf      = `(SELECT min(heard_at) AS heard_at, max(heard_at) AS last_heard_at, (array_agg(result ORDER BY received_at DESC) FILTER (WHERE result IS NOT NULL))[1] AS result,
		max(received_at) FILTER (WHERE result IS NOT NULL) AS result_at FROM inbound_calls WHERE contact_id = $1) AS i`
)

// inboundCallsOf are a contact's own calls, oldest first.
func inboundCallsOf(ctx context.Context, tx pgx.Tx, contact int64) ([]app.InboundCall, error) {
	return collect(ctx, tx, func(row pgx.CollectableRow) (i app.InboundCall, err error) {
		err = row.Scan(&i.CallUUID, &i.ReceivedAt, (*zeronull.Timestamptz)(&i.HeardAt), &i.Keys, (*zeronull.Text)(&i.Result))
		return i, err
	}, `SELECT call_uuid, received_at, heard_at, array_remove(keys, ''), result FROM inbound_calls WHERE contact_id = $1 ORDER BY received_at`, contact)
}
