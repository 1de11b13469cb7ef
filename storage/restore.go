package storage

import (
	"context"
	"fmt"
	"strings"

	"dialer/campaign"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// Recover looks for calls that the database forgot, once complete scans of
// Vonage's list since the lock was set are stored. A call that it forgot is one
// that no attempt has, from a campaign's number to one of its contacts that was
// not done at the database's last checkpoint, begun when the campaign was there and
// not before that checkpoint. After the first scan they are only counted, since a
// call that is known must end before the next to its number is recovered; after the
// second each gets an attempt. A lock that no reason to expect a forgotten call had
// set then waits for a person.
func (db *DB) Recover(ctx context.Context, l campaign.DialLock, t campaign.Times) (n campaign.Restored, err error) {
	forgotten, err := db.forgotten(ctx, l, t)
	if err != nil {
		return n, fmt.Errorf("look for forgotten calls: %w", err)
	}
	n.Forgotten = len(forgotten)
	switch {
	case n.Forgotten > 0 && l.Reason == campaign.LockedNoMark:
		err = db.distrust(ctx, l)
	case l.Scans > 0:
		err = db.recoverAll(ctx, forgotten, &n)
	}
	if err != nil {
		return n, fmt.Errorf("recover forgotten calls: %w", err)
	}
	return n, nil
}

// distrust has a person decide: Vonage has calls that are not known here.
func (db *DB) distrust(ctx context.Context, l campaign.DialLock) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		d, found, err := db.server.identity(ctx, tx, ` FOR UPDATE`)
		if err != nil || !d.Lock.Since.Equal(l.Since) {
			return err
		}
		return setDialLock(ctx, tx, d, found, campaign.LockedRestored)
	})
}

// forgottenCall is a record of a forgotten call and the contacts that it may
// be of.
type forgottenCall struct {
	evidence campaign.Evidence
	contacts []int64
}

// forgotten finds calls of no attempt that a contact may have had. A contact that
// ended counts if a person ended it after the checkpoint, by a stop, a cancellation
// or the suppression of its number, or if its time passed since.
const forgotten = `
	SELECT ` + recordColumns + `, array_agg(k.id ORDER BY k.id)
	FROM provider_calls c
	JOIN contacts k ON k.to_number = c.to_number OR k.numbers @> ARRAY[c.to_number]
	JOIN campaigns p ON p.id = k.campaign_id AND c.from_number = ANY (p.from_numbers)
		-- guard:value storage.TestRecoverContactThatEndedMeanwhile: a contact that a person ended since may have been called
		-- guard:value storage.TestRecoverContactThatEndedMeanwhile: a contact that had ended before was not called
		AND (k.state <> 'done'
		  OR k.reason = 'stopped' AND p.stopped_at >= @known
		  OR k.reason = 'cancelled_by_request' AND k.cancelled_at >= @known
		  OR k.reason = 'expired' AND least(k.not_later_than, p.ends_at) >= @known - interval '1 minute'
		  OR k.reason = 'suppressed' AND EXISTS (
			SELECT FROM suppressions s
			WHERE s.number = ANY (coalesce(k.numbers, ARRAY[k.to_number])) AND suppression_holds(s.campaign_id, s.purpose, k.campaign_id) AND s.created_at >= @known))
		AND (c.start_time IS NULL OR c.start_time >= p.created_at - @before::interval)
	WHERE c.attempt_id IS NULL AND c.direction = 'outbound'
	  AND (c.start_time IS NULL OR c.start_time >= @known::timestamptz - @before::interval)
	  AND c.first_seen_at > @known
	  AND NOT EXISTS (
		SELECT FROM attempts a WHERE a.kind = 'manual' AND a.to_number = c.to_number AND a.call_uuid IS NULL AND a.posts = 1 AND a.state <> 'refused'
		AND may_be_call_of(c, a, attempt_window(a, @before, @after)))
	GROUP BY c.call_uuid ORDER BY c.start_time, c.call_uuid`

// forgotten finds the calls that the database forgot, oldest first.
func (db *DB) forgotten(ctx context.Context, l campaign.DialLock, t campaign.Times) ([]forgottenCall, error) {
	return collect(ctx, db.pool, func(row pgx.CollectableRow) (f forgottenCall, err error) {
		err = row.Scan(append(recordFields(&f.evidence), &f.contacts)...)
		f.evidence = whole(f.evidence)
		return f, err
	}, forgotten, pgx.StrictNamedArgs{"known": l.KnownUntil, "before": t.WindowBefore(), "after": t.WindowAfter()})
}

func (db *DB) recoverAll(ctx context.Context, calls []forgottenCall, n *campaign.Restored) error {
	for _, f := range calls {
		take := db.recoverCall
		//guard:false storage.TestRecoverAmbiguousCall: a call that may be of several contacts is given to none
		if len(f.contacts) > 1 {
			take = db.leaveUndecided
		}
		if err := take(ctx, f, n); err != nil {
			return err
		}
	}
	return nil
}

// recoverCall gives the one contact that the call can be of an attempt that has it:
// one that waits for a call, or else a new one.
func (db *DB) recoverCall(ctx context.Context, f forgottenCall, n *campaign.Restored) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		contact := f.contacts[0]
		attempt, err := waitingAttempt(ctx, tx, contact, f.evidence.From)
		if err != nil {
			return err
		}
		if attempt == uuid.Nil {
			attempt, err = insertRecovered(ctx, tx, contact, f.evidence, campaign.Accepted)
		} else {
			_, err = tx.Exec(ctx, `UPDATE attempts SET recovered = true WHERE id = $1`, attempt)
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, raiseAlarm, attempt, campaign.AlarmCallRecovered,
			fmt.Sprintf("Vonage has call %q, which was forgotten here", f.evidence.CallUUID)); err != nil {
			return err
		}
		if err := withContacts(ctx, tx, []int64{contact}, func(c *contactTx) error {
			c.fold(attempt, f.evidence, campaign.Provider)
			return nil
		}); err != nil {
			return err
		}
		spellings, named := spellingsOf([]string{f.evidence.CallUUID})
		if _, err := tx.Exec(ctx, callsMatched, spellings, named); err != nil {
			return err
		}
		return resolveMatched(ctx, tx, []string{f.evidence.CallUUID})
	})
	if err == nil {
		n.Recovered++
	}
	return err
}

// waitingAttempt locks the contact and finds its open attempt that has no call
// yet, if that went out, or would go out, from the same number; else uuid.Nil.
func waitingAttempt(ctx context.Context, tx pgx.Tx, contact int64, from string) (id uuid.UUID, err error) {
	if err := lockContact(ctx, tx, contact); err != nil {
		return uuid.Nil, err
	}
	ids, err := collect(ctx, tx, pgx.RowTo[uuid.UUID], `
		SELECT id FROM attempts
		WHERE contact_id = $1 AND from_number = $2 AND state IN ('reserved', 'dialing', 'unknown') AND call_uuid IS NULL`, contact, from)
	if err != nil || len(ids) == 0 {
		return uuid.Nil, err
	}
	return ids[0], nil
}

func lockContact(ctx context.Context, tx pgx.Tx, contact int64) error {
	_, err := tx.Exec(ctx, `SELECT FROM contacts WHERE id = $1 FOR UPDATE`, contact)
	return err
}

// insertRecovered makes the attempt of a forgotten call. Where another call to the
// number is open, this one stays outside the index of open attempts.
func insertRecovered(ctx context.Context, tx pgx.Tx, contact int64, e campaign.Evidence, state campaign.State) (uuid.UUID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, err
	}
	callUUID, by := e.CallUUID, campaign.Provider
	if state == campaign.Lost {
		callUUID, by = "", campaign.Reconciler
	}
	_, err = tx.Exec(ctx, `
		WITH numbered AS (
			UPDATE contacts SET next_attempt_no = next_attempt_no + 1 WHERE id = @contact
			RETURNING id, campaign_id, CASE WHEN @to = ANY (numbers) THEN @to ELSE to_number END AS to_number, next_attempt_no - 1 AS no,
			          CASE WHEN @to = ANY (numbers) AND @to <> to_number THEN NULL ELSE country END AS country
		)
		INSERT INTO attempts (id, contact_id, campaign_id, attempt_no, to_number, country, from_number, state, changed_by,
		                      created_at, next_check_at, recovered, call_uuid, superseded)
		SELECT @id, k.id, k.campaign_id, k.no, k.to_number, k.country, @from, @state::text, @by,
		       coalesce(@start::timestamptz, clock_timestamp()), clock_timestamp(), true, @call::text,
		       @state::text = 'accepted' AND EXISTS (
		           SELECT FROM attempts o WHERE o.to_number = k.to_number
		           AND o.state IN ('reserved', 'dialing', 'unknown', 'accepted') AND NOT o.superseded)
		FROM numbered k`, pgx.StrictNamedArgs{
		"id": id, "contact": contact, "from": e.From, "to": e.To, "state": string(state), "by": by,
		"start": zeronull.Timestamptz(e.At), "call": zeronull.Text(callUUID),
	})
	return id, err
}

// leaveUndecided keeps every contact that the call may be of from being called
// again, and has a person decide: which of them was called cannot be told.
func (db *DB) leaveUndecided(ctx context.Context, f forgottenCall, n *campaign.Restored) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		ids := strings.Trim(fmt.Sprint(f.contacts), "[]")
		if _, err := tx.Exec(ctx, raiseAlarm, nil, campaign.AlarmCallOfSeveral,
			fmt.Sprintf("forgotten call %q may be of each of the contacts %s: none is called again", f.evidence.CallUUID, ids)); err != nil {
			return err
		}
		for _, contact := range f.contacts {
			if err := lockContact(ctx, tx, contact); err != nil {
				return err
			}
			if _, err := insertRecovered(ctx, tx, contact, f.evidence, campaign.Lost); err != nil {
				return err
			}
		}
		n.Unresolved += len(f.contacts)
		return withContacts(ctx, tx, f.contacts, unchanged)
	})
}
