package storage

import (
	"context"
	"errors"
	"fmt"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
)

// stopBatch is how many contacts are ended in one transaction.
const stopBatch = 500

// Stop ends a campaign for good. It takes effect at its first commit. Then the contacts
// that were not reached end as stopped, a batch at a time. If this is interrupted, the
// sweeper ends the rest of them.
func (db *DB) Stop(ctx context.Context, by app.Actor, campaignID int64) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		c, err := lockCampaign(ctx, tx, campaignID)
		if err != nil {
			return err
		}
		if c.status != campaign.Stopped {
			if err := c.move(ctx, tx, by, "campaign.stop", campaign.Stopped, ""); err != nil {
				return err
			}
		}
		//guard:value(error(nil)) chaos.Stopped: a stopped campaign calls nobody
		return withReserved(ctx, tx, c.id, unchanged)
	})
	for ended := 1; err == nil && ended > 0; {
		ended, err = db.endStopped(ctx, campaignID)
	}
	if err != nil {
		return fmt.Errorf("stop campaign %d: %w", campaignID, err)
	}
	return nil
}

// endStopped ends one batch of a stopped campaign's waiting contacts, and returns how
// many.
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

func (db *DB) finishStops(ctx context.Context) error {
	stopped, err := collect(ctx, db.pool, pgx.RowTo[int64], `
		SELECT id FROM campaigns WHERE status = 'stopped' AND id IN (
			SELECT campaign_id FROM counter_totals WHERE subject = 'contacts' AND state IN ('pending', 'waiting'))`)
	for _, id := range stopped {
		_, stopErr := db.endStopped(ctx, id)
		err = errors.Join(err, stopErr)
	}
	return err
}

// HangUpLate orders hang-ups for calls of a stopped campaign that become known later.
func (db *DB) HangUpLate(ctx context.Context, campaignID int64) (ordered bool, err error) {
	tag, err := db.pool.Exec(ctx, `UPDATE campaigns SET hang_up = true WHERE id = $1 AND status = 'stopped'`, campaignID)
	if err != nil {
		return false, fmt.Errorf("hang up the late calls of campaign %d: %w", campaignID, err)
	}
	return tag.RowsAffected() > 0, nil
}

// LiveCalls reads one campaign's calls that are not over.
func (db *DB) LiveCalls(ctx context.Context, campaignID int64) (app.LiveCalls, error) {
	var live app.LiveCalls
	err := db.pool.QueryRow(ctx, `
		SELECT coalesce(array_agg(call_uuid ORDER BY dialed_at) FILTER (WHERE state = 'accepted'), '{}'),
		       count(*) FILTER (WHERE state IN ('dialing', 'unknown'))
		FROM attempts WHERE campaign_id = $1 AND (state IN ('dialing', 'unknown') OR state = 'accepted')`, campaignID).
		Scan(&live.UUIDs, &live.Unclear)
	if err != nil {
		return app.LiveCalls{}, fmt.Errorf("read the live calls of campaign %d: %w", campaignID, err)
	}
	return live, nil
}
