package storage_test

import (
	"fmt"
	"testing"
	"time"

	"dialer/internal/app"
	"dialer/internal/testkit"

	"github.com/google/go-cmp/cmp"
)

// aDay creates the partition of a day that long ago, with one event of the attempt of a
// call in it.
func aDay(t *testing.T, db *testkit.DB, ago int, attempt any) time.Time {
	t.Helper()
	day := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -ago)
	db.Exec(t, fmt.Sprintf(`CREATE TABLE events_%s PARTITION OF events FOR VALUES FROM ('%s') TO ('%s')`,
		day.Format("20060102"), day.Format(time.RFC3339), day.AddDate(0, 0, 1).Format(time.RFC3339)))
	db.Exec(t, `INSERT INTO events (received_at, attempt_id, kind, body) VALUES ($1, $2, 'ringing', '{}')`, day.Add(time.Hour), attempt)
	return day
}

func TestPruneEvents(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	open := dialOne(t, db)
	check(t, db.KeepPartitions(t.Context()))
	oldest, held, recent := aDay(t, db, 100, nil), aDay(t, db, 95, open.ID), aDay(t, db, 90, nil)
	db.Exec(t, `INSERT INTO events (received_at, kind, body) VALUES (now() - interval '99 days', 'ringing', '{}')`)

	want := app.Pruned{Days: []app.PrunedDay{{Day: oldest}, {Day: held, Open: 1}}, Undated: 1}
	count := func() int { return testkit.Value[int](t, db, `SELECT count(*) FROM events`) }
	for _, dry := range []bool{true, false} {
		got, err := db.PruneEvents(t.Context(), testkit.Actor, 90*24*time.Hour, dry)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("dry %v: %v (-want +got):\n%s", dry, err, diff)
		}
		if left := map[bool]int{true: 4, false: 3}[dry]; count() != left {
			t.Errorf("dry %v: %d events left, want %d", dry, count(), left)
		}
	}

	receive(t, db, event(open, "U1", "answered"))
	receive(t, db, completed(open, "U1", "0.1"))
	got, err := db.PruneEvents(t.Context(), testkit.Actor, 80*24*time.Hour, false)
	want.Days = []app.PrunedDay{{Day: held}, {Day: recent}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("once the call is over: %v (-want +got):\n%s", err, diff)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass`); n != 9 {
		t.Errorf("%d partitions left, want the default one and those of the days ahead", n)
	}
	sound(t, db)
}
