package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// orderHangUp orders a hang-up, because the evidence proves a call that should not be
// up. The attempt is locked, and as it was before the evidence.
func orderHangUp(ctx context.Context, tx pgx.Tx, a campaign.Attempt, e campaign.Evidence, why string) error {
	call, kept := e.CallUUID, ""
	if why == campaign.AlarmSecondCall {
		var err error
		if call, kept, err = surplus(ctx, tx, a, e); err != nil || call == "" {
			return err
		}
	}
	_, err := tx.Exec(ctx, insertHangUp, pgx.StrictNamedArgs{
		"call": call, "attempt": a.ID, "why": why, "kept": zeronull.Text(kept), "max": campaign.MaxHangUps,
		"late": campaign.AlarmLateEvidence,
	})
	return err
}

// insertHangUp never orders the end of a call that an earlier order spared: one of an
// attempt's calls stays up. While the dial lock is set it orders none, because this
// database may have forgotten calls that it made itself.
const insertHangUp = `
	INSERT INTO hangups (call_uuid, attempt_id, why, kept_call_uuid)
	SELECT @call, @attempt, @why, @kept
	-- guard:value storage.TestHangUpsPerAttemptAreBounded: few calls are hung up for one attempt
	WHERE (SELECT count(*) FROM hangups WHERE attempt_id = @attempt) < @max
	  -- guard:drop storage.TestHangUpOfSecondCall: of two calls one is not hung up
	  AND NOT EXISTS (SELECT FROM hangups WHERE attempt_id = @attempt AND kept_call_uuid = ANY (call_spellings(@call)))
	  AND EXISTS (SELECT FROM database_identity WHERE NOT locked)
	  -- A late call is the person's only one unless the telephone was called again
	  -- since: such a call may be up, or has reached the person.
	  -- guard:value storage.TestHangUpOfLateCall: a late call is hung up only when a successor passed the gate
	  AND (@why <> @late OR EXISTS (
		SELECT FROM attempts a JOIN attempts s ON s.to_number = a.to_number AND s.dialed_at > a.dialed_at
		WHERE a.id = @attempt AND s.id <> a.id
		  AND (s.state IN ('dialing', 'unknown', 'accepted')
		    OR s.contact_id = a.contact_id AND s.state = 'ended' AND s.disposition IN ('answered', 'human', 'machine'))))
	ON CONFLICT DO NOTHING`

// surplus picks which of the attempt's two calls to hang up, by their beginnings. It
// picks none while the attempt's own call is known only from Vonage's list: that one
// was matched by numbers and time, and the other may be the attempt's true call.
func surplus(ctx context.Context, tx pgx.Tx, a campaign.Attempt, e campaign.Evidence) (call, kept string, err error) {
	var own, other time.Time
	var firstHand bool
	err = tx.QueryRow(ctx, `
		SELECT (SELECT min(provider_at) FROM events WHERE call_uuid = ANY (call_spellings(@own)) AND attempt_id = @attempt),
		       (SELECT min(provider_at) FROM events WHERE call_uuid = ANY (call_spellings(@other)) AND attempt_id = @attempt),
		       EXISTS (SELECT FROM events WHERE call_uuid = ANY (call_spellings(@own)) AND attempt_id = @attempt)
		       OR EXISTS (SELECT FROM attempts WHERE id = @attempt AND changed_by = 'caller')`,
		pgx.StrictNamedArgs{"own": a.CallUUID, "other": e.CallUUID, "attempt": a.ID}).
		Scan((*zeronull.Timestamptz)(&own), (*zeronull.Timestamptz)(&other), &firstHand)
	//guard:value(err != nil) storage.TestCallMatchedByTheListHangsUpNoOther: a call that was matched by the list hangs up no other
	if err != nil || !firstHand {
		return "", "", err
	}
	call, kept = campaign.Surplus(a, e, own, other)
	return call, kept, nil
}

// noteHangUp stores in an attempt when its call was first asked to end. Later statuses
// from Vonage are caused by us.
const noteHangUp = `
	WITH call AS (
		SELECT id FROM attempts WHERE call_uuid = ANY (@spellings) AND state = 'accepted'
	), noted AS (
		UPDATE attempts a SET hung_up_at = clock_timestamp(), hung_up_by = @request
		FROM call WHERE a.id = call.id AND a.state = 'accepted' AND a.hung_up_at IS NULL
	)
	SELECT clock_timestamp() FROM call`

// HangUpOrdered records that a request to Vonage to end a call is about to be sent, and
// returns its time.
func (db *DB) HangUpOrdered(ctx context.Context, r campaign.HangUpRequest) (campaign.HangUpRequest, error) {
	err := db.pool.QueryRow(ctx, noteHangUp, pgx.StrictNamedArgs{
		"spellings": campaign.CallSpellings(plain(r.CallUUID)), "request": r.ID,
	}).Scan(&r.At)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return r, fmt.Errorf("note the order to hang up: %w", err)
	}
	return r, nil
}

// HangUpAnswered stores the result of a request to end a call, and decides again how
// the call ended and where its contact belongs.
func (db *DB) HangUpAnswered(ctx context.Context, r campaign.HangUpRequest, e campaign.Effect) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error { return foldHangUp(ctx, tx, r, e) })
	if err != nil {
		return fmt.Errorf("store what came of a hang-up: %w", err)
	}
	return nil
}

func foldHangUp(ctx context.Context, tx pgx.Tx, r campaign.HangUpRequest, e campaign.Effect) error {
	found, err := collect(ctx, tx, scanTarget, `SELECT id, contact_id FROM attempts WHERE call_uuid = ANY ($1)`,
		campaign.CallSpellings(plain(r.CallUUID)))
	if err != nil {
		return err
	}
	for _, t := range found {
		err := withOwners(ctx, tx, []owner{t.owner}, func(c *contactTx) error {
			c.replace(campaign.FoldHangUp(c.attempts[c.find(t.attempt)], r, e), campaign.Provider)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// PendingHangUps takes up to limit due orders. No other process takes them for hold,
// and for twice as long after each try. If Vonage has reported that the call of an
// order is over, the order is closed.
func (db *DB) PendingHangUps(ctx context.Context, limit int, hold time.Duration) ([]campaign.HangUp, error) {
	list, err := collect(ctx, db.pool, scanHangUp, `
		WITH due AS (
			SELECT call_uuid, attempt_id FROM hangups WHERE state = 'pending' AND next_try <= now()
			ORDER BY next_try LIMIT @limit FOR UPDATE SKIP LOCKED
		), seen AS (
			SELECT d.call_uuid,
			       EXISTS (SELECT FROM events WHERE attempt_id = d.attempt_id AND call_uuid = ANY (call_spellings(d.call_uuid)) AND status = ANY (@ends))
			       -- guard:value storage.TestHangUpInAnyWording: an order whose call has ended is closed, however the call is written
			       OR EXISTS (SELECT FROM attempts WHERE call_uuid = ANY (call_spellings(d.call_uuid)) AND state = 'ended') AS over
			FROM due d
		), taken AS (
			UPDATE hangups h SET
				state = CASE WHEN over THEN 'already_ended' ELSE 'pending' END,
				answer = CASE WHEN over THEN 'Vonage had reported that it was over' ELSE answer END,
				tries = CASE WHEN over THEN tries ELSE tries + 1 END,
				next_try = clock_timestamp() + @hold::interval * (2 ^ least(tries, 10)),
				changed_at = clock_timestamp()
			FROM seen WHERE h.call_uuid = seen.call_uuid
			RETURNING h.call_uuid, h.attempt_id, h.why, h.tries, h.state
		), requests AS MATERIALIZED (
			SELECT *, gen_random_uuid() AS request, clock_timestamp() AS requested_at FROM taken WHERE state = 'pending'
		), noted AS (
			UPDATE attempts a SET hung_up_at = r.requested_at, hung_up_by = r.request
			-- guard:value storage.TestHangUpInAnyWording: our own hang-up is noted with the attempt, however its call is written
			FROM requests r WHERE a.call_uuid = ANY (call_spellings(r.call_uuid)) AND a.state = 'accepted' AND a.hung_up_at IS NULL
		)
		SELECT call_uuid, attempt_id, why, tries, request,
		       CASE WHEN EXISTS (SELECT FROM attempts a WHERE a.call_uuid = ANY (call_spellings(r.call_uuid)) AND a.state = 'accepted') THEN requested_at END
		FROM requests r`,
		pgx.StrictNamedArgs{"limit": limit, "hold": hold, "ends": campaign.EndWords()})
	if err != nil {
		return nil, fmt.Errorf("take hang-ups that are pending: %w", err)
	}
	return list, nil
}

func scanHangUp(row pgx.CollectableRow) (h campaign.HangUp, err error) {
	err = row.Scan(&h.CallUUID, &h.AttemptID, &h.Why, &h.Tries, &h.Request.ID, (*zeronull.Timestamptz)(&h.Request.At))
	h.Request.CallUUID = h.CallUUID
	return h, err
}

// HungUp stores the result of a try, with an audit entry, and decides again how the
// call ended. It raises an alarm when a hang-up is given up.
func (db *DB) HungUp(ctx context.Context, h campaign.HangUp, t campaign.HangUpTry) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		var writes pgx.Batch
		writes.Queue(`
			UPDATE hangups SET state = $2, answer = $3, changed_at = clock_timestamp()
			WHERE call_uuid = $1 AND state = 'pending'`, h.CallUUID, t.State, plain(t.Answer))
		writes.Queue(insertAudit, auditArgs(app.Dialer, callChange(app.CallAction{
			CallUUID: h.CallUUID, Action: "hangup", Detail: h.Why, Outcome: t.Effect, Answer: t.Answer,
		})))
		if t.State == campaign.HangUpFailed {
			queueAlarm(&writes, campaign.Alarm{
				Kind: campaign.AlarmHangUpFailed, AttemptID: h.AttemptID,
				Detail: fmt.Sprintf("call %q could not be ended in %d tries", h.CallUUID, h.Tries),
			})
		}
		if err := tx.SendBatch(ctx, &writes).Close(); err != nil {
			return err
		}
		return foldHangUp(ctx, tx, h.Request, t.Effect)
	})
	if err != nil {
		return fmt.Errorf("store the hang-up of attempt %s: %w", h.AttemptID, err)
	}
	return nil
}
