package storage

import (
	"context"
	"errors"
	"fmt"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// OpenCampaign creates the campaign in state importing, or finds the one of
// that name. campaign.ErrOtherSettings when its settings differ.
func (db *DB) OpenCampaign(ctx context.Context, name string, s campaign.Settings) (campaign.Campaign, error) {
	c, given, err := db.createOrFind(ctx, name, s)
	switch {
	case err != nil:
	case c.Status == campaign.Stopped:
		err = errors.New("it was stopped, and takes no more rows")
	case !c.Settings.Equal(given):
		err = campaign.ErrOtherSettings
	}
	if err != nil {
		return campaign.Campaign{}, fmt.Errorf("open campaign %q: %w", name, err)
	}
	return c, nil
}

// createOrFind also returns the given settings as Postgres gives them back, so
// that they are compared with stored ones in the same form.
func (db *DB) createOrFind(ctx context.Context, name string, s campaign.Settings) (c campaign.Campaign, given campaign.Settings, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO campaigns (name, status, settings, from_numbers, starts_at, opens_min, closes_min)
			VALUES (@name, 'importing', @settings, @from, @start, @opens, @closes)
			ON CONFLICT (name) DO NOTHING`,
			pgx.StrictNamedArgs{
				"name": name, "settings": s, "from": s.From, "start": zeronull.Timestamptz(s.Start),
				"opens": s.Hours.From, "closes": s.Hours.To,
			})
		if err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT `+campaignColumns+`, $2::jsonb FROM campaigns c WHERE name = $1`, name, s).
			Scan(append(campaignFields(&c), &given)...)
	})
	return c, given, err
}

// FinishImport lets an importing campaign run (or stay paused).
func (db *DB) FinishImport(ctx context.Context, campaignID int64) error {
	tag, err := db.pool.Exec(ctx, `
		UPDATE campaigns SET import_finished_at = coalesce(import_finished_at, clock_timestamp()),
		       status = CASE WHEN status = 'importing' THEN 'running' ELSE status END
		WHERE id = $1`, campaignID)
	if err == nil && tag.RowsAffected() == 0 {
		err = campaign.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("finish import of campaign %d: %w", campaignID, err)
	}
	return nil
}

// CampaignByName finds a campaign by its name, or else by its id.
func (db *DB) CampaignByName(ctx context.Context, nameOrID string) (campaign.Campaign, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT `+campaignColumns+` FROM campaigns c
		WHERE name = $1 OR id::text = $1 ORDER BY name = $1 DESC LIMIT 1`, nameOrID)
	if err != nil {
		return campaign.Campaign{}, fmt.Errorf("find campaign %q: %w", nameOrID, err)
	}
	c, err := pgx.CollectExactlyOneRow(rows, scanCampaign)
	if err != nil {
		return campaign.Campaign{}, fmt.Errorf("find campaign %q: %w", nameOrID, translate(err))
	}
	return c, nil
}

// Pause holds from its commit on: no gate lets a call of the campaign through
// after it. Attempts that wait in the queue are withdrawn and their contacts
// stay due. Pausing a paused campaign changes nothing.
func (db *DB) Pause(ctx context.Context, campaignID int64, reason string) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		paused, err := pauseCampaign(ctx, tx, campaignID, reason, campaign.Operator)
		if err != nil || paused {
			return err
		}
		return expectStatus(ctx, tx, campaignID, campaign.Paused)
	})
	if err != nil {
		return fmt.Errorf("pause campaign %d: %w", campaignID, err)
	}
	return nil
}

// pauseCampaign reports whether it was this call that paused it. The update
// waits for claims that share the row, so what they reserved is seen and voided.
func pauseCampaign(ctx context.Context, tx pgx.Tx, campaignID int64, reason string, by campaign.Writer) (bool, error) {
	tag, err := tx.Exec(ctx, `
		UPDATE campaigns SET status = 'paused', pause_reason = $2
		WHERE id = $1 AND status IN ('importing', 'running')`, campaignID, reason)
	if err != nil || tag.RowsAffected() == 0 {
		return false, err
	}
	return true, withReserved(ctx, tx, campaignID, func(c *contactTx) error {
		c.voidReserved(campaign.WithdrawnPaused, by)
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

// Resume lets a paused campaign go on. A stopped one stays stopped.
func (db *DB) Resume(ctx context.Context, campaignID int64) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE campaigns SET pause_reason = NULL,
			       status = CASE WHEN import_finished_at IS NULL THEN 'importing' ELSE 'running' END
			WHERE id = $1 AND status = 'paused'`, campaignID)
		if err != nil || tag.RowsAffected() > 0 {
			return err
		}
		return expectStatus(ctx, tx, campaignID, campaign.Running, campaign.Importing)
	})
	if err != nil {
		return fmt.Errorf("resume campaign %d: %w", campaignID, err)
	}
	return nil
}

// expectStatus is an error, which says how the campaign stands, unless that is
// one of the wanted.
func expectStatus(ctx context.Context, tx pgx.Tx, campaignID int64, wanted ...campaign.Status) error {
	var status campaign.Status
	if err := tx.QueryRow(ctx, `SELECT status FROM campaigns WHERE id = $1`, campaignID).Scan(&status); err != nil {
		return err
	}
	for _, w := range wanted {
		if status == w {
			return nil
		}
	}
	return fmt.Errorf("it is %s", status)
}

// stopBatch is how many contacts are ended in one transaction.
const stopBatch = 500

// Stop ends a campaign for good. It holds from its first commit on; the
// contacts that were not reached then end as stopped, a batch at a time. If it
// is cut off in between, the sweeper goes on with it.
func (db *DB) Stop(ctx context.Context, campaignID int64) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE campaigns SET status = 'stopped', pause_reason = NULL, stopped_at = coalesce(stopped_at, clock_timestamp()) WHERE id = $1`, campaignID)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return campaign.ErrNotFound
		}
		return withReserved(ctx, tx, campaignID, unchanged)
	})
	for ended := 1; err == nil && ended > 0; {
		ended, err = db.endStopped(ctx, campaignID)
	}
	if err != nil {
		return fmt.Errorf("stop campaign %d: %w", campaignID, err)
	}
	return nil
}

// endStopped ends one batch of a stopped campaign's contacts that wait for a
// call, and returns how many.
func (db *DB) endStopped(ctx context.Context, campaignID int64) (ended int, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		contacts, err := collect(ctx, tx, pgx.RowTo[int64], `
			SELECT k.id FROM zone_groups g CROSS JOIN LATERAL (
				SELECT id FROM contacts WHERE zone_group_id = g.id AND state IN ('pending', 'waiting') LIMIT $2) AS k
			WHERE g.campaign_id = $1 LIMIT $2`, campaignID, stopBatch)
		if err != nil {
			return err
		}
		ended = len(contacts)
		return withContacts(ctx, tx, contacts, unchanged)
	})
	return ended, err
}
