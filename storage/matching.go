package storage

import (
	"context"
	"fmt"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// matchByNumbers finds calls without an attempt that fit an attempt without a call, by
// their numbers and the attempt's window. It classifies each: the only call of only one
// attempt ('match'), the same while an attempt of another contact is considered to have
// had no call ('doubtful'), or anything else ('ambiguous').
//
// Of several attempts the likeliest count: those that wait for a call, then those that
// were given up, then those that are considered to have had none. This depends on when
// the call started: if that is not known, all count.
//
// A call is not classified before complete scans cover the whole windows of all its
// attempts. Until then another call, or the answer to a POST, may still appear.
const matchByNumbers = `
	WITH candidate AS MATERIALIZED (
		SELECT c.call_uuid, a.id AS attempt_id, a.contact_id, a.dialed_at,
		       CASE WHEN c.start_time IS NULL THEN 0 WHEN a.state IN ('dialing', 'unknown') THEN 1 WHEN a.state = 'lost' THEN 2 ELSE 3 END AS rank,
		       -- guard:value storage.TestMatchWaitsForTheWholeWindow: by numbers a call is matched once complete scans cover the attempt's window
		       coalesce(covered.windows @> w.w, false) AS read_whole,
		       EXISTS (
			SELECT FROM provider_calls o
			WHERE o.call_uuid <> c.call_uuid AND (o.matched_by IS NULL OR o.matched_by = 'numbers')
			  AND (o.start_time IS NULL OR o.start_time BETWEEN lower(w.w) AND upper(w.w)) AND numbers_differ(o.to_number, a.to_number) IS NOT TRUE AND may_be_call_of(o, a, w.w)) AS has_other_call
		FROM provider_calls c
		JOIN attempts a ON a.to_number = c.to_number AND (a.from_number IS NULL OR a.from_number = c.from_number)
		CROSS JOIN LATERAL (SELECT attempt_window(a, @before, @after) AS w) AS w
		LEFT JOIN LATERAL (
			SELECT range_agg(tstzrange(s.from_time, s.to_time, '[]')) AS windows FROM list_scans s
			WHERE s.to_time >= lower(w.w) AND s.from_time <= upper(w.w) AND s.database_id = (SELECT id FROM database_identity)
			  AND s.known_missing = 0 AND s.unreadable = 0 AND s.started_at >= a.token_expires_at + @settle::interval) AS covered ON true
		WHERE c.attempt_id IS NULL AND c.direction = 'outbound' AND (@calls::text[] IS NULL OR c.call_uuid = ANY (@calls))
		  AND c.first_seen_at > now() - @kept::interval
		  -- guard:drop storage.TestMatchKnowsACallInEverySpelling: a call that an attempt has is no other attempt's, however it is written
		  AND NOT EXISTS (SELECT FROM attempts has WHERE has.call_uuid = ANY (call_spellings(c.call_uuid)))
		  AND a.call_uuid IS NULL AND a.posts = 1 AND a.dialed_at > now() - 2 * @kept::interval
		  AND may_be_call_of(c, a, w.w)
		  -- A call that began before the gate blocks the proof of absence, because
		  -- clocks differ, but is not matched: it may be an earlier attempt's.
		  -- guard:drop storage.TestMatchByNumbers: a call that began before the gate is not matched by its numbers
		  AND (c.start_time IS NULL OR c.start_time >= a.dialed_at - @tolerance::interval)
	), likeliest AS (
		SELECT *, min(rank) OVER call = rank AS likely, bool_and(read_whole) OVER call AS sure,
		       min(contact_id) OVER call IS DISTINCT FROM max(contact_id) OVER call AS several
		FROM candidate WINDOW call AS (PARTITION BY call_uuid)
	)
	SELECT call_uuid, (array_agg(attempt_id))[1], (array_agg(contact_id))[1],
	       -- guard:value storage.TestMatchByNumbers: a call that may be of two attempts, or that shares one with another call, is matched to none
	       CASE WHEN count(*) > 1 OR bool_or(has_other_call) THEN 'ambiguous'
	            WHEN bool_or(several) THEN 'doubtful' ELSE 'match' END
	FROM likeliest WHERE likely AND sure
	GROUP BY call_uuid ORDER BY 3, 1`

// match is one row of matchByNumbers. For an ambiguous call the attempt is one of
// several.
type match struct {
	call    string
	target  target
	verdict string
}

func scanMatch(row pgx.CollectableRow) (m match, err error) {
	var contact zeronull.Int8
	err = row.Scan(&m.call, &m.target.attempt, &contact, &m.verdict)
	m.target.owner = ownedBy(int64(contact), m.target.attempt)
	return m, err
}

func matchArgs(t campaign.Times, calls []string) pgx.StrictNamedArgs {
	return pgx.StrictNamedArgs{
		"before": t.WindowBefore(), "after": t.WindowAfter(), "settle": t.SettleAfter, "kept": t.RecordsKept, "calls": calls,
		"tolerance": campaign.ClockTolerance,
	}
}

// MatchCalls gives calls without an attempt to the attempts that alone can have made
// them, by their numbers and times. It raises alarms for the others: calls that may
// belong to several attempts, or that share one with another call, and calls from a
// number of a campaign that no attempt explains.
func (db *DB) MatchCalls(ctx context.Context, t campaign.Times) (n campaign.Reconciled, err error) {
	//guard:drop storage.TestMatchKnowsACallInEverySpelling: two rows of one call, in different words, are of one attempt
	if err := db.bindSpellings(ctx); err != nil {
		return n, fmt.Errorf("match calls: %w", err)
	}
	matches, err := collect(ctx, db.pool, scanMatch, matchByNumbers, matchArgs(t, nil))
	if err != nil {
		return n, fmt.Errorf("match calls: %w", err)
	}
	for _, m := range matches {
		if m.verdict == "ambiguous" {
			n.Ambiguous++
			err = db.raiseOnce(ctx, campaign.Alarm{Kind: campaign.AlarmAmbiguousMatch, Detail: ambiguousDetail(m.call)})
		} else {
			err = db.matchCall(ctx, m, t, &n)
		}
		if err != nil {
			return n, fmt.Errorf("match call %q: %w", m.call, err)
		}
	}
	if err := db.raiseUnmatched(ctx, t); err != nil {
		return n, fmt.Errorf("match calls: %w", err)
	}
	return n, nil
}

// bindSpellings gives a call to the attempt that has it under another spelling of its
// uuid. There are two rows of one call if two processes learned of it at once, in
// different spellings. The record is folded in the next round, also if the attempt got
// its call only now.
func (db *DB) bindSpellings(ctx context.Context) error {
	_, err := db.pool.Exec(ctx, `
		-- guard:value storage.TestRecordBoundWhileMatchingIsFolded: a record that is given to its attempt is folded, whoever gives it
		UPDATE provider_calls c SET attempt_id = a.id, matched_by = 'uuid', matched_at = clock_timestamp()
		FROM attempts a
		WHERE c.attempt_id IS NULL AND a.call_uuid = ANY (call_spellings(c.call_uuid))`)
	return err
}

// matchCall gives a call to its attempt, if they still match once the attempt is
// locked.
func (db *DB) matchCall(ctx context.Context, m match, t campaign.Times, n *campaign.Reconciled) error {
	matched := false
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		matched = false
		return withOwners(ctx, tx, []owner{m.target.owner}, func(c *contactTx) error {
			again, err := collect(ctx, tx, scanMatch, matchByNumbers, matchArgs(t, []string{m.call}))
			if err != nil || len(again) != 1 || again[0] != m {
				return err
			}
			matched = true
			return c.foldMatch(ctx, tx, m)
		})
	})
	if err == nil && matched {
		n.Matched++
	}
	return err
}

// foldMatch folds the record of a call into the attempt that matches it by numbers.
func (c *contactTx) foldMatch(ctx context.Context, tx pgx.Tx, m match) error {
	records, err := collect(ctx, tx, scanRecord, `
		WITH matched AS (
			UPDATE provider_calls SET attempt_id = $2, matched_by = 'numbers', matched_at = clock_timestamp(), folded = true
			WHERE call_uuid = $1 RETURNING *)
		SELECT `+recordColumns+` FROM matched c`, m.call, m.target.attempt)
	if err != nil || len(records) != 1 {
		return err
	}
	c.fold(m.target.attempt, records[0], campaign.Provider)
	if m.verdict == "doubtful" {
		c.alarms = append(c.alarms, campaign.Alarm{
			Kind: campaign.AlarmAmbiguousMatch, AttemptID: m.target.attempt,
			Detail: fmt.Sprintf("call %q is matched to the attempt that waited for one, and may be of another contact, which Vonage may have called though it said otherwise", m.call),
		})
	}
	return nil
}

// raiseUnmatched raises an alarm for each call from a number of a campaign that no
// attempt explains, once the answer to its POST can no longer come. A leg of a known
// call is explained. A call that may be the leg of a call whose conversation is not
// known yet waits for that. While the database is locked it raises none, because the
// database may have forgotten the call.
func (db *DB) raiseUnmatched(ctx context.Context, t campaign.Times) error {
	_, err := db.pool.Exec(ctx, `
		INSERT INTO alarms (kind, detail)
		SELECT @unmatched, replace(@unmatched_detail, '%', c.call_uuid)
		FROM provider_calls c
		WHERE c.attempt_id IS NULL AND c.direction = 'outbound'
		  AND c.first_seen_at < now() - @settle::interval AND c.first_seen_at > now() - @kept::interval
		  AND EXISTS (SELECT FROM campaigns WHERE c.from_number = ANY (from_numbers))
		  -- guard:drop storage.TestUnmatchedCalls: a leg of a known call is explained
		  AND NOT EXISTS (SELECT FROM attempts WHERE conversation_uuid = ANY (conversation_spellings(c.conversation_uuid)))
		  -- A call lasts two hours at most, after it rang for two minutes.
		  -- guard:drop storage.TestUnmatchedCalls: a leg of a call whose conversation is not known yet is waited for
		  AND NOT EXISTS (SELECT FROM attempts o WHERE o.state IN ('dialing', 'unknown', 'accepted') AND o.conversation_uuid IS NULL AND o.dialed_at - coalesce(c.start_time, c.first_seen_at) BETWEEN interval '-123 minutes' AND @before::interval)
		  -- guard:drop storage.TestLegsInEveryWording: a leg of which an event tells is explained
		  AND NOT EXISTS (SELECT FROM events e WHERE e.leg AND e.attempt_id IS NOT NULL AND e.call_uuid = ANY (call_spellings(c.call_uuid)))
		  AND NOT EXISTS (
			SELECT FROM attempts a WHERE a.to_number = c.to_number AND a.call_uuid IS NULL AND a.posts = 1
			AND may_be_call_of(c, a, attempt_window(a, @before, @after)))
		  -- guard:drop storage.TestUnmatchedCalls: a locked database does not know yet which calls it forgot
		  AND NOT EXISTS (SELECT FROM database_identity WHERE locked)
		ON CONFLICT DO NOTHING`, pgx.StrictNamedArgs{
		"unmatched": campaign.AlarmUnmatchedCall, "unmatched_detail": unmatchedDetail("%"),
		"before": t.WindowBefore(), "after": t.WindowAfter(), "settle": t.SettleAfter, "kept": t.RecordsKept,
	})
	return err
}

func (db *DB) raiseOnce(ctx context.Context, a campaign.Alarm) error {
	_, err := db.pool.Exec(ctx, `INSERT INTO alarms (attempt_id, kind, detail) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		zeronull.UUID(a.AttemptID), a.Kind, a.Detail)
	return err
}

func unmatchedDetail(call string) string {
	return `call "` + call + `" from one of our numbers, which no attempt explains`
}

func ambiguousDetail(call string) string {
	return `call "` + call + `" might be one of several attempts, or share one with another call: matched to none`
}
