package webhooks

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/benchtest"
)

// BenchmarkKeys presses keys in 100 live calls, each about once a second, and
// measures the time from Vonage's request to our NCCO: 50 ms at the median is the
// most that a person should wait for.
func BenchmarkKeys(b *testing.B) { benchKeys(b, 100, 5, time.Second) }

func TestBenchmarkOfKeysRuns(t *testing.T) {
	t.Parallel()
	benchtest.Once(t, func(b *testing.B) { benchKeys(b, 10, 2, 0) })
}

func benchKeys(b *testing.B, calls, keys int, pause time.Duration) {
	db := testkit.New(b)
	h := newHandler(db)
	var took []time.Duration
	for b.Loop() {
		ids := dialing(b, db, calls)
		db.Exec(b, `UPDATE campaigns SET settings = jsonb_set(settings, '{message}', $1)`,
			campaign.Message{Say: "Hello {{name}}", Keys: map[string]campaign.Key{"1": {Result: "confirmed", Say: "Thank you."}, "3": {Repeat: true}}})
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i, id := range ids {
			wg.Go(func() {
				for n := range keys {
					<-time.After(time.Duration(rand.Float64() * 2 * float64(pause)))
					body := fmt.Sprintf(`{"dtmf":{"digits":"3","timed_out":false},"uuid":"U%s","conversation_uuid":"C%d","timestamp":"2026-11-20T11:59:00.000Z"}`, id, i)
					r := signed(b, http.MethodPost, fmt.Sprintf("/webhooks/input?attempt=%s&turn=%d&try=1", id, n+1), body)
					begun := time.Now()
					w := serve(h, r)
					mu.Lock()
					took = append(took, time.Since(begun))
					mu.Unlock()
					if w.Code != http.StatusOK || w.Body.Len() == 0 {
						b.Errorf("status %d, %q", w.Code, w.Body)
					}
				}
			})
		}
		wg.Wait()
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds()*1000, "ms-median")
	b.ReportMetric(took[len(took)*99/100].Seconds()*1000, "ms-99%")
}
