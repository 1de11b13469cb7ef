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

// RefuseMessage withdraws a reserved attempt whose message cannot be rendered, and
// pauses its campaign until a person looks. The messages were checked before, so the
// next ones would probably fail too. The contact stays due. why contains no number.
// campaign.ErrStale: the attempt is not reserved.
func (db *DB) RefuseMessage(ctx context.Context, id uuid.UUID, why string) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error { return refuseMessage(ctx, tx, id, plain(why)) })
	if err != nil {
		return fmt.Errorf("withdraw attempt %s for its message: %w", id, err)
	}
	return nil
}

// PauseUnreadable pauses the campaign of an attempt that could not be loaded because
// its settings cannot be read, with an alarm. It reads no settings. The attempts in the
// queue stay reserved, and continue once the settings are corrected and the campaign is
// resumed.
func (db *DB) PauseUnreadable(ctx context.Context, id uuid.UUID, why string) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		var campaignID int64
		if err := tx.QueryRow(ctx, `SELECT campaign_id FROM attempts WHERE id = $1`, id).Scan(&campaignID); err != nil {
			return err
		}
		c, err := lockCampaign(ctx, tx, campaignID)
		if err != nil || !c.status.Rule().MayPause {
			return err
		}
		if _, err := tx.Exec(ctx, raiseAlarm, id, campaign.AlarmMessage, plain(why)); err != nil {
			return err
		}
		return c.move(ctx, tx, app.Dialer, "campaign.pause", campaign.Paused, plain(why))
	})
	if err != nil {
		return fmt.Errorf("pause the campaign of attempt %s, which cannot be read: %w", id, err)
	}
	return nil
}

func refuseMessage(ctx context.Context, tx pgx.Tx, id uuid.UUID, why string) error {
	var campaignID int64
	err := tx.QueryRow(ctx, `SELECT campaign_id FROM attempts WHERE id = $1 AND campaign_id IS NOT NULL`, id).Scan(&campaignID)
	if errors.Is(err, pgx.ErrNoRows) {
		return campaign.ErrStale
	}
	if err != nil {
		return err
	}
	c, err := lockCampaign(ctx, tx, campaignID) // campaigns are locked before contacts
	if err != nil {
		return err
	}
	if err := withdrawReserved(ctx, tx, id, func(pgx.Tx) (campaign.Withdrawal, error) { return campaign.WithdrawnMessage, nil }); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, raiseAlarm, id, campaign.AlarmMessage, why); err != nil {
		return err
	}
	//guard:true storage.TestRefusedMessagePausesTheCampaign: no contact is used up by a message that cannot be made
	if !c.status.Rule().MayPause {
		return nil
	}
	return c.pause(ctx, tx, app.Dialer, "a message cannot be made: "+why, campaign.Caller)
}
