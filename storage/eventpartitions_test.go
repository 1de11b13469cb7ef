package storage_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"dialer/internal/testkit"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

func TestKeepPartitions(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	today := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	store := func(at time.Time) {
		db.Exec(t, `INSERT INTO events (received_at, kind, body) VALUES ($1, 'x', '{}')`, at)
	}
	store(today.Add(time.Hour)) // before today's partition was made
	for range 2 {
		check(t, db.KeepPartitionsFrom(t.Context(), today))
	}
	// Tomorrow's events have their own partition, and the guards apply there.
	store(today.Add(2 * time.Hour))
	store(today.Add(25 * time.Hour))
	got := testkit.Rows[string](t, db, `SELECT tableoid::regclass::text FROM events ORDER BY received_at`)
	if diff := cmp.Diff([]string{"events_default", "events_default", "events_20260602"}, got); diff != "" {
		t.Errorf("partitions (-want +got):\n%s", diff)
	}
	if err := db.TryExec(t, `DELETE FROM events WHERE received_at > $1`, today.AddDate(0, 0, 1)); err == nil {
		t.Error("an event in a new partition could be deleted")
	}
	n := testkit.Value[int](t, db, `SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass`)
	if n != 8 {
		t.Errorf("%d partitions, want the default one and a week's", n)
	}
}

// An event chooses its partition before it can lock it. If the day gets its partition
// in between, the event is stored there.
func TestReceiveWhilePartitionIsMade(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	conn, err := pgx.Connect(t.Context(), db.URL)
	check(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	today := time.Now().UTC().Truncate(24 * time.Hour)
	_, err = conn.Exec(t.Context(), fmt.Sprintf(`
		BEGIN;
		CREATE TABLE events_%s (LIKE events INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
		ALTER TABLE events ATTACH PARTITION events_%[1]s FOR VALUES FROM ('%[2]s') TO ('%[3]s')`,
		today.Format("20060102"), today.Format(time.RFC3339), today.AddDate(0, 0, 2).Format(time.RFC3339)))
	check(t, err)
	stored := make(chan error, 1)
	go func() { stored <- db.Receive(t.Context(), event(a, "U1", "ringing")) }()
	db.AwaitLockWaits(t, 1)
	_, err = conn.Exec(t.Context(), `COMMIT`)
	check(t, err)
	check(t, <-stored)
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM events_default`); n != 0 {
		t.Errorf("%d events in the default partition, want the day's to have it", n)
	}
}
