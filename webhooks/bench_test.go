package webhooks

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"dialer/internal/testkit"
	"dialer/internal/testkit/benchtest"
	"dialer/internal/testkit/require"
)

// BenchmarkEvents stores the events of 64 senders at once. It alternates with a
// handler that only verifies and answers.
func BenchmarkEvents(b *testing.B) { benchEvents(b, 1000) }

func TestBenchmarkRuns(t *testing.T) {
	t.Parallel()
	benchtest.Once(t, func(b *testing.B) { benchEvents(b, 50) })
}

func benchEvents(b *testing.B, events int) {
	const senders = 64
	words := []string{"started", "ringing", "answered", "human", "completed"}
	db := testkit.New(b)
	var calls []string
	answer := func(store Store) time.Duration {
		h := newHandler(store)
		requests := make(chan *http.Request)
		var wg sync.WaitGroup
		begun := time.Now()
		for range senders {
			wg.Go(func() {
				for r := range requests {
					if code := serve(h, r).Code; code != http.StatusOK {
						b.Error("status", code)
					}
				}
			})
		}
		for i := range events {
			id := calls[i%len(calls)]
			body := fmt.Sprintf(`{"status":%q,"uuid":"U%s","direction":"outbound","timestamp":"2026-11-20T11:59:00.000Z"}`, words[i/len(calls)], id)
			requests <- signed(b, http.MethodPost, "/webhooks/event?attempt="+id, body)
		}
		close(requests)
		wg.Wait()
		return time.Since(begun)
	}
	var stored, verified time.Duration
	for b.Loop() {
		calls = dialing(b, db, events/len(words))
		stored += answer(db)
		verified += answer(new(memoryStore))
	}
	b.ReportMetric(float64(events*b.N)/stored.Seconds(), "events/s")
	b.ReportMetric(verified.Seconds()/stored.Seconds(), "of-verifying-only")
}

// dialing makes n attempts of new contacts that have passed the gate.
func dialing(b *testing.B, db *testkit.DB, n int) []string {
	b.Helper()
	name := fmt.Sprint("bench ", count(b, db, "campaigns"))
	db.StartCampaignOf(b, name, testkit.ContactRows(count(b, db, "contacts"), n))
	claimed, err := db.Claim(b.Context(), n)
	require.NoError(b, err)
	db.Exec(b, `UPDATE attempts SET state = 'dialing', changed_by = 'caller', posts = 1, token_id = gen_random_uuid(), dialed_at = now(), token_expires_at = now() + interval '30 s'
	            WHERE state = 'reserved'`)
	ids := make([]string, len(claimed))
	for i, c := range claimed {
		ids[i] = c.AttemptID.String()
	}
	return ids
}
