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

// Record stores the outcome of the POST, and decides the contact again. A webhook may
// have come first, and the same outcome may be recorded twice: neither changes known
// facts. Outcomes share transactions with each other and with events.
func (db *DB) Record(ctx context.Context, id uuid.UUID, o campaign.Outcome) (err error) {
	o.Evidence, o.Said = clean(o.Evidence), plain(o.Said)
	u := callUpdate{attempt: id, outcome: o}
	if o.Kind == campaign.OutcomeRefused && (o.Refusal == campaign.RefusedInvalid || campaign.Remedies[o.Refusal].Pause) {
		err = db.recordRefusal(ctx, u)
	} else {
		err = db.updates.do(ctx, u)
	}
	if err != nil {
		return fmt.Errorf("record outcome of attempt %s: %w", id, err)
	}
	return nil
}

// recordRefusal records a refusal that may concern the whole campaign. It locks the
// campaign first, because campaigns are locked before contacts, and so that of
// several refusals at once each sees the ones before it.
func (db *DB) recordRefusal(ctx context.Context, u callUpdate) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		if err := judgeRefusal(ctx, tx, &u); err != nil {
			return err
		}
		results, err := applyUpdates(ctx, tx, []callUpdate{u}, true)
		return errors.Join(append(results, err)...)
	})
}

// judgeRefusal finds out whether the refusal concerns the whole campaign, and then
// pauses it. If an outcome is recorded again after a person resumed the campaign, it
// does not pause the campaign again.
func judgeRefusal(ctx context.Context, tx pgx.Tx, u *callUpdate) error {
	var campaignID int64 // 0 for a manual call
	var first bool
	err := tx.QueryRow(ctx, `SELECT coalesce(campaign_id, 0), state IN ('dialing', 'unknown') FROM attempts WHERE id = $1`, u.attempt).Scan(&campaignID, &first)
	if err != nil || !first || campaignID == 0 {
		return err
	}
	c, err := lockCampaign(ctx, tx, campaignID)
	if err != nil {
		return err
	}
	if u.outcome.Refusal == campaign.RefusedInvalid {
		if err := judgeInvalid(ctx, tx, c, u); err != nil {
			return err
		}
	}
	if !campaign.Remedies[u.outcome.Refusal].Pause || !c.status.Rule().MayPause {
		return nil
	}
	why := string(u.outcome.Refusal)
	if u.outcome.Said != "" {
		why += ": " + u.outcome.Said
	}
	if err := c.pause(ctx, tx, app.Dialer, "refused by Vonage: "+why, campaign.Caller); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, raiseAlarm, nil, campaign.AlarmPaused,
		fmt.Sprintf("campaign %d was paused, because Vonage refused a call: %s", campaignID, why))
	return err
}

// judgeInvalid makes the contacts whose refusals were caused by the campaign due again
// once it is resumed.
func judgeInvalid(ctx context.Context, tx pgx.Tx, c lockedCampaign, u *callUpdate) error {
	refusal, before, err := refusalsBefore(ctx, tx, c.id, *u)
	if err != nil {
		return err
	}
	of, too := campaign.JudgeInvalid(refusal, before, c.status == campaign.Paused)
	u.outcome.Refusal = of
	if len(too) == 0 {
		return nil
	}
	contacts := column(too, func(a campaign.RefusedPost) int64 { return a.ContactID })
	// This contact is included, so that all are locked in their order.
	return withContacts(ctx, tx, append(contacts, refusal.ContactID), func(k *contactTx) error {
		for _, b := range too {
			if i := k.find(b.AttemptID); i >= 0 && k.attempts[i].State == campaign.Refused {
				a := k.attempts[i]
				a.Note = string(campaign.RefusedAlike)
				k.replace(a, campaign.Caller)
			}
		}
		return nil
	})
}

// refusalsBefore reads the refusal with the needed facts about its contact, and the
// campaign's latest refusals before it.
func refusalsBefore(ctx context.Context, tx pgx.Tx, campaignID int64, u callUpdate) (refusal campaign.RefusedPost, before []campaign.RefusedPost, err error) {
	list, err := collect(ctx, tx, pgx.RowToStructByPos[campaign.RefusedPost], `
		SELECT a.id, a.contact_id, a.note, coalesce(a.post_error, ''),
		       (SELECT count(*) FROM attempts o WHERE o.contact_id = a.contact_id AND o.note = 'alike'),
		       EXISTS (SELECT FROM attempts made
		               WHERE made.campaign_id = a.campaign_id AND made.call_uuid IS NOT NULL AND made.dialed_at > a.dialed_at)
		FROM (SELECT * FROM attempts WHERE id = $2
		      UNION ALL
		      (SELECT * FROM attempts WHERE campaign_id = $1 AND note IN ('invalid', 'alike') AND id <> $2
		       ORDER BY dialed_at DESC LIMIT 20)) AS a
		ORDER BY a.id = $2 DESC, a.dialed_at DESC`, campaignID, u.attempt)
	if err != nil {
		return campaign.RefusedPost{}, nil, err
	}
	refusal = list[0]
	refusal.Refusal, refusal.Said = u.outcome.Refusal, u.outcome.Said
	return refusal, list[1:], nil
}
