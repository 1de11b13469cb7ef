package storage

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Violation is a promise that some rows break.
type Violation struct {
	Invariant string // I1, I2 ...
	What      string
	Count     int
	Examples  []string // ids, at most twenty; no telephone numbers
}

// invariants are the promises that Postgres alone can check: each query returns the ids
// of the rows that break one. internal/verify checks those that need a simulator's
// ledger.
var invariants = []struct{ name, what, broken string }{
	{"I1", "attempts for which Vonage named a second call", `
		SELECT attempt_id::text AS id FROM alarms WHERE kind = 'second_call_for_attempt'`},
	{"I1", "attempts past the gate more than once, or not once", `
		SELECT id::text FROM attempts
		WHERE posts <> CASE WHEN dialed_at IS NULL THEN 0 ELSE 1 END`},
	{"I2", "numbers with two open attempts, by one of these", `
		SELECT max(id::text) AS id FROM attempts
		WHERE state IN ('reserved', 'dialing', 'unknown', 'accepted') AND to_number IS NOT NULL
		GROUP BY to_number HAVING count(*) > 1`},
	{"I3", "attempts dialed although an earlier one of the contact was not over, or was final", `
		SELECT DISTINCT later.id::text AS id
		FROM attempts earlier
		JOIN attempts later ON later.contact_id = earlier.contact_id AND later.attempt_no > earlier.attempt_no
		JOIN campaigns c ON c.id = earlier.campaign_id
		LEFT JOIN campaign_versions v ON v.campaign_id = c.id AND v.version = later.campaign_version -- by which it was dialed
		WHERE later.dialed_at IS NOT NULL AND earlier.state NOT IN ('void', 'refused', 'absent')
		  -- Each reminder has its own calls.
		  AND NOT EXISTS (SELECT FROM contacts k, unnest(k.remind_at) AS reminder
		                  WHERE k.id = later.contact_id AND reminder > earlier.dialed_at AND reminder <= later.dialed_at AND earlier.state = 'ended')
		  AND NOT (earlier.state = 'ended' AND earlier.ended_at < later.dialed_at + interval '5 seconds'
		           AND (earlier.to_number <> later.to_number AND earlier.disposition NOT IN ('answered', 'human', 'machine')
		             OR coalesce(v.settings, c.settings)->'retry'->>'until' IN ('heard', 'result') AND earlier.disposition IN ('answered', 'human', 'machine')
		                AND earlier.result IS NULL AND (earlier.heard_at IS NULL OR coalesce(v.settings, c.settings)->'retry'->>'until' = 'result')
		             OR coalesce(v.settings, c.settings)->'retry'->'again' ? CASE
				WHEN earlier.hung_up_at IS NOT NULL AND earlier.disposition = 'unexplained' THEN 'unanswered'
				ELSE earlier.disposition END))`},
	{"I4", "active contacts without an open attempt", `
		SELECT id::text FROM contacts k WHERE state = 'active' AND NOT EXISTS (
			SELECT FROM attempts a WHERE a.contact_id = coalesce(k.call_with, k.id)
			AND a.state IN ('reserved', 'dialing', 'unknown', 'accepted'))`},
	{"I4", "open attempts of contacts that are not active", `
		SELECT a.id::text FROM attempts a JOIN contacts k ON k.id = a.contact_id
		WHERE a.state IN ('reserved', 'dialing', 'unknown', 'accepted') AND k.state <> 'active'`},
	{"I4", "contacts whose count of calls is not that of their attempts", `
		SELECT k.id::text FROM contacts k LEFT JOIN attempts a ON a.contact_id = coalesce(k.call_with, k.id)
			AND (a.state IN ('accepted', 'ended') OR a.must_exist)
		GROUP BY k.id HAVING count(a.id) <> k.attempts`},
	{"I4", "contacts that ended for a reason that none of their attempts shows", `
		SELECT k.id::text FROM contacts k
		WHERE k.reason NOT IN ('suppressed', 'stopped', 'expired', 'cancelled_by_request')
		  -- an invalid number at any time, ended ones too
		  AND NOT (k.reason = 'refused' AND EXISTS (SELECT FROM suppressions s WHERE s.number = k.to_number AND s.invalid)) AND NOT EXISTS (
			SELECT FROM attempts a WHERE a.contact_id = coalesce(k.call_with, k.id) AND CASE k.reason
				WHEN 'refused' THEN a.state = 'refused' OR a.state = 'void' AND a.note = 'country'
				WHEN 'unresolved' THEN a.state IN ('lost', 'absent')
				WHEN 'message' THEN a.state = 'void' AND a.note = 'message'
				ELSE a.disposition = k.reason END)`},
	{"I4", "contacts that ended as stopped in a campaign that nobody stopped", `
		SELECT k.id::text FROM contacts k JOIN campaigns c ON c.id = k.campaign_id
		WHERE k.reason = 'stopped' AND c.status <> 'stopped'`},
	{"I4", "contacts that ended as message although the alarm about it says that they stay due", `
		SELECT k.id::text FROM contacts k
		WHERE k.reason = 'message' AND EXISTS ( -- an earlier version ended them, and raised no alarm
			SELECT FROM attempts a JOIN alarms m ON m.attempt_id = a.id AND m.kind = 'message_refused'
			WHERE a.contact_id = coalesce(k.call_with, k.id))`},
	{"I4", "contacts that share a call and stand otherwise than the one that has it", `
		SELECT k.id::text FROM contacts k JOIN contacts l ON l.id = k.call_with
		WHERE (k.state, k.reason, k.result, k.heard_at, k.answered, k.attempts) IS DISTINCT FROM (l.state, l.reason, l.result, l.heard_at, l.answered, l.attempts)`},
	{"I4", "attempts that are not their contact's", `
		SELECT a.id::text FROM attempts a JOIN contacts k ON k.id = a.contact_id
		WHERE a.campaign_id <> k.campaign_id OR a.posts = 1 AND a.to_number <> ALL (coalesce(k.numbers, ARRAY[k.to_number]))`},
	{"I5", "calls of Vonage's list that are matched to another attempt than the one that has them, or to none", `
		SELECT c.call_uuid AS id FROM provider_calls c
		LEFT JOIN attempts a ON replace(lower(a.call_uuid), '-', '') = replace(lower(c.call_uuid), '-', '') -- a list may word it otherwise
		WHERE c.attempt_id <> a.id OR a.id IS NULL AND c.attempt_id IS NOT NULL
		   OR a.id IS NOT NULL AND c.attempt_id IS NULL AND c.first_seen_at < now() - interval '5 minutes'`},
	{"I3", "absent attempts of which no two complete scans prove that they made no call, and no person says so", `
		SELECT a.id::text FROM attempts a
		LEFT JOIN list_scans x ON x.id = a.absent_scan_1 LEFT JOIN list_scans y ON y.id = a.absent_scan_2
		WHERE a.state = 'absent' AND a.absent_by IS NULL AND (x.known_missing + y.known_missing + x.unreadable + y.unreadable > 0 OR x.known_shown * y.known_shown = 0
			OR x.started_at < a.token_expires_at OR y.started_at <= x.started_at) IS NOT FALSE`},
	{"I6", "attempts whose price is not the last one of its trail", `
		SELECT a.id::text FROM attempts a LEFT JOIN LATERAL (
			SELECT price FROM price_history WHERE attempt_id = a.id ORDER BY rev DESC LIMIT 1) last ON true
		WHERE a.price IS DISTINCT FROM last.price`},
	{"I8", "attempts dialed outside their campaign's hours", `
		SELECT a.id::text FROM attempts a
		JOIN contacts k ON k.id = a.contact_id
		JOIN zone_groups g ON g.id = coalesce(k.number_groups[array_position(k.numbers, a.to_number)], k.zone_group_id)
		JOIN campaigns c ON c.id = a.campaign_id
		WHERE a.dialed_at IS NOT NULL AND NOT within_hours(a.dialed_at, g.zones, c.open_minutes, c.closed_dates)`},
	{"I8", "attempts dialed to a number after it was suppressed", `
		SELECT a.id::text FROM attempts a JOIN suppressions s ON s.number = a.to_number AND suppression_holds(s.campaign_id, s.purpose, a.campaign_id)
		-- those that held at the call, ended since or not
		WHERE a.dialed_at > s.created_at + interval '5 seconds'
		  AND (s.expires_at IS NULL OR s.expires_at > a.dialed_at)
		  AND (s.ended_at IS NULL OR s.ended_at > a.dialed_at)`},
	{"I9", "events whose status their attempt does not show", `
		SELECT e.id::text FROM events e JOIN attempts a ON a.id = e.attempt_id AND a.call_uuid = e.call_uuid
		WHERE e.status IN ('started', 'ringing', 'answered', 'human', 'machine', 'busy', 'cancelled', 'failed',
		                   'rejected', 'timeout', 'unanswered', 'completed')
		  AND NOT a.statuses @> ARRAY[e.status]`},
	{"I10", "rows that are both a contact and refused, by contact", `
		SELECT k.id::text FROM contacts k JOIN rejected_rows r USING (campaign_id, source, line_no)
		WHERE NOT EXISTS (SELECT FROM imports i WHERE i.campaign_id = k.campaign_id AND i.source = k.source AND i.id > k.import_id)`},
	{"I10", "counters that are not what a full count says, by campaign", `
		SELECT concat_ws(' ', campaign_id, subject, state, outcome) AS id
		FROM counted c FULL JOIN counter_totals t USING (campaign_id, subject, state, outcome)
		WHERE (c.n, c.priced, c.seconds, c.price) IS DISTINCT FROM (t.n, t.priced, t.seconds, t.price)`},
	{"I10", "counters of an hour that are not what a full count says, by campaign", `
		SELECT concat_ws(' ', campaign_id, to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24"h"'), state, outcome) AS id
		FROM counted_hours c FULL JOIN hourly_totals t USING (campaign_id, hour, state, outcome)
		WHERE (c.n, c.priced, c.seconds, c.price) IS DISTINCT FROM (t.n, t.priced, t.seconds, t.price)`},
	{"I10", "counters by country that are not what a full count says, by campaign", `
		SELECT concat_ws(' ', campaign_id, country, billing) AS id
		FROM counted_countries c FULL JOIN country_totals t USING (campaign_id, country, billing)
		WHERE (c.n, c.seconds, c.price) IS DISTINCT FROM (t.n, t.seconds, t.price)`},
}

// CheckInvariants finds every broken promise, all at one moment.
func (db *DB) CheckInvariants(ctx context.Context) ([]Violation, error) {
	var found []Violation
	err := db.read(ctx, func(tx pgx.Tx) error {
		for _, i := range invariants {
			v := Violation{Invariant: i.name, What: i.what}
			err := tx.QueryRow(ctx, `
				WITH broken AS MATERIALIZED (`+i.broken+`)
				SELECT count(*), ARRAY(SELECT id FROM broken ORDER BY id LIMIT 20) FROM broken`).Scan(&v.Count, &v.Examples)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", i.name, i.what, err)
			}
			if v.Count > 0 {
				found = append(found, v)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("check invariants: %w", err)
	}
	return found, nil
}
