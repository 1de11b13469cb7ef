package webhooks

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/benchtest"
)

// BenchmarkEvents answers 64 senders at once after the commit of what they
// sent, in turn with a handler that only verifies and answers.
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
		verified += answer(new(kept))
	}
	b.ReportMetric(float64(events*b.N)/stored.Seconds(), "events/s")
	b.ReportMetric(verified.Seconds()/stored.Seconds(), "of-verifying-only")
}

// dialing is n attempts of new people that are past the gate.
func dialing(b *testing.B, db *testkit.DB, n int) []string {
	b.Helper()
	name := fmt.Sprint("bench ", count(b, db, "campaigns"))
	c, err := db.OpenCampaign(b.Context(), name, campaign.Settings{
		From: []string{"442079460000"}, Message: campaign.Message{Say: "Hello"},
		Hours: campaign.Hours{From: 0, To: 1440}, Zone: "Etc/UTC", Retry: campaign.DefaultPolicy(), RingingTimer: 60, LengthTimer: 60,
	})
	must(b, err)
	people := count(b, db, "contacts")
	rows := make([]campaign.Row, n)
	for i := range rows {
		rows[i] = campaign.Row{Line: i + 2, To: fmt.Sprintf("4477009%05d", people+i), Zones: []string{"Etc/UTC"}}
	}
	_, err = db.AddContacts(b.Context(), c.ID, "file", campaign.RowBatch{Rows: rows})
	must(b, err)
	must(b, db.FinishImport(b.Context(), c.ID))
	tickets, err := db.Claim(b.Context(), n, time.Minute)
	must(b, err)
	db.Exec(b, `UPDATE attempts SET state = 'dialing', moved_by = 'placer', fence = 1, dialed_at = now(), token_expires_at = now() + interval '30 s'
	            WHERE state = 'reserved'`)
	ids := make([]string, len(tickets))
	for i, t := range tickets {
		ids[i] = t.AttemptID.String()
	}
	return ids
}
