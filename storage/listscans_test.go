package storage_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"

	"github.com/google/go-cmp/cmp"
)

// A scan must show the calls that are known by uuid and whose windows are within the
// scan's. In a restored database it must also show those that the list showed before.
func TestBeginScanKnownCalls(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 6))
	for i, id := range claim(t, db, 6) {
		a := pass(t, db, id)
		if i < 5 {
			record(t, db, a.ID, created(fmt.Sprint("U", i)))
		}
		db.AgeAttempt(t, id, time.Duration(i)*time.Hour+10*time.Minute)
	}
	db.Exec(t, `UPDATE attempts SET must_exist = true WHERE call_uuid IS NULL`)
	a := campaign.Attempt{To: number(0), From: ours, DialedAt: time.Now().Add(-90 * time.Minute)}
	store(t, db, listed(a, "SEEN", "completed"), listed(a, "U2", "completed"))
	db.Exec(t, `UPDATE provider_calls SET matched_by = 'numbers' WHERE call_uuid = 'U2'`)
	db.Exec(t, `INSERT INTO events (received_at, call_uuid, kind, status, body)
		VALUES (now() - interval '30 minutes', 'TOLD', 'event', 'ringing', '{}'),
		       (now() - interval '30 minutes', 'ENDED', 'event', 'completed', '{}')`)
	for _, test := range []struct {
		name     string
		from, to time.Duration
		seen     bool
		want     []string
		unnamed  int
	}{
		{"the last five hours", 5*time.Hour + 12*time.Minute, 0, false, []string{"U0", "U1", "U3", "U4"}, 1},
		{"a window that begins too late for the oldest", 4*time.Hour + 10*time.Minute + 30*time.Second, 0, false, []string{"U0", "U1", "U3"}, 0},
		{"a window that ends too early for the latest", 5 * time.Hour, 6 * time.Minute, false, []string{"U1", "U3", "U4"}, 0},
		{"what the list and events told of before too", 2 * time.Hour, 0, true, []string{"SEEN", "TOLD", "U0", "U1", "U2"}, 0},
	} {
		now := time.Now()
		s, err := db.BeginScan(t.Context(), now.Add(-test.from), now.Add(-test.to), test.seen, times)
		check(t, err)
		slices.Sort(s.Known)
		if diff := cmp.Diff(test.want, s.Known); diff != "" || s.Unnamed != test.unnamed {
			t.Errorf("%s: %d unnamed, want %d; known calls (-want +got):\n%s", test.name, s.Unnamed, test.unnamed, diff)
		}
	}
}

// A scan that is older than Vonage's records proves nothing any more. One that proved
// an absence stays as its evidence.
func TestPruneScans(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	id := dialOne(t, db).ID
	record(t, db, id, unknown)
	db.Exec(t, `
		INSERT INTO list_scans (from_time, to_time, started_at, database_id, records, known_shown, known_missing)
		SELECT now() - age - interval '1 hour', now() - age, now(), id, 1, 1, 0
		FROM database_identity, unnest('{80 hours,79 hours,78 hours,73 hours,71 hours,1 hour}'::interval[]) WITH ORDINALITY AS w (age, n) ORDER BY n`)
	db.Exec(t, `UPDATE attempts SET state = 'absent', changed_by = 'reconciler', absent_scan_1 = 1, absent_scan_2 = 3`)
	for _, want := range []int{2, 0} {
		if n, err := db.PruneScans(t.Context(), 48*time.Hour); n != want || err != nil {
			t.Errorf("pruned %d scans, %v; want %d", n, err, want)
		}
	}
	if diff := cmp.Diff([]int64{1, 3, 5, 6}, testkit.Rows[int64](t, db, `SELECT id FROM list_scans ORDER BY id`)); diff != "" {
		t.Errorf("scans that are left (-want +got):\n%s", diff)
	}
}

func TestNearestKnown(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	if _, err := db.NearestKnown(t.Context(), time.Now(), times); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("of no call: %v, want ErrNotFound", err)
	}
	running(t, db, "c", settings(), rows(0, 4))
	for i, id := range claim(t, db, 4) {
		pass(t, db, id)
		record(t, db, id, created(fmt.Sprint("U", i)))
		db.AgeAttempt(t, id, []time.Duration{time.Minute, time.Hour, 3 * time.Hour, 47 * time.Hour}[i])
	}
	for ago, want := range map[time.Duration]string{
		0:                 "U1", // U0's own window is not over
		90 * time.Minute:  "U1",
		150 * time.Minute: "U2",
		40 * time.Hour:    "U2", // Vonage may delete U3's record
	} {
		got, err := db.NearestKnown(t.Context(), time.Now().Add(-ago), times)
		check(t, err)
		if got.CallUUID != want {
			t.Errorf("nearest to %v ago is %s, want %s", ago, got.CallUUID, want)
		}
	}
}

func TestWatermarks(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	if _, err := db.Watermark(t.Context(), "1h"); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	for _, at := range []string{"2026-11-22T10:00:00Z", "2026-11-22T11:00:00Z"} {
		check(t, db.SetWatermark(t.Context(), "1h", moment(t, at)))
		if got, err := db.Watermark(t.Context(), "1h"); !got.Equal(moment(t, at)) || err != nil {
			t.Errorf("got %s, %v; want %s", got, err, at)
		}
	}
	if _, err := db.FirstDialed(t.Context()); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("FirstDialed before any: %v", err)
	}
	running(t, db, "c", settings(), rows(0, 1))
	a := dialOne(t, db)
	if got, err := db.FirstDialed(t.Context()); !got.Equal(a.DialedAt) || err != nil {
		t.Errorf("FirstDialed = %s, %v; want %s", got, err, a.DialedAt)
	}
}
