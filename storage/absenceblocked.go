package storage

import (
	"context"
	"fmt"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
)

// blockedLooks is the number of looks after which a person is told what blocks the
// proof: the second look may still prove it.
const blockedLooks = 2

// raiseBlocked raises an alarm for each unknown attempt that was looked for and cannot
// be proved absent, with the obstacles.
const raiseBlocked = `
	INSERT INTO alarms (attempt_id, kind, detail)
	SELECT a.id, @kind, why
	FROM attempts a
	CROSS JOIN LATERAL (SELECT attempt_window(a, @before, @after) AS w) AS span
	CROSS JOIN LATERAL (SELECT coalesce(
		CASE WHEN a.must_exist THEN 'Vonage said that it made the call'
			WHEN a.message_asked_at IS NOT NULL THEN 'Vonage asked for its message' END,
		(SELECT 'an event' || coalesce(' of call "' || e.call_uuid || '"', '') || ' names it'
		 FROM events e WHERE e.attempt_id = a.id ORDER BY e.id LIMIT 1),
		(SELECT 'call "' || c.call_uuid || '" may be its call: ' || CASE
			WHEN c.to_number IS NULL THEN 'Vonage''s record does not say whom it went to'
			WHEN c.to_number <> a.to_number THEN 'its number is written in another form'
			WHEN c.direction <> 'outbound' THEN 'its direction is not said'
			WHEN c.start_time IS NULL THEN 'its start is not said'
			ELSE 'its numbers and time are the attempt''s' END
		 FROM provider_calls c
		 WHERE (c.matched_by IS NULL OR c.matched_by = 'numbers') AND (c.start_time IS NULL OR c.start_time BETWEEN lower(w) AND upper(w))
		   AND numbers_differ(c.to_number, a.to_number) IS NOT TRUE AND may_be_call_of(c, a, w) ORDER BY c.call_uuid LIMIT 1),
		CASE WHEN lower(w) <= clock_timestamp() - @provable::interval THEN 'Vonage may have dropped its record by now' END,
		CASE WHEN NOT EXISTS (
			SELECT FROM list_scans s WHERE s.from_time <= lower(w) AND s.to_time >= upper(w)
			AND scan_proves(s) AND s.database_id = (SELECT id FROM database_identity))
		THEN 'no scan of Vonage''s list over its time proves anything: none shows all calls that are known, and one at least' END,
		-- guard:value storage.TestRaiseBlocked: a person is told of an attempt of which one scan proves something and no second does
		CASE WHEN a.record_checks >= 2 * @looks THEN 'two scans of Vonage''s list must prove that it made no call, and they do not yet' END) AS why) AS x
	WHERE a.state = 'unknown' AND a.call_uuid IS NULL AND a.record_checks >= @looks AND why IS NOT NULL
	ON CONFLICT (kind, coalesce(attempt_id, '00000000-0000-0000-0000-000000000000'), detail)
	-- guard:value storage.TestResolveAsksForADecision: what blocks an attempt is told again where somebody resolved it without a decision
	DO UPDATE SET times = alarms.times + 1, last_at = clock_timestamp() WHERE alarms.resolved_at >= alarms.last_at
`

// RaiseBlocked raises alarms about the obstacles to proofs of absence. It resolves the
// alarms that ask for a decision about attempts that are settled now.
func (db *DB) RaiseBlocked(ctx context.Context, t campaign.Times) error {
	_, err := db.pool.Exec(ctx, raiseBlocked, pgx.StrictNamedArgs{
		"kind": campaign.AlarmAbsenceBlocked, "before": t.WindowBefore(), "after": t.WindowAfter(),
		"provable": t.Provable(), "looks": blockedLooks,
	})
	if err == nil {
		_, err = db.pool.Exec(ctx, `
			UPDATE alarms m SET resolved_at = clock_timestamp(), resolved_by = 'dialer'
			FROM attempts a WHERE a.id = m.attempt_id AND (m.resolved_at IS NULL OR m.last_at > m.resolved_at)
			AND (m.kind = $1 AND a.state <> 'unknown' OR m.kind = $2 AND a.state NOT IN ('unknown', 'lost'))`, campaign.AlarmAbsenceBlocked, campaign.AlarmLost)
	}
	if err != nil {
		return fmt.Errorf("tell of attempts that cannot be settled: %w", err)
	}
	return nil
}
