package storage

import (
	"context"
	"errors"
	"fmt"

	"dialer/campaign"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Record stores what is known after the POST, and moves the contact on. A
// webhook may have come first, and the same outcome may be recorded twice:
// neither changes what is known already. Outcomes share transactions with each
// other and with events.
func (db *DB) Record(ctx context.Context, id uuid.UUID, o campaign.Outcome) (err error) {
	db = db.forPlacing()
	o.Evidence = clean(o.Evidence)
	n := news{attempt: id, outcome: o}
	if o.Kind == campaign.OutcomeRefused && campaign.Remedies[o.Refusal].Pause {
		err = db.recordAndPause(ctx, n)
	} else {
		err = db.news.do(ctx, n)
	}
	if err != nil {
		return fmt.Errorf("record outcome of attempt %s: %w", id, err)
	}
	return nil
}

// recordAndPause pauses the campaign first, because campaigns are locked before
// contacts.
func (db *DB) recordAndPause(ctx context.Context, n news) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		if err := pauseForRefusal(ctx, tx, n.attempt, n.outcome.Refusal); err != nil {
			return err
		}
		results, err := tellAll(ctx, tx, []news{n}, true)
		return errors.Join(append(results, err)...)
	})
}

// record stores an outcome without a call.
func (d *dossier) record(id uuid.UUID, o campaign.Outcome) error {
	after, alarms, err := campaign.Conclude(d.attempts[d.find(id)], o)
	if err != nil {
		return err
	}
	d.alarms = append(d.alarms, alarms...)
	d.replace(after, campaign.Placer)
	return nil
}

// pauseForRefusal pauses the campaign of an attempt that was refused for a
// reason that concerns more than this call. Only the first such refusal does:
// one that is recorded again after a person resumed it changes nothing.
func pauseForRefusal(ctx context.Context, tx pgx.Tx, attempt uuid.UUID, r campaign.Refusal) error {
	var campaignID int64
	var first bool
	err := tx.QueryRow(ctx, `SELECT campaign_id, state IN ('dialing', 'unknown') FROM attempts WHERE id = $1`, attempt).Scan(&campaignID, &first)
	if err != nil || !first {
		return err
	}
	paused, err := pauseCampaign(ctx, tx, campaignID, "refused by Vonage: "+string(r), campaign.Placer)
	if err != nil || !paused {
		return err
	}
	_, err = tx.Exec(ctx, raiseAlarm, nil, campaign.AlarmPaused,
		fmt.Sprintf("campaign %d was paused, because Vonage refused a call: %s", campaignID, r))
	return err
}
