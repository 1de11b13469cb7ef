package storage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// LeastEventAge is the age at which events may be dropped: by then Vonage
// keeps no record any more that could be held against them.
const LeastEventAge = 72 * time.Hour

// PrunedDay is a day whose events were all old enough to be dropped.
type PrunedDay struct {
	Day  time.Time // in UTC
	Open int       // attempts of it that are not over, for which it is kept
}

// Pruned says what became of the events that are old enough.
type Pruned struct {
	Days []PrunedDay // oldest first; those without open attempts are dropped
	// Loose are events that came when nobody had made their day's partition.
	// They stay: events are dropped by the day or not at all.
	Loose int
}

// PruneEvents drops the partitions of days that ended longer than age ago, each
// in a transaction of its own. A day with events of attempts that are still open
// is kept. A dry run only says what would be dropped.
func (db *DB) PruneEvents(ctx context.Context, age time.Duration, dryRun bool) (p Pruned, err error) {
	if age < LeastEventAge {
		return p, fmt.Errorf("prune events: an age of %s is too little: want at least %s, the time in which Vonage may still say something of a call", age, LeastEventAge)
	}
	now, err := db.Now(ctx)
	if err != nil {
		return p, err
	}
	days, err := db.eventDays(ctx)
	for _, day := range days {
		if err != nil || day.AddDate(0, 0, 1).After(now.Add(-age)) {
			break
		}
		var pruned PrunedDay
		pruned, err = db.pruneDay(ctx, day, dryRun)
		p.Days = append(p.Days, pruned)
	}
	if err == nil {
		err = db.pool.QueryRow(ctx, `SELECT count(*) FROM events_default WHERE received_at < $1`, now.Add(-age)).Scan(&p.Loose)
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
			return nil, fmt.Errorf("%s is a partition of events that the dialer has not made", name)
		}
		days = append(days, day)
	}
	slices.SortFunc(days, time.Time.Compare)
	return days, nil
}

func (db *DB) pruneDay(ctx context.Context, day time.Time, dryRun bool) (PrunedDay, error) {
	p := PrunedDay{Day: day}
	name := day.Format(partitionName)
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `
			SELECT count(DISTINCT a.id) FROM `+name+` e JOIN attempts a ON a.id = e.attempt_id
			WHERE a.state IN ('reserved', 'dialing', 'unknown', 'accepted')`).Scan(&p.Open)
		if err != nil || p.Open > 0 || dryRun {
			return err
		}
		_, err = tx.Exec(ctx, `DROP TABLE `+name)
		return err
	})
	if err != nil {
		return p, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}
