package storage

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
)

// singly is the source of contacts that were added one by one.
const singly = "one by one"

// AddContact adds a contact without a file, read in this way. added is false if
// the campaign has the key already.
func (db *DB) AddContact(ctx context.Context, by app.Actor, campaignID int64, row campaign.Row, how campaign.Reading) (added bool, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		im := contactImport{tx: tx, campaignID: campaignID, source: singly}
		if err := im.lockCampaign(ctx); err != nil {
			return err
		}
		if err := im.useSingly(ctx, by, row, how); err != nil {
			return err
		}
		groups, err := im.zoneGroups(ctx, []campaign.Row{row})
		switch {
		case err != nil:
			return err
		case slices.Contains(groupsOf(row, groups), unknownZone):
			return errUnknownZone
		}
		known, err := im.known(ctx, campaign.RowBatch{Rows: []campaign.Row{row}})
		if added = len(known) == 0; err != nil || !added {
			return err
		}
		row.Key = plain(row.KeyOrNumber())
		if err := im.copy(ctx, []campaign.Row{row}, groups); err != nil {
			return err
		}
		return audit(ctx, tx, by, auditEntry{
			action: "contact.add", object: campaignObject(campaignID), after: fields{"source": singly, "added": 1},
		})
	})
	if err != nil {
		return false, fmt.Errorf("add a contact to campaign %d: %w", campaignID, err)
	}
	return added, nil
}

// useSingly is the import of all contacts of the campaign that were added one by one.
// An export shows all columns of these contacts.
func (im *contactImport) useSingly(ctx context.Context, by app.Actor, row campaign.Row, how campaign.Reading) error {
	ids, err := collect(ctx, im.tx, pgx.RowTo[int64], `
		UPDATE imports SET columns = columns || ARRAY(SELECT name FROM unnest($3::text[]) AS name WHERE name <> ALL (columns))
		WHERE campaign_id = $1 AND source = $2 AND reading = $4 RETURNING id`, im.campaignID, singly, plainAll(slices.Sorted(maps.Keys(row.Vars))), how)
	if err != nil {
		return err
	}
	im.run = campaign.Import{CampaignID: im.campaignID, Source: singly, Columns: slices.Sorted(maps.Keys(row.Vars)), Reading: how}
	if len(ids) > 0 {
		im.run.ID = ids[0]
		return nil
	}
	if err := beginImport(ctx, im.tx, by, &im.run); err != nil {
		return err
	}
	_, err = im.tx.Exec(ctx, `UPDATE imports SET finished_at = clock_timestamp() WHERE id = $1`, im.run.ID)
	return err
}
