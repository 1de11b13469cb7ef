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

// UpdateContact gives a contact the row's values, if it must still be called, or gets
// another appointment; see contactImport.update. With a version, that of ContactRecord,
// it returns app.ErrChanged if the contact has another one. late says why the changed
// contact is not called any more; "": it still is.
func (db *DB) UpdateContact(ctx context.Context, by app.Actor, campaignID int64, row campaign.Row, version string) (late string, err error) {
	return db.updateContact(ctx, by, campaignID, row, version, false)
}

// PutContact is UpdateContact that also takes a cancelled contact, which is then called
// again. A person who has opted out is not called.
func (db *DB) PutContact(ctx context.Context, by app.Actor, campaignID int64, row campaign.Row, version string) (late string, err error) {
	return db.updateContact(ctx, by, campaignID, row, version, true)
}

func (db *DB) updateContact(ctx context.Context, by app.Actor, campaignID int64, row campaign.Row, version string, again bool) (late string, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
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
			SELECT @again AND coalesce(result, '') <> @opted_out AND cancelled_at IS NOT NULL, id, source, import_id, coalesce(numbers, ARRAY[to_number]), call_at, not_later_than, own_time, vars, `+contactVersion+` FROM contacts k WHERE campaign_id = @campaign AND key = @key FOR UPDATE`,
			pgx.StrictNamedArgs{
				"campaign": campaignID, "key": plain(row.KeyOrNumber()), "again": again, "opted_out": campaign.OptedOut,
			}).Scan(&restored, &known.id, &im.source, &importID, &known.numbers,
			(*zeronull.Timestamptz)(&known.callAt), (*zeronull.Timestamptz)(&known.lastCall), (*zeronull.Timestamptz)(&known.ownTime), &known.vars, &is)
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
		switch ch := list[0]; {
		case ch.Updated:
			late = ch.Why
		case ch.Why == row.NotNew.Reason:
			return fmt.Errorf("%s: %s", row.NotNew.Column, ch.Why)
		default:
			return fmt.Errorf("not changed: %s", ch.Why)
		}
		after := fields{"campaign": campaignID, "columns": columns}
		if late != "" {
			after["too_late"] = late
		}
		if list[0].restored {
			after["called_again"] = true
		}
		return audit(ctx, tx, by, auditEntry{action: "contact.update", object: contactObject(known.id), after: after})
	})
	if err != nil {
		return "", fmt.Errorf("change a contact: %w", err)
	}
	return late, nil
}

// CancelContact takes a contact out of its campaign. Cancelling twice changes nothing.
// version is the same as in UpdateContact.
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

// RestoreContact undoes a cancellation: the contact is called as if it had not been
// cancelled. A contact that is not cancelled does not change.
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

// CallContactNow makes a contact due now, so that the claim and the gate take it like
// any other. With reminders, the next one takes place now, if the one before is over. A
// contact that would end by this does not change. Of people who share a call all are
// called.
func (db *DB) CallContactNow(ctx context.Context, by app.Actor, campaignID int64, key string) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		var id, calls int64
		err := tx.QueryRow(ctx, `SELECT id, coalesce(call_with, id) FROM contacts WHERE campaign_id = $1 AND key = $2`, campaignID, plain(key)).Scan(&id, &calls)
		if err != nil {
			return translate(err)
		}
		standing, err := lockToChange(ctx, tx, []int64{calls})
		if err != nil {
			return err
		}
		if why := standing[calls].forbidsCall(); why != "" {
			return errors.New("not called: " + why)
		}
		obstacles, err := collect(ctx, tx, pgx.RowTo[campaign.Withdrawal], `
			SELECT o.reason FROM contacts k, LATERAL contact_obstacles(k.to_number, k.campaign_id, k.id, clock_timestamp()) AS o WHERE k.id = $1`, calls)
		if err != nil {
			return err
		}
		for _, o := range obstacles {
			//guard:false storage.TestCallNowEndsNobody: who may not be called is not ended by who asks for it
			if o.Ends() {
				return errors.New("not called: " + o.Meaning())
			}
		}
		var due time.Time
		err = tx.QueryRow(ctx, `
			WITH asked AS (
				SELECT k.id, k.due_at, clock_timestamp() AS at, (SELECT min(r.at) FROM unnest(k.remind_at) AS r (at) WHERE r.at > clock_timestamp()) AS next
				FROM contacts k WHERE k.id = $1
			), changed AS (
				UPDATE contacts k SET asked_at = a.at, due_at = a.at,
					remind_at = CASE WHEN a.due_at >= a.next THEN array_replace(k.remind_at, a.next, a.at) ELSE k.remind_at END,
					call_at = CASE WHEN a.due_at >= a.next AND k.call_at = a.next THEN a.at ELSE k.call_at END
				FROM asked a WHERE k.id = a.id
			)
			SELECT due_at FROM asked`, calls).Scan(&due)
		if err != nil {
			return err
		}
		if err := withContacts(ctx, tx, []int64{calls}, unchanged); err != nil {
			return err
		}
		for _, called := range slices.Compact([]int64{calls, id}) { // each contact's audit has the entry
			err := audit(ctx, tx, by, auditEntry{action: "contact.call", object: contactObject(called), before: fields{"due_at": due}, after: fields{"campaign": campaignID, "due": "now"}})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("have a contact called: %w", err)
	}
	return nil
}

// forbidsCall is the reason why a contact cannot be called at once, or "".
func (s *standing) forbidsCall() string {
	switch {
	//guard:false storage.TestCallNow: nobody is called at once while a call of theirs is open
	case s.underWay:
		return "this person is being called"
	case s.reserved:
		return "a call to this person is about to be made"
	case s.state == campaign.Done && s.reason == campaign.ReasonCancelledByRequest:
		return "this person is cancelled: restore them first"
	//guard:false storage.TestCallNow: who has ended is not called again by who asks for it
	case s.state == campaign.Done:
		return "this person's part in the campaign has ended (" + string(s.reason) + "); those who were not reached are called again by a new campaign"
	}
	return ""
}

func contactObject(id int64) string { return fmt.Sprintf("contact %d", id) }
