package storage

import (
	"context"

	"dialer/campaign"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// knownCalls finds the attempts that have the records' uuids. A call that was
// foreign before its attempt was known is foreign no longer.
func (b *reconciliation) knownCalls(ctx context.Context, records []campaign.Evidence) (map[string]target, error) {
	uuids := make([]string, len(records))
	for i, e := range records {
		uuids[i] = plain(e.CallUUID)
	}
	known := map[string]target{}
	rows, err := b.tx.Query(ctx, `SELECT call_uuid, id, contact_id FROM attempts WHERE call_uuid = ANY ($1)`, uuids)
	if err != nil {
		return nil, err
	}
	var callUUID string
	var t target
	_, err = pgx.ForEachRow(rows, []any{&callUUID, &t.attempt, (*zeronull.Int8)(&t.owner.contact)}, func() error {
		if t.owner.manual = uuid.Nil; t.owner.contact == 0 {
			t.owner.manual = t.attempt
		}
		known[callUUID] = t
		return nil
	})
	if err != nil {
		return nil, err
	}
	_, err = b.tx.Exec(ctx, foreignNoLonger, noLonger(uuids)...)
	return known, err
}

// pairings finds every attempt that could have made a record's call. It is early
// for an attempt as long as its own call may not be listed yet. A call
// without a start may have begun at any time at which Vonage still keeps
// records, though not before an attempt that was dialed after the call was
// first seen. A manual call may be from a number that Vonage picked.
const pairings = `
	SELECT r.call_uuid, a.id, coalesce(a.contact_id, 0), a.state, EXISTS (
		SELECT FROM foreign_calls f WHERE f.call_uuid <> r.call_uuid AND ` + maybeItsOwn + `
			AND (f.start_time IS NULL OR f.start_time BETWEEN ` + windowStart + ` AND ` + windowEnd + `)),
		a.state = 'dialing' OR a.token_expires_at > now() - greatest($5::interval, ` + answerMargin + `),
		r.start_time IS NULL,
		NOT coalesce(` + windowStart + ` >= $6::timestamptz AND ` + windowEnd + ` <= $7::timestamptz, false)
	FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) AS r (call_uuid, to_number, from_number, start_time)
	JOIN attempts a ON a.to_number = r.to_number AND coalesce(a.from_number, r.from_number) = r.from_number
		AND a.call_uuid IS NULL AND a.posts = 1
		AND CASE WHEN r.start_time IS NULL THEN a.dialed_at > now() - interval '48 hours'
		    ELSE r.start_time BETWEEN ` + windowStart + ` AND ` + windowEnd + ` END
		AND NOT EXISTS (SELECT FROM foreign_calls s WHERE s.call_uuid = r.call_uuid AND s.first_seen < a.dialed_at)`

// maybeItsOwn is true of a foreign call f between the numbers of attempt a,
// unless it was seen before a was dialed.
const maybeItsOwn = `f.to_number = a.to_number AND f.from_number = coalesce(a.from_number, f.from_number)
			AND f.direction = 'outbound' AND f.first_seen >= a.dialed_at`

// match says what the records that are known to no attempt may belong to.
func (b *reconciliation) match(ctx context.Context, records []campaign.Evidence, known map[string]target) (map[string]campaign.Match, error) {
	var uuids, tos, froms []string
	var starts []zeronull.Timestamptz
	for _, e := range records {
		e = clean(e)
		if _, ok := known[e.CallUUID]; ok || e.CallUUID == "" || e.Direction != "outbound" {
			continue
		}
		uuids, tos, froms = append(uuids, e.CallUUID), append(tos, e.To), append(froms, e.From)
		starts = append(starts, zeronull.Timestamptz(e.At))
	}
	pairs, err := collect(ctx, b.tx, pgx.RowToStructByPos[campaign.Pairing], pairings, uuids, tos, froms, starts,
		b.reading.Lag, zeronull.Timestamptz(b.reading.From), zeronull.Timestamptz(b.reading.To))
	return campaign.MatchCalls(pairs), err
}
