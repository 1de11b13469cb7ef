package storage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
)

// PruneEvents drops the partitions of days that ended longer than age ago, each in its
// own transaction. A day with events of open attempts stays. A dry run only reports
// what would be dropped.
func (db *DB) PruneEvents(ctx context.Context, by app.Actor, age time.Duration, dryRun bool) (p app.Pruned, err error) {
	now, err := db.Now(ctx)
	if err != nil {
		return p, err
	}
	days, err := db.eventDays(ctx)
	for _, day := range days {
		if err != nil || day.AddDate(0, 0, 1).After(now.Add(-age)) {
			break
		}
		var pruned app.PrunedDay
		pruned, err = db.pruneDay(ctx, by, day, dryRun)
		p.Days = append(p.Days, pruned)
	}
	if err == nil {
		err = db.pool.QueryRow(ctx, `SELECT count(*) FROM events_default WHERE received_at < $1`, now.Add(-age)).Scan(&p.Undated)
	}
	if err != nil {
		return p, fmt.Errorf("prune events: %w", err)
	}
	return p, nil
}

const partitionName = "events_20060102"

// eventDays are the days that have a partition, oldest first.
func (db *DB) eventDays(ctx context.Context) ([]time.Time, error) {
	names, err := collect(ctx, db.pool, pgx.RowTo[string], `
		SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'events'::regclass AND c.relname <> 'events_default'`)
	if err != nil {
		return nil, err
	}
	var days []time.Time
	for _, name := range names {
		day, err := time.Parse(partitionName, name)
		if err != nil {
			return nil, fmt.Errorf("%s is a partition of events that the dialer did not make", name)
		}
		days = append(days, day)
	}
	slices.SortFunc(days, time.Time.Compare)
	return days, nil
}

func (db *DB) pruneDay(ctx context.Context, by app.Actor, day time.Time, dryRun bool) (app.PrunedDay, error) {
	p := app.PrunedDay{Day: day}
	name := day.Format(partitionName)
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		var events int
		err := tx.QueryRow(ctx, `
			SELECT count(*), count(DISTINCT a.id)
			FROM `+name+` e LEFT JOIN attempts a ON a.id = e.attempt_id
			     AND a.state IN ('reserved', 'dialing', 'unknown', 'accepted')`).Scan(&events, &p.Open)
		if err != nil || p.Open > 0 || dryRun {
			return err
		}
		if _, err := tx.Exec(ctx, `DROP TABLE `+name); err != nil {
			return err
		}
		return audit(ctx, tx, by, auditEntry{
			action: "events.prune", object: "events of " + day.Format(time.DateOnly),
			before: fields{"events": events}, after: fields{"events": 0},
		})
	})
	if err != nil {
		return p, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}
