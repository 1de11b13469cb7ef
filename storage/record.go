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

// Record stores what is known after the POST, and decides again where the contact
// belongs. A webhook may have come first, and the same outcome may be recorded
// twice: neither changes what is known already. Outcomes share transactions with
// each other and with events.
func (db *DB) Record(ctx context.Context, id uuid.UUID, o campaign.Outcome) (err error) {
	o.Evidence = clean(o.Evidence)
	u := callUpdate{attempt: id, outcome: o}
	if o.Kind == campaign.OutcomeRefused && campaign.Remedies[o.Refusal].Pause {
		err = db.recordAndPause(ctx, u)
	} else {
		err = db.updates.do(ctx, u)
	}
	if err != nil {
		return fmt.Errorf("record outcome of attempt %s: %w", id, err)
	}
	return nil
}

// recordAndPause pauses the campaign first, because campaigns are locked before
// contacts.
func (db *DB) recordAndPause(ctx context.Context, u callUpdate) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		if err := pauseForRefusal(ctx, tx, u.attempt, u.outcome.Refusal); err != nil {
			return err
		}
		results, err := applyUpdates(ctx, tx, []callUpdate{u}, true)
		return errors.Join(append(results, err)...)
	})
}

// pauseForRefusal pauses the campaign of an attempt that was refused for a reason
// that concerns more than this call. An outcome that is recorded again, after a
// person resumed the campaign, does not pause it again.
func pauseForRefusal(ctx context.Context, tx pgx.Tx, attempt uuid.UUID, r campaign.Refusal) error {
	var campaignID int64 // 0 for a manual call
	var first bool
	err := tx.QueryRow(ctx, `SELECT coalesce(campaign_id, 0), state IN ('dialing', 'unknown') FROM attempts WHERE id = $1`, attempt).Scan(&campaignID, &first)
	if err != nil || !first || campaignID == 0 {
		return err
	}
	c, err := lockCampaign(ctx, tx, campaignID)
	if err != nil || !c.mayPause() {
		return err
	}
	if err := c.pause(ctx, tx, app.Dialer, "refused by Vonage: "+string(r), campaign.Caller); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, raiseAlarm, nil, campaign.AlarmPaused,
		fmt.Sprintf("campaign %d was paused, because Vonage refused a call: %s", campaignID, r))
	return err
}
