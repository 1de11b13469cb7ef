package storage

import (
	"context"
	"errors"
	"fmt"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// DecideAttempt settles the attempt of an open alarm by a person's decision, and
// resolves the alarms of its kind. campaign.ErrNotFound: there is no such alarm.
func (db *DB) DecideAttempt(ctx context.Context, by app.Actor, alarm int64, d app.AttemptDecision) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		var id uuid.UUID
		err := tx.QueryRow(ctx, `SELECT attempt_id FROM alarms WHERE id = $1 AND kind = ANY ($2) AND (resolved_at IS NULL OR last_at > resolved_at)`, alarm, app.Decidable).Scan(&id)
		if err != nil {
			return translate(err)
		}
		of, err := ownerOf(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := withOwners(ctx, tx, []owner{of}, func(c *contactTx) error { return c.settle(ctx, tx, by, id, d) }); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE alarms SET resolved_at = clock_timestamp(), resolved_by = $3
			WHERE kind = ANY ($2) AND attempt_id = $1 AND (resolved_at IS NULL OR last_at > resolved_at)`, id, app.Decidable, plain(by.Name))
		if err != nil {
			return err
		}
		return audit(ctx, tx, by, auditEntry{
			action: "attempts.decide", object: "attempt " + id.String(), after: fields{"decision": d.Word, "call": plain(d.CallUUID)},
		})
	})
	if err != nil {
		return fmt.Errorf("decide about alarm %d: %w", alarm, err)
	}
	return nil
}

// settle carries out a person's decision about an attempt that is unknown or lost.
func (c *contactTx) settle(ctx context.Context, tx pgx.Tx, by app.Actor, id uuid.UUID, d app.AttemptDecision) error {
	a := c.attempts[c.find(id)]
	if a.State != campaign.Unknown && a.State != campaign.Lost {
		return fmt.Errorf("the attempt is %s by now", a.State)
	}
	switch d.Word {
	case app.DecideItsCall:
		return c.bindByPerson(ctx, tx, id, d.CallUUID)
	case app.DecideCalled:
		a.State = campaign.Lost
	case app.DecideNoCall:
		//guard:false storage.TestDecideAttempt: a call that Vonage said it made is not decided away
		if a.MustExist {
			return errors.New("Vonage said that it made the call: decide with --called or --its-call")
		}
		a.State = campaign.Absent
		if _, err := tx.Exec(ctx, `UPDATE attempts SET absent_by = $2 WHERE id = $1`, id, plain(by.Name)); err != nil {
			return err
		}
	default:
		return fmt.Errorf("decision %q is none", d.Word)
	}
	c.replace(a, campaign.Operator)
	return nil
}

// bindByPerson gives the attempt a call of Vonage's list that belongs to no other
// attempt.
func (c *contactTx) bindByPerson(ctx context.Context, tx pgx.Tx, id uuid.UUID, call string) error {
	records, err := collect(ctx, tx, scanRecord, `
		WITH bound AS (
			UPDATE provider_calls SET attempt_id = $2, matched_by = 'person', matched_at = clock_timestamp(), folded = true
			WHERE call_uuid = ANY ($1) AND attempt_id IS NULL RETURNING *)
		SELECT `+recordColumns+` FROM bound c`, campaign.CallSpellings(plain(call)), id)
	if err != nil {
		return err
	}
	if len(records) == 0 {
		return fmt.Errorf("Vonage's list has shown no call %q that is of no attempt", call)
	}
	c.fold(id, records[0], campaign.Provider)
	if c.attempts[c.find(id)].CallUUID == "" {
		return fmt.Errorf("Vonage's record of call %q has other numbers than the attempt", call)
	}
	return nil
}

// openBlocks are the alarms with which a person decides about these attempts.
func openBlocks(ctx context.Context, q querier, attempts []campaign.Attempt) ([]app.RaisedAlarm, error) {
	return collect(ctx, q, scanAlarm, `
		SELECT m.id, m.kind, m.attempt_id, m.detail, '', m.times, m.at, m.last_at, m.resolved_at, m.resolved_by
		FROM alarms m WHERE m.kind = ANY ($1) AND m.attempt_id = ANY ($2)
		AND (resolved_at IS NULL OR last_at > resolved_at) IS TRUE -- so: not by the index of all open ones
		ORDER BY m.id`,
		app.Decidable, column(attempts, func(a campaign.Attempt) uuid.UUID { return a.ID }))
}
