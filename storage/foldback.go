package storage

import (
	"context"
	"fmt"
	"strings"
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// skewMost is how far the clocks of Vonage and of the database may differ.
const skewMost = `interval '1 minute'`

// everything is how FoldBack takes its records: of two that may be of one
// attempt and come apart, the second is a forgotten call of the same contact,
// and no person is called again for either.
var everything = campaign.Reading{From: time.Unix(0, 0), To: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}

// FoldBack folds records of Vonage's list into a database that is held. A
// call that the database forgot is one that no attempt has, from a campaign's
// number to one of its contacts that was not done at the database's last mark,
// begun when the campaign was there and not before that mark. The first reading only counts
// those, since a call that is known must end before the next to its number is
// taken; the second adopts them. A hold that waits for nobody becomes one that
// does, where there was no reason to expect a forgotten call.
func (db *DB) FoldBack(ctx context.Context, h campaign.Hold, records []campaign.Evidence) (n campaign.FoldedBack, err error) {
	if _, _, err := db.reconcile(ctx, records, everything, true); err != nil {
		return n, err
	}
	forgotten, err := db.forgotten(ctx, h, records)
	if err != nil {
		return n, fmt.Errorf("look for forgotten calls: %w", err)
	}
	n.Forgotten = len(forgotten)
	switch {
	case n.Forgotten > 0 && h.Reason == campaign.HeldUnwitnessed:
		err = db.distrust(ctx, h)
	case h.Readings > 0:
		err = db.adoptAll(ctx, forgotten, records, h, &n)
	}
	if err != nil {
		return n, fmt.Errorf("fold back: %w", err)
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

// endedSince is true for a contact k of campaign c that was ended by a person
// after the mark: by a stop, or by the suppression of its number.
const endedSince = `(k.reason = 'stopped' AND c.stopped_at >= @known
		OR k.reason = 'suppressed' AND EXISTS (SELECT FROM suppressions s WHERE s.number = k.to_number AND s.created_at >= @known))`

const forgotten = `
	SELECT r.call_uuid, k.id
	FROM unnest(@uuids::text[], @tos::text[], @froms::text[], @starts::timestamptz[]) AS r (call_uuid, to_number, from_number, start_time)
	JOIN contacts k ON k.to_number = r.to_number
	JOIN campaigns c ON c.id = k.campaign_id AND r.from_number = ANY (c.from_numbers)
		AND (k.state <> 'done' OR ` + endedSince + `)
		AND (r.start_time IS NULL OR r.start_time >= c.created_at - ` + skewMost + `)
	WHERE (r.start_time IS NULL OR r.start_time >= @known::timestamptz - ` + skewMost + `)
	  AND NOT EXISTS (SELECT FROM attempts a WHERE a.call_uuid = r.call_uuid)
	  AND NOT EXISTS (SELECT FROM attempts a WHERE a.kind = 'manual' AND a.to_number = r.to_number
		AND coalesce(a.from_number, r.from_number) = r.from_number AND a.call_uuid IS NULL AND a.posts = 1 AND a.state <> 'refused'
		AND coalesce(r.start_time BETWEEN ` + windowStart + ` AND ` + windowEnd + `, a.dialed_at > now() - interval '48 hours'))
	  AND NOT EXISTS (SELECT FROM foreign_calls f WHERE f.call_uuid = r.call_uuid AND f.first_seen <= @known)
	ORDER BY r.start_time, r.call_uuid, k.id`

// forgotten finds the forgotten calls among the records, oldest first.
func (db *DB) forgotten(ctx context.Context, h campaign.Hold, records []campaign.Evidence) (list []forgottenCall, err error) {
	byCall := map[string]campaign.Evidence{}
	var uuids, tos, froms []string
	var starts []zeronull.Timestamptz
	for _, e := range records {
		if e = clean(e); e.CallUUID == "" || e.Direction != "outbound" {
			continue
		}
		byCall[e.CallUUID] = e
		uuids, tos, froms = append(uuids, e.CallUUID), append(tos, e.To), append(froms, e.From)
		starts = append(starts, zeronull.Timestamptz(e.At))
	}
	rows, err := db.pool.Query(ctx, forgotten, pgx.StrictNamedArgs{
		"uuids": uuids, "tos": tos, "froms": froms, "starts": starts, "known": h.KnownUntil,
	})
	if err != nil {
		return nil, err
	}
	var callUUID string
	var contact int64
	_, err = pgx.ForEachRow(rows, []any{&callUUID, &contact}, func() error {
		if last := len(list) - 1; last >= 0 && list[last].evidence.CallUUID == callUUID {
			list[last].contacts = append(list[last].contacts, contact)
			return nil
		}
		list = append(list, forgottenCall{byCall[callUUID], []int64{contact}})
		return nil
	})
	return list, err
}

func (db *DB) adoptAll(ctx context.Context, calls []forgottenCall, records []campaign.Evidence, h campaign.Hold, n *campaign.FoldedBack) error {
	for _, f := range calls {
		take := db.adopt
		if len(f.contacts) > 1 {
			take = db.leaveUndecided
		}
		if err := take(ctx, f, n); err != nil {
			return err
		}
	}
	return db.alarmForeign(ctx, records, h)
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
		if _, err := tx.Exec(ctx, foreignNoLonger, noLonger([]string{f.evidence.CallUUID})...); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, raiseAlarm, attempt, campaign.AlarmCallRecovered,
			fmt.Sprintf("Vonage has call %q, which was forgotten here", f.evidence.CallUUID)); err != nil {
			return err
		}
		return withContacts(ctx, tx, []int64{contact}, func(d *contactTx) error {
			d.fold(attempt, f.evidence, campaign.Provider)
			return nil
		})
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

// alarmForeign raises the alarms that reconciling kept back while it was not
// known yet which calls would be recovered.
func (db *DB) alarmForeign(ctx context.Context, records []campaign.Evidence, h campaign.Hold) error {
	uuids := make([]string, len(records))
	for i, e := range records {
		uuids[i] = plain(e.CallUUID)
	}
	_, err := db.pool.Exec(ctx, `
		INSERT INTO alarms (kind, detail)
		SELECT $3, 'call "' || f.call_uuid || '" from one of our numbers, which no attempt explains'
		FROM foreign_calls f
		WHERE f.call_uuid = ANY ($1) AND f.first_seen > $2 AND f.direction = 'outbound' AND NOT f.ambiguous
		  AND EXISTS (SELECT FROM campaigns WHERE f.from_number = ANY (from_numbers))
		  AND NOT EXISTS (SELECT FROM attempts WHERE conversation_uuid = f.conversation_uuid)
		ON CONFLICT DO NOTHING`, uuids, h.KnownUntil, campaign.AlarmUnmatchedCall)
	return err
}
