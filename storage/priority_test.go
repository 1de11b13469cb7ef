package storage_test

import (
	"math"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// Ten people of an urgent campaign come before thousands who were due before them,
// and their tasks go to the front of the queue.
func TestPriority(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "bulk", settings(), rows(0, 2000))
	if n := len(claim(t, db, 180)); n != 180 {
		t.Fatalf("%d of the bulk are in the queue", n)
	}
	s := settings()
	s.Limits.Priority = new(9)
	running(t, db, "urgent", s, rows(3000, 10))
	urgent := 0
	for range 4 { // three places come free at a time
		queued, err := db.Claim(t.Context(), 3)
		require.NoError(t, err)
		for _, q := range queued {
			name := testkit.Value[string](t, db, `SELECT campaign FROM reporting.attempts WHERE attempt_id = $1`, q.AttemptID)
			if name != "urgent" {
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
		high := testkit.Value[bool](t, db, `SELECT c.priority = 9 FROM campaigns c JOIN attempts a ON a.campaign_id = c.id WHERE a.id = $1`, q.AttemptID)
		if high != (q.Urgency == campaign.DueReminder) {
			t.Errorf("enqueued again, a call of priority 9: %t goes to part %d", high, q.Urgency)
		}
	}
}

func mustQueue(t testing.TB, db *testkit.DB) []campaign.QueuedAttempt {
	t.Helper()
	list, err := db.Queued(t.Context(), 0, [16]byte{}, 1000)
	require.NoError(t, err)
	return list
}

// However much is due above, a tenth of the calls is of what waits below.
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

// Campaigns of one priority share what is taken by their weights.
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
	// Every tenth claim is of what waits below, which is shared alike. Five deviations of
	// a fair draw are wrong once in a million runs.
	if off := math.Abs(float64(light) - calls/4); off > 5*math.Sqrt(calls*0.25*0.75) {
		t.Errorf("%d of %d calls are of the campaign with one part of four", light, calls)
	}
}
