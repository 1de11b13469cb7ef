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

// Recover looks for calls that the database forgot, once complete scans of Vonage's
// list since the lock was set are stored. Any call without an attempt may be forgotten,
// if it went to a contact that was not done at the database's last checkpoint, and
// began after the campaign was created and not before that checkpoint. After the first
// scan such calls are only counted, since a known call must end before the next one to
// its number is recovered. After the second each gets an attempt. If the lock's reason
// made no forgotten call likely, the lock then waits for a person.
func (db *DB) Recover(ctx context.Context, l campaign.DialLock, t campaign.Times) (n campaign.Restored, err error) {
	forgotten, err := db.forgotten(ctx, l, t)
	if err != nil {
		return n, fmt.Errorf("look for forgotten calls: %w", err)
	}
	n.Forgotten = len(forgotten)
	switch {
	case n.Forgotten > 0 && !l.Reason.Suspects():
		err = db.distrust(ctx, l)
	case l.Scans > 0:
		err = db.recoverAll(ctx, forgotten, &n)
	}
	if err != nil {
		return n, fmt.Errorf("recover forgotten calls: %w", err)
	}
	return n, nil
}

// distrust makes a person decide: Vonage has calls that are unknown here.
func (db *DB) distrust(ctx context.Context, l campaign.DialLock) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		d, found, err := db.server.identity(ctx, tx, ` FOR UPDATE`)
		if err != nil || !d.Lock.Since.Equal(l.Since) {
			return err
		}
		return setDialLock(ctx, tx, d, found, campaign.LockedRestored)
	})
}

// forgottenCall is a record of a call that may have been forgotten, and its possible
// contacts. It is certain if the record has the contact's number and the campaign's in
// their stored form, and shows that the call went out.
type forgottenCall struct {
	evidence campaign.Evidence
	contacts []int64
	certain  bool
}

// unexplained are the calls without an attempt, in any wording, that may have been made
// since the checkpoint, and the contacts that may have been called since. An ended
// contact counts if a person ended it after the checkpoint, by a stop, a cancellation
// or the suppression of its number, or if its time passed since.
//
// A number's last seven digits find those that do not differ: numbers_differ needs the
// same ones.
const unexplained = `
	WITH unexplained AS MATERIALIZED (
		SELECT c.* FROM provider_calls c
		WHERE c.attempt_id IS NULL
		  -- guard:drop storage.TestRecoverInAnyWording: an inbound call is none that was forgotten
		  AND c.direction <> 'inbound'
		  -- guard:drop storage.TestRecoverInAnyWording: a call to something that is no telephone is none that was forgotten
		  AND c.to_kind <> 'other'
		  AND (c.start_time IS NULL OR c.start_time >= @known::timestamptz - @before::interval)
		  AND c.first_seen_at > @known
		  -- guard:drop storage.TestRecoverInAnyWording: a leg of a known call, of which an event tells, is none that was forgotten
		  AND NOT EXISTS (SELECT FROM events e WHERE e.attempt_id = c.leg_of AND e.call_uuid = c.call_uuid)
		  AND NOT EXISTS (
			SELECT FROM attempts a WHERE a.kind = 'manual' AND a.to_number = c.to_number AND a.call_uuid IS NULL AND a.posts = 1 AND a.state <> 'refused'
			AND may_be_call_of(c, a, attempt_window(a, @before, @after)))
	), callable AS (
		SELECT k.id, coalesce(k.numbers, ARRAY[k.to_number]) AS numbers, p.from_numbers, p.created_at
		FROM contacts k
		JOIN campaigns p ON p.id = k.campaign_id
			-- guard:value storage.TestRecoverContactThatEndedMeanwhile: a contact that a person ended since may have been called
			-- guard:value storage.TestRecoverContactThatEndedMeanwhile: a contact that had ended before was not called
			AND (k.state <> 'done'
			  OR k.reason = 'stopped' AND p.stopped_at >= @known
			  OR k.reason = 'cancelled_by_request' AND k.cancelled_at >= @known
			  OR k.reason = 'expired' AND least(k.not_later_than, p.ends_at) >= @known - interval '1 minute'
			  OR k.reason = 'suppressed' AND EXISTS (
				SELECT FROM suppressions s -- any since, ended or not
				WHERE s.number = ANY (coalesce(k.numbers, ARRAY[k.to_number])) AND suppression_holds(s.campaign_id, s.purpose, k.campaign_id) AND s.created_at >= @known))
		WHERE EXISTS (SELECT FROM unexplained)
	)`

// forgotten finds calls without an attempt that a contact may have had, and the
// contacts. If a record is complete, only the contacts whose campaign calls from its
// number are possible.
const forgotten = unexplained + `, pairs AS (
		SELECT c.call_uuid, k.id,
		       coalesce(k.number = c.to_number AND c.from_number = ANY (k.from_numbers) AND c.direction = 'outbound', false) AS certain
		FROM unexplained c
		JOIN (SELECT k.*, unnest(k.numbers) AS number FROM callable k) AS k ON right(ltrim(k.number, '+0'), 7) = right(ltrim(c.to_number, '+0'), 7)
		-- guard:value storage.TestRecoverInAnyWording: a call that may be to a contact's number, in whatever words, may have been forgotten
		WHERE numbers_differ(c.to_number, k.number) IS NOT TRUE
		  AND (c.start_time IS NULL OR c.start_time >= k.created_at - @before::interval)
		  -- A person was asked already.
		  AND NOT EXISTS (
			SELECT FROM attempts a JOIN alarms m ON m.attempt_id = a.id
			WHERE a.contact_id = k.id AND m.kind = @lost AND m.detail = replace(@lost_detail, '%', c.call_uuid))
	)
	SELECT ` + recordColumns + `, p.certain, p.contacts
	FROM (
		SELECT call_uuid, bool_or(certain) AS certain,
		       coalesce(array_agg(DISTINCT id) FILTER (WHERE certain), array_agg(DISTINCT id)) AS contacts
		FROM pairs GROUP BY call_uuid) AS p
	JOIN provider_calls c ON c.call_uuid = p.call_uuid
	ORDER BY c.start_time, c.call_uuid`

// forgotten finds the calls that the database forgot, oldest first.
func (db *DB) forgotten(ctx context.Context, l campaign.DialLock, t campaign.Times) ([]forgottenCall, error) {
	args := unexplainedArgs(l, t)
	args["lost"], args["lost_detail"] = campaign.AlarmLost, forgottenDetail("%")
	return collect(ctx, db.pool, func(row pgx.CollectableRow) (f forgottenCall, err error) {
		err = row.Scan(append(recordFields(&f.evidence), &f.certain, &f.contacts)...)
		f.evidence = whole(f.evidence)
		return f, err
	}, forgotten, args)
}

func unexplainedArgs(l campaign.DialLock, t campaign.Times) pgx.StrictNamedArgs {
	return pgx.StrictNamedArgs{"known": l.KnownUntil, "before": t.WindowBefore(), "after": t.WindowAfter()}
}

// CallsToAnybody counts the calls without an attempt whose called party in the list is
// missing or unreadable: each may be a forgotten call to any contact. A call from a
// number that is certainly no campaign's is not counted.
func (db *DB) CallsToAnybody(ctx context.Context, l campaign.DialLock, t campaign.Times) (n int, err error) {
	err = db.pool.QueryRow(ctx, unexplained+`, callers AS (
			SELECT DISTINCT from_number, k.created_at FROM callable k, unnest(k.from_numbers) AS from_number
		)
		SELECT count(*) FROM unexplained c
		WHERE c.to_number IS NULL AND EXISTS (
			SELECT FROM callers p
			-- guard:drop storage.TestRecoverInAnyWording: a call from a number that is no campaign's, to nobody knows whom, is no forgotten one
			WHERE numbers_differ(c.from_number, p.from_number) IS NOT TRUE
			  AND (c.start_time IS NULL OR c.start_time >= p.created_at - @before::interval))`, unexplainedArgs(l, t)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count calls that may be to anybody: %w", err)
	}
	return n, nil
}

func (db *DB) recoverAll(ctx context.Context, calls []forgottenCall, n *campaign.Restored) error {
	for _, f := range calls {
		take := db.recoverCall
		//guard:value(!f.certain) storage.TestRecoverAmbiguousCall: a call that may be of several contacts is given to none
		//guard:value(len(f.contacts) > 1) storage.TestRecoverInAnyWording: a call in other words than ours is given to no contact
		if len(f.contacts) > 1 || !f.certain {
			take = db.leaveUndecided
		}
		if err := take(ctx, f, n); err != nil {
			return err
		}
	}
	return nil
}

// recoverCall gives the call to an attempt of its only possible contact: one that waits
// for a call, or else a new one.
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

// waitingAttempt locks the contact and finds its open attempt without a call, if that
// went out, or would go out, from the same number; else uuid.Nil.
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

// insertRecovered creates the attempt of a forgotten call. If another call to the
// number is open, this one stays outside the index of open attempts. Values that are
// missing or unreadable in the record come from the contact and its campaign.
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
			RETURNING id, campaign_id, to_number AS first, next_attempt_no - 1 AS no, country, coalesce((
				SELECT n FROM unnest(numbers) WITH ORDINALITY AS x (n, at)
				WHERE NOT numbers_differ(n, @to) ORDER BY n <> @to, at LIMIT 1), to_number) AS to_number
		)
		INSERT INTO attempts (id, contact_id, campaign_id, attempt_no, to_number, country, from_number, state, changed_by,
		                      created_at, next_check_at, recovered, call_uuid, superseded)
		SELECT @id, k.id, k.campaign_id, k.no, k.to_number, CASE WHEN k.to_number = k.first THEN k.country END,
		       CASE WHEN @from ~ '^[0-9]{1,15}$' THEN @from ELSE (SELECT from_numbers[1] FROM campaigns WHERE id = k.campaign_id) END, @state::text, @by,
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

// forgottenDetail asks a person about an attempt to which a call may belong.
func forgottenDetail(call string) string {
	return `call "` + call + `" of Vonage's list, which the database had forgotten, may be this contact's: nobody is called before you decide`
}

// leaveUndecided keeps every possible contact of the call from being called again, and
// asks a person about each: nobody can tell which of them was called, if any.
func (db *DB) leaveUndecided(ctx context.Context, f forgottenCall, n *campaign.Restored) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		if len(f.contacts) > 1 {
			ids := strings.Trim(fmt.Sprint(f.contacts), "[]")
			if _, err := tx.Exec(ctx, raiseAlarm, nil, campaign.AlarmCallOfSeveral,
				fmt.Sprintf("forgotten call %q may be of each of the contacts %s: none is called again", f.evidence.CallUUID, ids)); err != nil {
				return err
			}
		}
		for _, contact := range f.contacts {
			if err := lockContact(ctx, tx, contact); err != nil {
				return err
			}
			attempt, err := insertRecovered(ctx, tx, contact, f.evidence, campaign.Lost)
			if err != nil {
				return err
			}
			//guard:value(tx.Exec(ctx, `SELECT $1::uuid`, attempt)) storage.TestRecoverInAnyWording: a person is asked about each contact that a forgotten call may be of
			_, err = tx.Exec(ctx, raiseAlarm, attempt, campaign.AlarmLost, forgottenDetail(f.evidence.CallUUID))
			if err != nil {
				return err
			}
		}
		n.Unresolved += len(f.contacts)
		return withContacts(ctx, tx, f.contacts, unchanged)
	})
}
