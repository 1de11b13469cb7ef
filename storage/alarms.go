package storage

import (
	"context"
	"fmt"
	"time"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// raiseAlarm stores an alarm, or counts one more of the same. One that was
// resolved is open again by that. An attempt has eight rows of a kind at most:
// whoever says the same wrong thing with ever new details is counted in one
// more. Two transactions at once may each add the eighth.
const raiseAlarm = `
	INSERT INTO alarms (attempt_id, kind, detail)
	SELECT $1::uuid, $2::text, CASE
		WHEN $1::uuid IS NULL OR EXISTS (SELECT FROM alarms WHERE kind = $2 AND ` + alarmOf + ` = $1 AND detail = $3)
			OR (SELECT count(*) FROM alarms WHERE kind = $2 AND ` + alarmOf + ` = $1) < 8
		THEN $3::text ELSE '` + alarmOthers + `' END
	ON CONFLICT (kind, ` + alarmOf + `, detail)
	DO UPDATE SET times = alarms.times + 1, last_at = clock_timestamp()`

// alarmOf is whose alarm it is, as the index has it.
const alarmOf = `coalesce(attempt_id, '00000000-0000-0000-0000-000000000000')`

// alarmOthers is the detail of the row that counts what came after the eighth.
const alarmOthers = `more of this kind, with other details that are not kept`

// openAlarm is true of an alarm that nobody has resolved since it was last
// raised.
const openAlarm = `(resolved_at IS NULL OR last_at > resolved_at)`

// RaisedAlarm is an alarm with when and how often it was raised.
type RaisedAlarm struct {
	ID int64
	campaign.Alarm
	Campaign    string // of its attempt; "" when it concerns none
	Times       int
	First, Last time.Time
	ResolvedAt  time.Time // the last time that somebody did; it may have been raised again
	ResolvedBy  string
}

// Open reports whether it was raised again since it was resolved, if it was.
func (a RaisedAlarm) Open() bool { return a.ResolvedAt.IsZero() || a.Last.After(a.ResolvedAt) }

// AlarmQuery says which alarms are asked for. What is zero asks for all.
type AlarmQuery struct {
	Kind     string
	Within   time.Duration // raised last within this time
	Resolved bool          // those that are resolved too
	Limit    int
}

// Raise stores an alarm.
func (db *DB) Raise(ctx context.Context, a campaign.Alarm) error {
	if _, err := db.pool.Exec(ctx, raiseAlarm, zeronull.UUID(a.AttemptID), a.Kind, a.Detail); err != nil {
		return fmt.Errorf("raise alarm %s: %w", a.Kind, err)
	}
	return nil
}

// RaiseSeldom stores an alarm of a kind that anyone could cause as often as
// they like: one a minute is kept or counted.
func (db *DB) RaiseSeldom(ctx context.Context, a campaign.Alarm) error {
	_, err := db.pool.Exec(ctx, `
		INSERT INTO alarms (attempt_id, kind, detail)
		SELECT $1, $2, $3 WHERE NOT EXISTS (
			SELECT FROM alarms WHERE kind = $2 AND last_at > clock_timestamp() - interval '1 minute' AND `+openAlarm+`)
		ON CONFLICT (kind, `+alarmOf+`, detail)
		DO UPDATE SET times = alarms.times + 1, last_at = clock_timestamp()`, zeronull.UUID(a.AttemptID), a.Kind, a.Detail)
	if err != nil {
		return fmt.Errorf("raise alarm %s: %w", a.Kind, err)
	}
	return nil
}

// Alarms lists alarms, latest first.
func (db *DB) Alarms(ctx context.Context, q AlarmQuery) ([]RaisedAlarm, error) {
	list, err := collect(ctx, db.pool, scanAlarm, `
		SELECT m.id, m.kind, m.attempt_id, m.detail, coalesce(c.name, ''), m.times, m.at, m.last_at, m.resolved_at, m.resolved_by
		FROM alarms m LEFT JOIN attempts a ON a.id = m.attempt_id LEFT JOIN campaigns c ON c.id = a.campaign_id
		WHERE (@kind = '' OR m.kind = @kind) AND (@resolved OR `+openAlarm+`)
		  AND (@within::interval = '0' OR m.last_at > clock_timestamp() - @within::interval)
		ORDER BY m.last_at DESC, m.id DESC LIMIT @limit`,
		pgx.StrictNamedArgs{"kind": q.Kind, "within": q.Within, "resolved": q.Resolved, "limit": q.Limit})
	if err != nil {
		return nil, fmt.Errorf("list alarms: %w", err)
	}
	return list, nil
}

func scanAlarm(row pgx.CollectableRow) (a RaisedAlarm, err error) {
	err = row.Scan(&a.ID, &a.Kind, (*zeronull.UUID)(&a.AttemptID), &a.Detail, &a.Campaign, &a.Times, &a.First, &a.Last,
		(*zeronull.Timestamptz)(&a.ResolvedAt), (*zeronull.Text)(&a.ResolvedBy))
	return a, err
}

// ResolveAlarms marks alarms as dealt with, and returns the ids of those that
// were open. Raised again, they are open again.
func (db *DB) ResolveAlarms(ctx context.Context, who string, ids []int64) ([]int64, error) {
	resolved, err := collect(ctx, db.pool, pgx.RowTo[int64], `
		UPDATE alarms SET resolved_at = clock_timestamp(), resolved_by = $1
		WHERE id = ANY ($2) AND `+openAlarm+` RETURNING id`, plain(who), ids)
	if err != nil {
		return nil, fmt.Errorf("resolve alarms: %w", err)
	}
	return resolved, nil
}

// ResolveAlarmsOf marks all open alarms of a kind as dealt with, and returns
// how many.
func (db *DB) ResolveAlarmsOf(ctx context.Context, who, kind string) (int, error) {
	tag, err := db.pool.Exec(ctx, `
		UPDATE alarms SET resolved_at = clock_timestamp(), resolved_by = $1
		WHERE kind = $2 AND `+openAlarm, plain(who), kind)
	if err != nil {
		return 0, fmt.Errorf("resolve alarms of kind %s: %w", kind, err)
	}
	return int(tag.RowsAffected()), nil
}
