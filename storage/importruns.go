package storage

import (
	"context"
	"fmt"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
)

// BeginImport records that a file is read into a campaign, and gives the import its id.
func (db *DB) BeginImport(ctx context.Context, by app.Actor, im campaign.Import) (campaign.Import, error) {
	err := db.inTx(ctx, func(tx pgx.Tx) error { return beginImport(ctx, tx, by, &im) })
	if err != nil {
		return campaign.Import{}, fmt.Errorf("begin an import into campaign %d: %w", im.CampaignID, err)
	}
	return im, nil
}

func beginImport(ctx context.Context, tx pgx.Tx, by app.Actor, im *campaign.Import) error {
	columns := []string{}
	for _, name := range im.Columns {
		columns = append(columns, plain(name))
	}
	err := tx.QueryRow(ctx, `
		INSERT INTO imports (campaign_id, source, columns, reading, started_by) SELECT id, $2, $3, $4, $5 FROM campaigns WHERE id = $1
		RETURNING id`, im.CampaignID, im.Source, columns, im.Reading, plain(by.Name)).Scan(&im.ID)
	return translate(err)
}

// EndImport ends an import that has read its whole file. With RemoveMissing it ends the
// contacts without a row in the file, a batch at a time, and returns how many. If this
// import created the campaign and added no contact, it drops the campaign with its
// refused rows: kept is false, and the name is free.
func (db *DB) EndImport(ctx context.Context, by app.Actor, im campaign.Import) (removed int, kept bool, err error) {
	if im.RemoveMissing {
		removed, err = db.removeMissing(ctx, by, im)
	}
	if err == nil {
		kept, err = db.closeImport(ctx, by, im)
	}
	if err != nil {
		return removed, true, fmt.Errorf("end the import into campaign %d: %w", im.CampaignID, err)
	}
	return removed, kept, nil
}

// abandonedAfter is when the rows of an interrupted import are dropped.
const abandonedAfter = 24 * time.Hour

func (db *DB) closeImport(ctx context.Context, by app.Actor, im campaign.Import) (kept bool, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			WITH ended AS (UPDATE imports SET finished_at = clock_timestamp() WHERE id = $1)
			DELETE FROM import_rows WHERE import_id = $1
			OR import_id IN (SELECT id FROM imports WHERE campaign_id = $2 AND finished_at IS NULL AND started_at < now() - $3::interval)`,
			im.ID, im.CampaignID, abandonedAfter)
		if err != nil {
			return err
		}
		if kept, err = hasContactsOrRan(ctx, tx, im.CampaignID); err != nil || kept {
			return err
		}
		return dropCampaign(ctx, tx, by, im.CampaignID)
	})
	return kept, err
}

// hasContactsOrRan locks the campaign against other imports. It is false only for a
// campaign whose first import has not ended and that has no contacts.
func hasContactsOrRan(ctx context.Context, tx pgx.Tx, id int64) (yes bool, err error) {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('import', $1))`, id); err != nil {
		return false, err
	}
	err = tx.QueryRow(ctx, `
		SELECT status <> 'importing' OR import_finished_at IS NOT NULL
		       OR EXISTS (SELECT FROM contacts WHERE campaign_id = $1)
		       OR EXISTS (SELECT FROM imports WHERE campaign_id = $1 AND finished_at IS NULL AND started_at > now() - interval '1 minute')
		FROM campaigns WHERE id = $1 FOR UPDATE`, id).Scan(&yes)
	return yes, translate(err)
}

// dropCampaign deletes an empty campaign.
func dropCampaign(ctx context.Context, tx pgx.Tx, by app.Actor, id int64) error {
	var b pgx.Batch
	for _, table := range []string{"rejected_rows", "imports", "zone_groups"} {
		b.Queue(`DELETE FROM `+table+` WHERE campaign_id = $1`, id)
	}
	b.Queue(`DELETE FROM counter_deltas WHERE campaign_id = $1`, id)
	b.Queue(`DELETE FROM counters WHERE campaign_id = $1`, id)
	b.Queue(`DELETE FROM campaigns WHERE id = $1`, id)
	b.Queue(insertAudit, auditArgs(by, auditEntry{action: "campaign.drop", object: campaignObject(id), after: fields{"because": "no row of its file could be called"}}))
	return tx.SendBatch(ctx, &b).Close()
}

// removeBatch is how many contacts are ended in one transaction.
const removeBatch = 500

func (db *DB) removeMissing(ctx context.Context, by app.Actor, im campaign.Import) (removed int, err error) {
	after := ""
	for {
		var n int
		err := db.inTx(ctx, func(tx pgx.Tx) error {
			type missing struct {
				ID  int64
				Key string
			}
			list, err := collect(ctx, tx, pgx.RowToStructByPos[missing], `
				SELECT k.id, k.key FROM contacts k
				WHERE k.campaign_id = @campaign AND k.key > @after AND k.state <> 'done' AND k.cancelled_at IS NULL
				  AND k.import_id IS DISTINCT FROM @import
				  -- guard:drop storage.TestRemoveMissing: who has a row in the file stays
				  AND NOT EXISTS (SELECT FROM import_rows r WHERE r.import_id = @import AND r.contact_id = k.id)
				ORDER BY k.key LIMIT @limit`,
				pgx.StrictNamedArgs{"campaign": im.CampaignID, "after": after, "import": im.ID, "limit": removeBatch})
			if n = len(list); err != nil || n == 0 {
				return err
			}
			after = list[n-1].Key
			ids := column(list, func(m missing) int64 { return m.ID })
			if err := cancelContacts(ctx, tx, ids); err != nil {
				return err
			}
			return audit(ctx, tx, by, auditEntry{
				action: "contacts.remove", object: campaignObject(im.CampaignID), after: fields{"source": im.Source, "removed": n},
			})
		})
		if err != nil || n == 0 {
			return removed, err
		}
		removed += n
	}
}

// cancelContacts takes contacts out of their campaign: waiting ones end, and a call in
// progress is the last one.
func cancelContacts(ctx context.Context, tx pgx.Tx, ids []int64) error {
	_, err := tx.Exec(ctx, `
		WITH locked AS (SELECT id FROM contacts WHERE id = ANY ($1) ORDER BY id FOR UPDATE)
		UPDATE contacts k SET cancelled_at = clock_timestamp() FROM locked WHERE k.id = locked.id AND k.cancelled_at IS NULL`, ids)
	if err != nil {
		return err
	}
	if err := leaveTogether(ctx, tx, ids); err != nil {
		return err
	}
	return withContacts(ctx, tx, ids, func(c *contactTx) error {
		c.voidReserved(campaign.WithdrawnCancelled, campaign.Operator)
		return nil
	})
}

// NoteImport stores the result of an import's rows.
func (db *DB) NoteImport(ctx context.Context, id int64, result app.ImportResult) error {
	if _, err := db.pool.Exec(ctx, `UPDATE imports SET result = $2 WHERE id = $1`, id, result); err != nil {
		return fmt.Errorf("note what became of import %d: %w", id, err)
	}
	return nil
}
