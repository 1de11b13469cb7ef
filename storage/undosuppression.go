package storage

import (
	"context"
	"errors"
	"fmt"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
)

// errNothingToUndo: the actor did not add this suppression, or it is not in force any
// more.
var errNothingToUndo = errors.New("there is nothing to undo: you did not add this suppression within the last ten minutes, or it stands no more. Lift takes a number off the list")

// noteNotEnded stores with a suppression that was added alone which contacts of its
// number had not ended then. Only those can have ended because of it. It reads the
// contacts of one suppression.
func noteNotEnded(ctx context.Context, tx pgx.Tx, id int64) error {
	_, err := tx.Exec(ctx, `
		UPDATE suppressions s SET not_ended_then = ARRAY(
			SELECT k.id FROM contacts k WHERE k.to_number = s.number AND k.state <> 'done' AND suppression_holds(s.campaign_id, s.purpose, k.campaign_id)
			UNION
			SELECT k.id FROM contacts k WHERE k.numbers @> ARRAY[s.number] AND k.state <> 'done' AND suppression_holds(s.campaign_id, s.purpose, k.campaign_id)
			ORDER BY 1)
		WHERE s.id = $1`, id)
	return err
}

// UndoSuppression removes a suppression that the actor added within the last ten
// minutes. A person who ended because of it is called again, unless something else
// prevents that: another suppression, a request, an opt-out.
func (db *DB) UndoSuppression(ctx context.Context, by app.Actor, id int64) (restored int, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		found, err := collect(ctx, tx, scanSuppression, `
			SELECT `+suppressionColumns+` FROM suppressions
			WHERE id = $1 AND ended_at IS NULL AND not_ended_then IS NOT NULL -- it was added alone, and took no other's place
			  -- guard:drop storage.TestUndoOfASuppression: nobody undoes what somebody else has added
			  AND added_by = $2
			  AND created_at > now() - interval '10 minutes' FOR UPDATE`, id, plain(by.Name))
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return errNothingToUndo
		}
		ended, err := collect(ctx, tx, pgx.RowTo[int64], `
			SELECT k.id FROM contacts k JOIN suppressions s ON s.id = $1
			WHERE k.id = ANY (s.not_ended_then) AND k.state = 'done' AND k.reason = 'suppressed'
			  -- guard:drop storage.TestUndoRestoresWhoItEnded: who has opted out is not called again by an undo
			  AND k.result IS DISTINCT FROM $2
			  AND NOT EXISTS (SELECT FROM suppressions_of(s.number, k.campaign_id, now()) AS o WHERE o.id <> s.id)
			ORDER BY k.id`, id, campaign.OptedOut)
		if err != nil {
			return err
		}
		if err := endSuppression(ctx, tx, by, "suppressions.undo", found[0], fields{"called_again": ended}); err != nil {
			return err
		}
		restored, err = restoreSuppressed(ctx, tx, by, ended)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("undo a suppression: %w", err)
	}
	return restored, nil
}

// restoreSuppressed restores contacts that ended as suppressed, as if their number had
// never been suppressed. They are called again.
func restoreSuppressed(ctx context.Context, tx pgx.Tx, by app.Actor, contacts []int64) (n int, err error) {
	err = withContacts(ctx, tx, contacts, func(c *contactTx) error {
		c.restored, c.contact.Reason = true, "" // Decide would keep it
		if n := len(c.attempts); n > 0 && c.attempts[n-1].State == campaign.Void && c.attempts[n-1].Note == string(campaign.WithdrawnSuppressed) {
			last := c.attempts[n-1]
			last.Note = string(campaign.WithdrawnChanged)
			c.replace(last, campaign.Operator)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	again, err := collect(ctx, tx, pgx.RowTo[int64], `SELECT id FROM contacts WHERE id = ANY ($1) AND state <> 'done' ORDER BY id`, contacts)
	if err != nil {
		return 0, err
	}
	for _, id := range again {
		err := audit(ctx, tx, by, auditEntry{action: "contact.restore", object: contactObject(id), before: fields{"reason": campaign.ReasonSuppressed}, after: fields{"because": "the suppression was undone"}})
		if err != nil {
			return 0, err
		}
	}
	return len(again), nil
}
