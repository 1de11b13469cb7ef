package storage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// raiseAlarm stores an alarm, or counts a repetition, which opens the alarm again if it
// was resolved. An attempt has eight rows of a kind at most; further details are
// counted in one more row. Two transactions at once may each add the eighth.
//
// An alarm without an attempt has the nil id, as in the index. It is open if it was not
// resolved since it was last raised.
const raiseAlarm = `
	INSERT INTO alarms (attempt_id, kind, detail)
	SELECT $1::uuid, $2::text, CASE
		WHEN $1::uuid IS NULL OR EXISTS (SELECT FROM alarms WHERE kind = $2 AND coalesce(attempt_id, '00000000-0000-0000-0000-000000000000') = $1 AND detail = $3)
			OR (SELECT count(*) FROM alarms WHERE kind = $2 AND coalesce(attempt_id, '00000000-0000-0000-0000-000000000000') = $1) < 8
		THEN $3::text ELSE 'more of this kind, with other details that are not kept' END
	ON CONFLICT (kind, coalesce(attempt_id, '00000000-0000-0000-0000-000000000000'), detail)
	DO UPDATE SET times = alarms.times + 1, last_at = clock_timestamp()`

// Raise stores an alarm.
func (db *DB) Raise(ctx context.Context, a campaign.Alarm) error {
	if _, err := db.pool.Exec(ctx, raiseAlarm, zeronull.UUID(a.AttemptID), a.Kind, a.Detail); err != nil {
		return fmt.Errorf("raise alarm %s: %w", a.Kind, err)
	}
	return nil
}

// RaiseSeldom stores an alarm of a kind that anybody can cause as often as they like.
// It stores or counts one a minute.
func (db *DB) RaiseSeldom(ctx context.Context, a campaign.Alarm) error {
	_, err := db.pool.Exec(ctx, `
		INSERT INTO alarms (attempt_id, kind, detail)
		SELECT $1, $2, $3 WHERE NOT EXISTS (
			SELECT FROM alarms WHERE kind = $2 AND last_at > clock_timestamp() - interval '1 minute' AND (resolved_at IS NULL OR last_at > resolved_at))
		ON CONFLICT (kind, coalesce(attempt_id, '00000000-0000-0000-0000-000000000000'), detail)
		DO UPDATE SET times = alarms.times + 1, last_at = clock_timestamp()`, zeronull.UUID(a.AttemptID), a.Kind, a.Detail)
	if err != nil {
		return fmt.Errorf("raise alarm %s: %w", a.Kind, err)
	}
	return nil
}

// CloseAlarms resolves the open alarms of a kind that were last raised longer than
// quiet ago, because their cause is over.
func (db *DB) CloseAlarms(ctx context.Context, kind string, quiet time.Duration) (int, error) {
	closed, err := db.pool.Exec(ctx, `
		UPDATE alarms SET resolved_at = clock_timestamp(), resolved_by = 'dialer'
		WHERE kind = @kind AND (resolved_at IS NULL OR last_at > resolved_at) AND last_at < clock_timestamp() - @quiet::interval`,
		pgx.StrictNamedArgs{"kind": kind, "quiet": quiet})
	if err != nil {
		return 0, fmt.Errorf("close alarms of kind %s: %w", kind, err)
	}
	return int(closed.RowsAffected()), nil
}

// Alarms lists alarms, latest first.
func (db *DB) Alarms(ctx context.Context, q app.AlarmQuery) ([]app.RaisedAlarm, error) {
	list, err := collect(ctx, db.pool, scanAlarm, `
		SELECT m.id, m.kind, m.attempt_id, m.detail, coalesce(c.name, ''), m.times, m.at, m.last_at, m.resolved_at, m.resolved_by
		FROM alarms m LEFT JOIN attempts a ON a.id = m.attempt_id LEFT JOIN campaigns c ON c.id = a.campaign_id
		WHERE (@kind = '' OR m.kind = @kind) AND (@resolved OR (resolved_at IS NULL OR last_at > resolved_at))
		  AND (@within::interval = '0' OR m.last_at > clock_timestamp() - @within::interval)
		ORDER BY m.last_at DESC, m.id DESC LIMIT @limit`,
		pgx.StrictNamedArgs{"kind": q.Kind, "within": q.Within, "resolved": q.Resolved, "limit": q.Limit})
	if err != nil {
		return nil, fmt.Errorf("list alarms: %w", err)
	}
	return list, nil
}

func scanAlarm(row pgx.CollectableRow) (a app.RaisedAlarm, err error) {
	err = row.Scan(&a.ID, &a.Kind, (*zeronull.UUID)(&a.AttemptID), &a.Detail, &a.Campaign, &a.Times, &a.First, &a.Last,
		(*zeronull.Timestamptz)(&a.ResolvedAt), (*zeronull.Text)(&a.ResolvedBy))
	return a, err
}

// ResolveAlarms marks alarms as resolved, and returns the ids of those that were open.
// If they are raised again, they are open again.
func (db *DB) ResolveAlarms(ctx context.Context, by app.Actor, ids []int64) (resolved []int64, err error) {
	resolved, err = db.resolveAlarms(ctx, by, ids, "")
	if err != nil {
		return nil, fmt.Errorf("resolve alarms: %w", err)
	}
	return resolved, nil
}

// ResolveAlarmsOf marks all open alarms of a kind as resolved, and returns how many.
func (db *DB) ResolveAlarmsOf(ctx context.Context, by app.Actor, kind string) (int, error) {
	resolved, err := db.resolveAlarms(ctx, by, nil, kind)
	if err != nil {
		return 0, fmt.Errorf("resolve alarms of kind %s: %w", kind, err)
	}
	return len(resolved), nil
}

// auditedAlarms is the most alarms that one audit entry names.
const auditedAlarms = 1000

// resolveAlarms resolves the open alarms with one of the ids, or of the kind.
func (db *DB) resolveAlarms(ctx context.Context, by app.Actor, ids []int64, kind string) (resolved []int64, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		undecided, err := collect(ctx, tx, pgx.RowTo[int64], `
			SELECT m.id FROM alarms m JOIN attempts a ON a.id = m.attempt_id
			WHERE (m.id = ANY (@ids::bigint[]) OR m.kind = @kind) AND (m.resolved_at IS NULL OR m.last_at > m.resolved_at)
			  AND m.kind = ANY (@decidable) AND a.state IN ('unknown', 'lost')
			ORDER BY m.id`, pgx.StrictNamedArgs{"ids": ids, "kind": kind, "decidable": app.Decidable})
		if err != nil {
			return err
		}
		//guard:false storage.TestResolveAsksForADecision: an alarm that asks for a decision is not resolved without one
		if len(undecided) > 0 {
			return &app.UndecidedError{IDs: undecided}
		}
		resolved, err = collect(ctx, tx, pgx.RowTo[int64], `
			UPDATE alarms SET resolved_at = clock_timestamp(), resolved_by = @by
			WHERE (id = ANY (@ids::bigint[]) OR kind = @kind) AND (resolved_at IS NULL OR last_at > resolved_at)
			RETURNING id`, pgx.StrictNamedArgs{"by": plain(by.Name), "ids": ids, "kind": kind})
		if err != nil || len(resolved) == 0 {
			return err
		}
		slices.Sort(resolved)
		object := "alarms"
		if len(resolved) == 1 {
			object = fmt.Sprintf("alarm %d", resolved[0])
		}
		return audit(ctx, tx, by, auditEntry{
			action: "alarms.resolve", object: object,
			before: fields{"open": len(resolved), "ids": resolved[:min(len(resolved), auditedAlarms)]}, after: fields{"resolved": len(resolved)},
		})
	})
	return resolved, err
}
