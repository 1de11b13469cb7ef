package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// daysAhead is how many days ahead the partitions of events are created. If no process
// creates them for a week, events go into the default one.
const daysAhead = 7

const (
	checkViolation = "23514" // when attaching: the default partition has rows of that day
	duplicateTable = "42P07"

	// defaultPartition holds the events of days without a partition.
	defaultPartition = "events_default"
)

// KeepPartitions creates the partitions of events for today and the days
// ahead, one a day, in UTC.
func (db *DB) KeepPartitions(ctx context.Context) error {
	now, err := db.Now(ctx)
	if err != nil {
		return err
	}
	return db.keepPartitions(ctx, now.Truncate(24*time.Hour))
}

func (db *DB) keepPartitions(ctx context.Context, today time.Time) error {
	for i := range daysAhead + 1 {
		if err := db.keepPartition(ctx, today.AddDate(0, 0, i)); err != nil {
			return fmt.Errorf("keep partitions of events: %w", err)
		}
	}
	return nil
}

// keepPartition creates the day's partition as a table and then attaches it: unlike
// CREATE TABLE PARTITION OF, this does not block new events. If the first events of a
// day are in the default partition, the day stays there. That costs speed, but no
// event.
func (db *DB) keepPartition(ctx context.Context, day time.Time) error {
	name := day.Format(partitionName)
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		var exists bool
		err := tx.QueryRow(ctx, `
			SELECT to_regclass($1) IS NOT NULL FROM pg_advisory_xact_lock($2)`, name, partitionLock).Scan(&exists)
		if err != nil || exists {
			return err
		}
		_, err = tx.Exec(ctx, fmt.Sprintf(`
			CREATE TABLE %[1]s (LIKE events INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
			ALTER TABLE events ATTACH PARTITION %[1]s FOR VALUES FROM ('%[2]s') TO ('%[3]s')`,
			name, day.Format(time.RFC3339), day.AddDate(0, 0, 1).Format(time.RFC3339)))
		return err
	})
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && (pg.Code == checkViolation || pg.Code == duplicateTable) {
		return nil
	}
	return err
}
