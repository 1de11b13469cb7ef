package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// ContactByKey reads all that is known of one person of a campaign.
func (db *DB) ContactByKey(ctx context.Context, campaignID int64, key string) (h app.ContactHistory, err error) {
	err = db.read(ctx, func(tx pgx.Tx) error {
		var number string
		err := tx.QueryRow(ctx, `SELECT to_number FROM contacts WHERE campaign_id = $1 AND key = $2`, campaignID, plain(key)).Scan(&number)
		if err != nil {
			return translate(err)
		}
		suppression, err := suppressionOf(ctx, tx, number)
		if err != nil {
			return err
		}
		list, err := contactHistories(ctx, tx, number, suppression)
		if i := slices.IndexFunc(list, func(h app.ContactHistory) bool {
			return h.Campaign.ID == campaignID && h.Contact.Key == plain(key)
		}); i >= 0 {
			h = list[i]
		}
		return err
	})
	if err != nil {
		return app.ContactHistory{}, fmt.Errorf("find the person of that key: %w", err)
	}
	return h, nil
}

// ReadingOf is how a contact's row was read; zero for one of before that was kept.
func (db *DB) ReadingOf(ctx context.Context, contactID int64) (how campaign.Reading, err error) {
	err = db.pool.QueryRow(ctx, `
		SELECT coalesce(i.reading, '{}') FROM contacts k LEFT JOIN imports i ON i.id = k.import_id WHERE k.id = $1`, contactID).Scan(&how)
	if err != nil {
		return how, fmt.Errorf("find how contact %d was read: %w", contactID, translate(err))
	}
	return how, nil
}

// UpdateContact gives a contact the row's values, if it is still to be called; see
// contactImport.update. With a version, that of ContactRecord, it is app.ErrChanged
// if the contact has another one.
func (db *DB) UpdateContact(ctx context.Context, by app.Actor, campaignID int64, row campaign.Row, version string) error {
	return db.updateContact(ctx, by, campaignID, row, version, false)
}

// PutContact is UpdateContact for who may have ended: a person who was cancelled, or whose
// appointment is another one now, is called again. Who has opted out is not.
func (db *DB) PutContact(ctx context.Context, by app.Actor, campaignID int64, row campaign.Row, version string) error {
	return db.updateContact(ctx, by, campaignID, row, version, true)
}

func (db *DB) updateContact(ctx context.Context, by app.Actor, campaignID int64, row campaign.Row, version string, again bool) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		im := contactImport{tx: tx, campaignID: campaignID}
		if err := im.lockCampaign(ctx); err != nil {
			return err
		}
		groups, err := im.zoneGroups(ctx, []campaign.Row{row})
		if err != nil {
			return err
		}
		var importID zeronull.Int8
		var is string
		var restored bool
		known := knownContact{}
		err = tx.QueryRow(ctx, `
			SELECT @again AND coalesce(result, '') <> @opted_out AND (cancelled_at IS NOT NULL OR state = 'done' AND remind_at <> '{}' AND not_later_than IS DISTINCT FROM @last_call), id, source, import_id, coalesce(numbers, ARRAY[to_number]), call_at, not_later_than, vars, `+contactVersion+` FROM contacts k WHERE campaign_id = @campaign AND key = @key FOR UPDATE`,
			pgx.StrictNamedArgs{
				"campaign": campaignID, "key": plain(row.KeyOrNumber()), "again": again, "opted_out": campaign.OptedOut, "last_call": zeronull.Timestamptz(row.NotLaterThan),
			}).Scan(&restored, &known.id, &im.source, &importID, &known.numbers,
			(*zeronull.Timestamptz)(&known.callAt), (*zeronull.Timestamptz)(&known.lastCall), &known.vars, &is)
		switch {
		case err != nil:
			return translate(err)
		//guard:false internal/httpapi.TestIfMatch: nobody overwrites a change that they have not seen
		case version != "" && version != is:
			return app.ErrChanged
		}
		im.run.ID = int64(importID)
		columns := known.differences(row)
		if len(columns) == 0 && !restored {
			return nil
		}
		if slices.Contains(groupsOf(row, groups), unknownZone) {
			return errUnknownZone
		}
		list := []change{{ChangedRow: campaign.ChangedRow{Line: row.Line, Columns: columns}, id: known.id, row: row, restored: restored}}
		if err := im.update(ctx, list, groups); err != nil {
			return err
		}
		if list[0].Why != "" {
			return fmt.Errorf("not changed: %s", list[0].Why)
		}
		after := fields{"campaign": campaignID, "columns": columns}
		if restored {
			after["called_again"] = true
		}
		return audit(ctx, tx, by, auditEntry{action: "contact.update", object: contactObject(known.id), after: after})
	})
	if err != nil {
		return fmt.Errorf("change a contact: %w", err)
	}
	return nil
}

// CancelContact takes a contact out of its campaign. Cancelling twice changes
// nothing. The version is that of UpdateContact.
func (db *DB) CancelContact(ctx context.Context, by app.Actor, campaignID int64, key, version string) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		var id int64
		var state campaign.ContactState
		var reason campaign.Reason
		var cancelled bool
		var is string
		err := tx.QueryRow(ctx, `
			SELECT id, state, reason, cancelled_at IS NOT NULL, `+contactVersion+` FROM contacts k WHERE campaign_id = $1 AND key = $2 FOR UPDATE`,
			campaignID, plain(key)).Scan(&id, &state, (*zeronull.Text)(&reason), &cancelled, &is)
		switch {
		case err != nil:
			return translate(err)
		case version != "" && version != is:
			return app.ErrChanged
		case cancelled:
			return nil
		case state == campaign.Done:
			return fmt.Errorf("this person's part in the campaign has ended: %s", reason)
		}
		if err := cancelContacts(ctx, tx, []int64{id}); err != nil {
			return err
		}
		return audit(ctx, tx, by, auditEntry{
			action: "contact.cancel", object: contactObject(id), before: fields{"state": state}, after: fields{"campaign": campaignID, "cancelled": true},
		})
	})
	if err != nil {
		return fmt.Errorf("cancel a contact: %w", err)
	}
	return nil
}

// RestoreContact takes back that a contact was cancelled: it is called as if it had
// not been. Who is not cancelled stays as they are.
func (db *DB) RestoreContact(ctx context.Context, by app.Actor, campaignID int64, key string) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		var id int64
		err := tx.QueryRow(ctx, `SELECT id FROM contacts WHERE campaign_id = $1 AND key = $2 AND cancelled_at IS NOT NULL FOR UPDATE`,
			campaignID, plain(key)).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return errors.New("this person is not cancelled")
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE contacts SET cancelled_at = NULL WHERE id = $1`, id); err != nil {
			return err
		}
		err = withContacts(ctx, tx, []int64{id}, func(c *contactTx) error {
			c.restored = true
			if n := len(c.attempts); n > 0 && c.attempts[n-1].State == campaign.Void && c.attempts[n-1].Note == string(campaign.WithdrawnCancelled) {
				last := c.attempts[n-1]
				last.Note = string(campaign.WithdrawnChanged)
				c.replace(last, campaign.Operator)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return audit(ctx, tx, by, auditEntry{
			action: "contact.restore", object: contactObject(id), before: fields{"cancelled": true}, after: fields{"campaign": campaignID, "cancelled": false},
		})
	})
	if err != nil {
		return fmt.Errorf("restore a contact: %w", err)
	}
	return nil
}

func contactObject(id int64) string { return fmt.Sprintf("contact %d", id) }

// exported is one line a person, in the order of their files. It is read as it is
// used, so an export of any size takes no memory.
const exported = `
	SELECT k.key, k.line, k.to_number, k.row, k.state, k.reason, k.result, k.heard_at, k.attempts,
	       c.first_at, c.last_at, k.next_attempt_at, coalesce(c.duration_s, 0), c.price
	FROM reporting.contacts k JOIN campaigns g ON g.id = k.campaign_id,
	LATERAL (
		SELECT CASE g.settings->'retry'->>'until'
			WHEN 'result' THEN k.result IS NOT NULL
			WHEN 'heard' THEN k.heard_at IS NOT NULL OR k.result IS NOT NULL
			ELSE k.reason IN ('answered', 'human', 'machine') END AS reached) AS asked
	LEFT JOIN LATERAL (
		SELECT min(coalesce(a.start_time, a.dialed_at)) AS first_at, max(coalesce(a.start_time, a.dialed_at)) AS last_at,
		       sum(a.duration_s) AS duration_s, sum(a.price) AS price
		FROM attempts a WHERE a.contact_id = coalesce(k.called_with, k.contact_id) AND a.state IN ('accepted', 'ended')) AS c ON true
	WHERE k.campaign_id = @campaign
	  AND (NOT @reached OR k.state = 'done' AND reached)
	  AND (NOT @not_reached OR k.state = 'done' AND NOT reached AND k.reason NOT IN ('suppressed', 'cancelled_by_request'))
	  AND (@result = '' OR k.result = @result)
	ORDER BY k.contact_id`

// ExportContacts reads a campaign's people at one moment.
func (db *DB) ExportContacts(ctx context.Context, campaignID int64, q app.ExportQuery, begin func([]string) error, each func(app.ExportedContact) error) error {
	err := db.read(ctx, func(tx pgx.Tx) error {
		columns, err := fileColumns(ctx, tx, campaignID)
		if err != nil {
			return err
		}
		if err := begin(columns); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, exported, pgx.StrictNamedArgs{"campaign": campaignID, "reached": q.Reached, "not_reached": q.NotReached, "result": q.Result})
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			k, err := scanExported(rows)
			if err == nil {
				err = each(k)
			}
			if err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		return fmt.Errorf("export campaign %d: %w", campaignID, err)
	}
	return nil
}

func scanExported(rows pgx.Rows) (k app.ExportedContact, err error) {
	moment := func(t *time.Time) *zeronull.Timestamptz { return (*zeronull.Timestamptz)(t) }
	err = rows.Scan(&k.Key, &k.Line, &k.To, &k.Row, &k.State, (*zeronull.Text)(&k.Reason), (*zeronull.Text)(&k.Result), moment(&k.HeardAt), &k.Calls,
		moment(&k.FirstCallAt), moment(&k.LastCallAt), moment(&k.NextAttemptAt), &k.DurationS, &k.Price)
	return k, err
}

// fileColumns are the columns of the campaign's files, in their order: those of the
// first file, and what later ones add. What contacts have beyond that, those of
// before imports were kept, comes last.
func fileColumns(ctx context.Context, tx pgx.Tx, campaignID int64) (columns []string, err error) {
	lists, err := collect(ctx, tx, pgx.RowTo[[]string], `
		SELECT columns FROM (SELECT columns, 1 AS part, id FROM imports WHERE campaign_id = $1
		UNION ALL SELECT ARRAY(SELECT DISTINCT jsonb_object_keys(k.vars) AS name FROM contacts k
		    WHERE k.campaign_id = $1 AND NOT EXISTS (SELECT FROM imports i WHERE i.id = k.import_id AND i.columns <> '{}') ORDER BY name), 2, 0) AS lists
		ORDER BY part, id`, campaignID)
	for _, list := range lists {
		for _, name := range list {
			if !slices.Contains(columns, name) {
				columns = append(columns, name)
			}
		}
	}
	return columns, err
}
