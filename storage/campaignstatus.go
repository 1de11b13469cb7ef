package storage

import (
	"context"
	"fmt"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// lockedCampaign is a campaign's row, locked against claims and other changes of its
// status. If a claim holds the row, we wait for it. So the statements that follow see
// its reservations.
type lockedCampaign struct {
	id       int64
	status   campaign.Status
	reason   string // the reason for the pause
	imported bool
}

func lockCampaign(ctx context.Context, tx pgx.Tx, id int64) (lockedCampaign, error) {
	c := lockedCampaign{id: id}
	err := tx.QueryRow(ctx, `
		SELECT status, coalesce(pause_reason, ''), import_finished_at IS NOT NULL
		FROM campaigns WHERE id = $1 FOR NO KEY UPDATE`, id).Scan(&c.status, &c.reason, &c.imported)
	return c, err
}

// fields describe the campaign in the audit.
func (c lockedCampaign) fields() fields {
	f := fields{"status": c.status}
	if c.status == campaign.Paused {
		f["reason"] = plain(c.reason)
	}
	return f
}

// move stores another status, and adds the change to the audit.
func (c lockedCampaign) move(ctx context.Context, tx pgx.Tx, by app.Actor, action string, to campaign.Status, reason string) error {
	_, err := tx.Exec(ctx, `
		UPDATE campaigns SET status = @status, pause_reason = @reason,
		       stopped_at = CASE WHEN @status = 'stopped' THEN coalesce(stopped_at, clock_timestamp()) END,
		       import_finished_at = CASE WHEN @status = 'running' THEN coalesce(import_finished_at, clock_timestamp()) ELSE import_finished_at END
		WHERE id = @id`,
		pgx.StrictNamedArgs{"id": c.id, "status": to, "reason": zeronull.Text(plain(reason))})
	if err == nil && to != campaign.Paused {
		err = closePauseAlarms(ctx, tx, by, c.id)
	}
	if err != nil {
		return err
	}
	//guard:value(err) internal/app.TestCampaignChangesAreAudited: who changed a campaign is kept
	return audit(ctx, tx, by, auditEntry{
		action: action, object: campaignObject(c.id),
		before: c.fields(), after: lockedCampaign{status: to, reason: reason}.fields(),
	})
}

// FinishImport lets an importing campaign run. A paused one stays paused, and
// runs once it is resumed.
func (db *DB) FinishImport(ctx context.Context, by app.Actor, campaignID int64) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		c, err := lockCampaign(ctx, tx, campaignID)
		if err != nil || c.imported {
			return err
		}
		if c.status == campaign.Importing {
			return c.move(ctx, tx, by, "import.finish", campaign.Running, "")
		} // a draft stays a draft, and a paused campaign stays paused
		if _, err := tx.Exec(ctx, `UPDATE campaigns SET import_finished_at = clock_timestamp() WHERE id = $1`, c.id); err != nil {
			return err
		}
		return audit(ctx, tx, by, auditEntry{action: "import.finish", object: campaignObject(c.id), before: c.fields(), after: c.fields()})
	})
	if err != nil {
		return fmt.Errorf("finish import of campaign %d: %w", campaignID, err)
	}
	return nil
}

// Pause takes effect at its commit: after that no gate lets a call of the campaign
// through. Attempts in the queue are withdrawn and their contacts stay due. Pausing a
// paused campaign changes nothing.
func (db *DB) Pause(ctx context.Context, by app.Actor, campaignID int64, reason string) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		c, err := lockCampaign(ctx, tx, campaignID)
		switch {
		case err != nil || c.status == campaign.Paused:
			return err
		case !c.status.Rule().MayPause:
			return c.wrongStatus()
		}
		return c.pause(ctx, tx, by, reason, campaign.Operator)
	})
	if err != nil {
		return fmt.Errorf("pause campaign %d: %w", campaignID, err)
	}
	return nil
}

func (c lockedCampaign) wrongStatus() error { return fmt.Errorf("it is %s", c.status) }

func (c lockedCampaign) pause(ctx context.Context, tx pgx.Tx, by app.Actor, reason string, writer campaign.Writer) error {
	if err := c.move(ctx, tx, by, "campaign.pause", campaign.Paused, reason); err != nil {
		return err
	}
	return withReserved(ctx, tx, c.id, func(contact *contactTx) error {
		//guard:drop chaos.Operated: a paused campaign calls nobody
		contact.voidReserved(campaign.WithdrawnPaused, writer)
		return nil
	})
}

// withReserved changes the campaign's contacts that have an attempt in the queue.
func withReserved(ctx context.Context, tx pgx.Tx, campaignID int64, change func(*contactTx) error) error {
	contacts, err := collect(ctx, tx, pgx.RowTo[int64],
		`SELECT contact_id FROM attempts WHERE campaign_id = $1 AND state = 'reserved'`, campaignID)
	if err != nil {
		return err
	}
	return withContacts(ctx, tx, contacts, change)
}

// Resume lets a paused campaign call again, and starts a draft. A stopped campaign
// stays stopped.
func (db *DB) Resume(ctx context.Context, by app.Actor, campaignID int64) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		c, err := lockCampaign(ctx, tx, campaignID)
		switch {
		case err != nil || c.status.Rule().MayPause:
			return err
		case !c.status.Rule().MayResume:
			return c.wrongStatus()
		case c.imported || c.status == campaign.Draft:
			return c.move(ctx, tx, by, "campaign.resume", campaign.Running, "")
		}
		return c.move(ctx, tx, by, "campaign.resume", campaign.Importing, "")
	})
	if err != nil {
		return fmt.Errorf("resume campaign %d: %w", campaignID, err)
	}
	return nil
}

// closePauseAlarms resolves the alarms about the cause of the pause: a resume or a stop
// has settled it. If the cause is still there, the alarm is raised again.
func closePauseAlarms(ctx context.Context, tx pgx.Tx, by app.Actor, campaignID int64) error {
	_, err := tx.Exec(ctx, `
		UPDATE alarms m SET resolved_at = clock_timestamp(), resolved_by = @by
		WHERE (m.resolved_at IS NULL OR m.last_at > m.resolved_at)
		  AND (m.kind IN (@paused, @budget) AND m.detail LIKE 'campaign ' || @campaign::bigint || ' was paused%'
		       OR m.kind = @message AND EXISTS (SELECT FROM attempts a WHERE a.id = m.attempt_id AND a.campaign_id = @campaign))`,
		pgx.StrictNamedArgs{"by": plain(by.Name), "paused": campaign.AlarmPaused, "budget": campaign.AlarmBudget, "message": campaign.AlarmMessage, "campaign": campaignID})
	if err != nil {
		return fmt.Errorf("close the alarms of a pause: %w", err)
	}
	return nil
}
