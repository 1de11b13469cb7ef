package jobs

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/voice/voicesim"
)

var behind = flag.Int("behind", 700, "behind how many calls TestTenUrgentCallsBehindMany has ten urgent ones wait")

// Ten urgent calls are placed within the next seconds, though a minute of bulk waits in
// the queue and thousands behind it. The number of bulk calls that come first does not
// depend on the machine's speed: a minute's worth would be 600.
func TestTenUrgentCallsBehindMany(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ bulk, urgent int }{{5, 9}, {1, 5}, {6, 9}} {
		t.Run(fmt.Sprint(test.urgent, " behind ", test.bulk), func(t *testing.T) {
			t.Parallel()
			tenUrgentCalls(t, test.bulk, test.urgent)
		})
	}
}

func tenUrgentCalls(t *testing.T, bulk, urgent int) {
	const rate = 10
	w := newWorld(t, rate, voicesim.Config{Outcomes: allAnswered})
	w.horizon = time.Minute
	start := func(name string, priority, from, n int) {
		t.Helper()
		s := testkit.Settings()
		s.Limits.Priority = &priority
		c, err := w.db.OpenCampaign(t.Context(), name, s)
		require.NoError(t, err)
		for at := from; at < from+n; at += 1000 {
			_, err = w.db.AddContacts(t.Context(), c.ID, "file", campaign.RowBatch{Rows: testkit.ContactRows(at, min(1000, from+n-at))})
			require.NoError(t, err)
		}
		require.NoError(t, w.db.FinishImport(t.Context(), c.ID))
	}
	start("bulk", bulk, 0, *behind)
	w.dial(t, w.db, w.redis)
	require.Eventually(t, "a minute of bulk is in the queue", func() bool {
		return w.count(t, `SELECT count(*) FROM attempts WHERE state = 'reserved'`) >= rate*55
	})
	start("urgent", urgent, 100_000, 10)
	since := testkit.Value[time.Time](t, w.db, `SELECT clock_timestamp()`)
	require.Eventually(t, "the urgent calls are placed", func() bool {
		return w.count(t, `SELECT count(*) FROM reporting.attempts WHERE campaign = 'urgent' AND state NOT IN ('reserved', 'dialing')`) == 10
	})
	last := testkit.Value[time.Time](t, w.db, `SELECT max(a.dialed_at) FROM attempts a JOIN campaigns c ON c.id = a.campaign_id WHERE c.name = 'urgent'`)
	first := testkit.Value[int](t, w.db, fmt.Sprintf(`
		SELECT count(*) FROM attempts a JOIN campaigns c ON c.id = a.campaign_id
		WHERE c.name = 'bulk' AND a.dialed_at > '%s' AND a.dialed_at < '%s'`, since.Format(time.RFC3339Nano), last.Format(time.RFC3339Nano)))
	t.Logf("ten urgent calls behind %d: the last is placed after %v, and %d of the bulk before it", *behind, last.Sub(since), first)
	if first > 150 {
		t.Errorf("%d calls of the bulk were placed before the last of ten urgent ones", first)
	}
}
