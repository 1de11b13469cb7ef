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
// not done at the database's last mark, begun when the campaign was there and not
// before that mark. After the first scan they are only counted, since a call that
// is known must end before the next to its number is taken; after the second each
// gets an attempt. A hold that waits for nobody becomes one that does, where there
// was no reason to expect a forgotten call.
func (db *DB) Recover(ctx context.Context, h campaign.Hold, t campaign.Times) (n campaign.FoldedBack, err error) {
	forgotten, err := db.forgotten(ctx, h, t)
	if err != nil {
		return n, fmt.Errorf("look for forgotten calls: %w", err)
	}
	n.Forgotten = len(forgotten)
	switch {
	case n.Forgotten > 0 && h.Reason == campaign.HeldUnwitnessed:
		err = db.distrust(ctx, h)
	case h.Readings > 0:
		err = db.adoptAll(ctx, forgotten, &n)
	}
	if err != nil {
		return n, fmt.Errorf("recover forgotten calls: %w", err)
	}
	return n, nil
}

// distrust has a person decide: Vonage knows of calls that are not known
// here.
func (db *DB) distrust(ctx context.Context, h campaign.Hold) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		i, found, err := db.place.stands(ctx, tx, ` FOR UPDATE`)
		if err != nil || !i.Hold.Since.Equal(h.Since) {
			return err
		}
		return hold(ctx, tx, i, found, campaign.HeldRestored)
	})
}

// forgottenCall is a record of a forgotten call and the contacts that it may
// be of.
type forgottenCall struct {
	evidence campaign.Evidence
	contacts []int64
}

// endedSince is true for a contact k of campaign p that was ended by a person
// after the mark: by a stop, or by the suppression of its number.
const endedSince = `(k.reason = 'stopped' AND p.stopped_at >= @known
		OR k.reason = 'suppressed' AND EXISTS (SELECT FROM suppressions s WHERE s.number = k.to_number AND s.created_at >= @known))`

const forgotten = `
	SELECT ` + recordColumns + `, array_agg(k.id ORDER BY k.id)
	FROM provider_calls c
	JOIN contacts k ON k.to_number = c.to_number
	JOIN campaigns p ON p.id = k.campaign_id AND c.from_number = ANY (p.from_numbers)
		AND (k.state <> 'done' OR ` + endedSince + `)
		AND (c.start_time IS NULL OR c.start_time >= p.created_at - @before::interval)
	WHERE c.attempt_id IS NULL AND c.direction = 'outbound'
	  AND (c.start_time IS NULL OR c.start_time >= @known::timestamptz - @before::interval)
	  AND c.first_seen_at > @known
	  AND NOT EXISTS (
		SELECT FROM attempts a WHERE a.kind = 'manual' AND a.to_number = c.to_number AND a.call_uuid IS NULL AND a.posts = 1 AND a.state <> 'refused'
		AND may_be_call_of(c, a, tstzrange(a.dialed_at - @before::interval, a.token_expires_at + @after::interval, '[]')))
	GROUP BY c.call_uuid ORDER BY c.start_time, c.call_uuid`

// forgotten finds the calls that the database forgot, oldest first.
func (db *DB) forgotten(ctx context.Context, h campaign.Hold, t campaign.Times) ([]forgottenCall, error) {
	return collect(ctx, db.pool, func(row pgx.CollectableRow) (f forgottenCall, err error) {
		err = row.Scan(append(recordFields(&f.evidence), &f.contacts)...)
		f.evidence = whole(f.evidence)
		return f, err
	}, forgotten, pgx.StrictNamedArgs{"known": h.KnownUntil, "before": t.WindowBefore(), "after": t.WindowAfter()})
}

func (db *DB) adoptAll(ctx context.Context, calls []forgottenCall, n *campaign.FoldedBack) error {
	for _, f := range calls {
		take := db.adopt
		if len(f.contacts) > 1 {
			take = db.leaveUndecided
		}
		if err := take(ctx, f, n); err != nil {
			return err
		}
	}
	return nil
}

// waitsFor is true for an open attempt that has no call yet and went out, or
// would go out, from the number $2.
const waitsFor = `from_number = $2 AND state IN ('reserved', 'dialing', 'unknown') AND call_uuid IS NULL`

// adopt gives the one contact that the call can be of an attempt that has it:
// one that waits for a call, or else a new one.
func (db *DB) adopt(ctx context.Context, f forgottenCall, n *campaign.FoldedBack) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		contact := f.contacts[0]
		attempt, err := waitingAttempt(ctx, tx, contact, f.evidence.From)
		if err != nil {
			return err
		}
		if attempt == uuid.Nil {
			attempt, err = insertAdopted(ctx, tx, contact, f.evidence, campaign.Accepted)
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
		if _, err := tx.Exec(ctx, callsMatched, []string{f.evidence.CallUUID}); err != nil {
			return err
		}
		return resolveMatched(ctx, tx, []string{f.evidence.CallUUID})
	})
	if err == nil {
		n.Adopted++
	}
	return err
}

// waitingAttempt locks the contact and finds its open attempt that has no call
// yet, if that went out, or would go out, from the same number; else uuid.Nil.
func waitingAttempt(ctx context.Context, tx pgx.Tx, contact int64, from string) (id uuid.UUID, err error) {
	if err := lockContact(ctx, tx, contact); err != nil {
		return uuid.Nil, err
	}
	ids, err := collect(ctx, tx, pgx.RowTo[uuid.UUID], `SELECT id FROM attempts WHERE contact_id = $1 AND `+waitsFor, contact, from)
	if err != nil || len(ids) == 0 {
		return uuid.Nil, err
	}
	return ids[0], nil
}

func lockContact(ctx context.Context, tx pgx.Tx, contact int64) error {
	_, err := tx.Exec(ctx, `SELECT FROM contacts WHERE id = $1 FOR UPDATE`, contact)
	return err
}

// insertAdopted makes the attempt of a forgotten call. Where another call to
// the number is open, this one is kept outside the index, as an superseded one.
func insertAdopted(ctx context.Context, tx pgx.Tx, contact int64, e campaign.Evidence, state campaign.State) (uuid.UUID, error) {
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
			RETURNING id, campaign_id, to_number, next_attempt_no - 1 AS no
		)
		INSERT INTO attempts (id, contact_id, campaign_id, attempt_no, to_number, from_number, state, changed_by,
		                      created_at, next_check_at, recovered, call_uuid, superseded)
		SELECT @id, k.id, k.campaign_id, k.no, k.to_number, @from, @state::text, @by,
		       coalesce(@start::timestamptz, clock_timestamp()), clock_timestamp(), true, @call::text,
		       @state::text = 'accepted' AND EXISTS (
		           SELECT FROM attempts o WHERE o.to_number = k.to_number
		           AND o.state IN ('reserved', 'dialing', 'unknown', 'accepted') AND NOT o.superseded)
		FROM numbered k`, pgx.StrictNamedArgs{
		"id": id, "contact": contact, "from": e.From, "state": string(state), "by": by,
		"start": zeronull.Timestamptz(e.At), "call": zeronull.Text(callUUID),
	})
	return id, err
}

// leaveUndecided keeps every contact that the call may be of from being called
// again, and has a person decide: which of them was called cannot be told.
func (db *DB) leaveUndecided(ctx context.Context, f forgottenCall, n *campaign.FoldedBack) error {
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
			if _, err := insertAdopted(ctx, tx, contact, f.evidence, campaign.Lost); err != nil {
				return err
			}
		}
		n.Unresolved += len(f.contacts)
		return withContacts(ctx, tx, f.contacts, unchanged)
	})
}
