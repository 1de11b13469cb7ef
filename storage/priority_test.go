package storage_test

import (
	"fmt"
	"math"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

// Ten people of an urgent campaign come before thousands who were due earlier, and
// their tasks go to the front of the queue, for any two priorities.
func TestPriority(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ bulk, urgent int }{{5, 9}, {1, 5}, {6, 9}} {
		t.Run(fmt.Sprint(test.urgent, " behind ", test.bulk), func(t *testing.T) {
			t.Parallel()
			urgentFirst(t, test.bulk, test.urgent)
		})
	}
}

func urgentFirst(t *testing.T, bulk, priority int) {
	db := testkit.New(t)
	s := settings()
	s.Limits.Priority = &bulk
	running(t, db, "bulk", s, rows(0, 2000))
	if n := len(claim(t, db, 180)); n != 180 {
		t.Fatalf("%d of the bulk are in the queue", n)
	}
	s.Limits.Priority = &priority
	running(t, db, "urgent", s, rows(3000, 10))
	nameOf := func(q campaign.QueuedAttempt) string {
		return testkit.Value[string](t, db, `SELECT campaign FROM reporting.attempts WHERE attempt_id = $1`, q.AttemptID)
	}
	urgent := 0
	for range 4 { // three places become free at a time
		queued, err := db.Claim(t.Context(), 3)
		require.NoError(t, err)
		for _, q := range queued {
			if nameOf(q) != "urgent" {
				continue
			}
			urgent++
			if q.Urgency != campaign.DueReminder {
				t.Errorf("an urgent call waits in part %d of the queue", q.Urgency)
			}
		}
	}
	if urgent != 10 {
		t.Errorf("%d of ten urgent calls were among the next twelve", urgent)
	}
	for _, q := range mustQueue(t, db) {
		if name := nameOf(q); (name == "urgent") != (q.Urgency == campaign.DueReminder) {
			t.Errorf("enqueued again, a call of %s goes to part %d", name, q.Urgency)
		}
	}
}

func mustQueue(t testing.TB, db *testkit.DB) []campaign.QueuedAttempt {
	t.Helper()
	list, err := db.Queued(t.Context(), 0, [16]byte{}, 1000)
	require.NoError(t, err)
	return list
}

// However much is due at a higher priority, a tenth of the calls goes to lower ones.
func TestWhatWaitsBelowKeepsATenth(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	s := settings()
	s.Limits.Priority = new(1)
	running(t, db, "low", s, rows(0, 200))
	running(t, db, "usual", settings(), rows(1000, 1000))
	for range 50 {
		claim(t, db, 4)
	}
	low := testkit.Value[int](t, db, `SELECT count(*) FROM reporting.attempts WHERE campaign = 'low'`)
	if low != 20 {
		t.Errorf("%d of 200 calls are of the campaign below, want 20", low)
	}
}

// Priorities between the first and the last are not skipped: each priority, and each
// urgency within one, has its turn in that tenth.
func TestWhatWaitsBetweenKeepsATenth(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	for i, priority := range []int{9, 5, 1} {
		s := settings()
		s.Limits.Priority = &priority
		running(t, db, fmt.Sprint(priority), s, rows(1000*i, 300))
	}
	db.Exec(t, `UPDATE contacts SET call_at = now() - interval '1 minute' WHERE line_no % 3 = 0`)
	db.Exec(t, `UPDATE contacts SET state = 'waiting', attempts = 1 WHERE line_no % 3 = 1`)
	for range 80 { // each of the eight below the first has one turn
		claim(t, db, 1)
	}
	got := testkit.Rows[string](t, db, `
		SELECT c.name || ' ' || CASE WHEN k.call_at IS NOT NULL THEN 'reminder' WHEN k.attempts > 0 THEN 'retry' ELSE 'first' END || ' ' || count(*)
		FROM contacts k JOIN campaigns c ON c.id = k.campaign_id WHERE k.state = 'active' GROUP BY c.name, k.call_at IS NOT NULL, k.attempts > 0 ORDER BY 1`)
	want := []string{
		"1 first 1", "1 reminder 1", "1 retry 1", "5 first 1", "5 reminder 1", "5 retry 1", "9 first 1", "9 reminder 72", "9 retry 1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Campaigns of one priority share the claimed contacts by their weights.
func TestCampaignsShareByWeight(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	for i, share := range []int{1, 3} {
		s := settings()
		s.Limits.Share = share
		running(t, db, []string{"light", "heavy"}[i], s, rows(1000*i, 1000))
	}
	const calls = 600
	for range calls / 6 {
		if n := len(claim(t, db, 6)); n != 6 {
			t.Fatalf("%d were claimed, want 6", n)
		}
	}
	light := testkit.Value[int](t, db, `SELECT count(*) FROM reporting.attempts WHERE campaign = 'light'`)
	// Every tenth claim serves lower priorities, which share it equally. Five deviations
	// of a fair draw are wrong once in a million runs.
	if off := math.Abs(float64(light) - calls/4); off > 5*math.Sqrt(calls*0.25*0.75) {
		t.Errorf("%d of %d calls are of the campaign with one part of four", light, calls)
	}
}
