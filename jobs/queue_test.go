package jobs

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit/require"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
)

func queued(n, count int) []campaign.QueuedAttempt {
	all := make([]campaign.QueuedAttempt, n)
	for i := range all {
		all[i] = campaign.QueuedAttempt{AttemptID: uuid.New(), EnqueueCount: count}
	}
	return all
}

func mustEnqueue(t *testing.T, q *queue, all []campaign.QueuedAttempt) {
	t.Helper()
	if rest, err := q.enqueue(t.Context(), all); err != nil || len(rest) > 0 {
		t.Fatalf("%d attempts were not enqueued: %v", len(rest), err)
	}
}

func wantWaiting(t *testing.T, q *queue, want int) {
	t.Helper()
	got, err := q.waiting(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("%d tasks wait, want %d", got, want)
	}
}

func TestQueueSameAttemptTwice(t *testing.T) {
	t.Parallel()
	q := openTestQueue(t, privateRedis(t))
	first := queued(50, 1)
	mustEnqueue(t, q, first)
	mustEnqueue(t, q, first)
	wantWaiting(t, q, 50)
	again := campaign.QueuedAttempt{AttemptID: first[0].AttemptID, EnqueueCount: 2}
	mustEnqueue(t, q, []campaign.QueuedAttempt{again})
	wantWaiting(t, q, 51)
}

func TestQueueWithoutRedis(t *testing.T) {
	t.Parallel()
	c := newCable(t, privateRedis(t))
	q := openTestQueue(t, c.URL)
	c.setCut(true)
	all := queued(100, 1)
	begun := time.Now()
	rest, err := q.enqueue(t.Context(), all)
	if err == nil || errors.Is(err, errLeft) {
		t.Errorf("error = %v, want what Redis said", err)
	}
	if !slices.Equal(rest, all) {
		t.Errorf("%d attempts came back, want all %d", len(rest), len(all))
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %v to see that Redis is away", took)
	}
	c.setCut(false)
	mustEnqueue(t, q, rest)
	wantWaiting(t, q, 100)
}

func TestQueueRefusesRedisThatEvicts(t *testing.T) {
	t.Parallel()
	q := openTestQueue(t, privateRedis(t))
	if err := q.check(t.Context()); err != nil {
		t.Errorf("a Redis that does not evict: %v", err)
	}
	if err := q.redis.ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err(); err != nil {
		t.Fatal(err)
	}
	if err := q.check(t.Context()); err == nil || !strings.Contains(err.Error(), "CONFIG SET maxmemory-policy noeviction") {
		t.Errorf("error = %v, want one that says what to type", err)
	}
}

func TestQueueBadURLHidesPassword(t *testing.T) {
	t.Parallel()
	_, err := openQueue("redis://:secret@host:port", "here", 1)
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error = %v, want one without the password", err)
	}
}

// recordingHandler returns err and notes when it was called.
type recordingHandler struct {
	mu    sync.Mutex
	err   error
	calls []time.Time
}

func (h *recordingHandler) ProcessTask(context.Context, *asynq.Task) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, time.Now())
	return h.err
}

func (h *recordingHandler) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.calls)
}

// A task without retries is archived, and its attempt would wait until its lease ends. An
// outage must not use up the retries.
func TestQueueOutageKeepsRetries(t *testing.T) {
	t.Parallel()
	q := openTestQueue(t, privateRedis(t))
	h := &recordingHandler{err: context.Canceled} // retried at once
	server := q.server(4, slog.New(slog.DiscardHandler))
	if err := server.Start(h); err != nil {
		t.Fatal(err)
	}
	defer server.Shutdown()
	mustEnqueue(t, q, queued(1, 1))
	require.Eventually(t, "six tries of one task, which has three retries", func() bool { return h.count() >= 6 })
}

// A production database and a demo on the same Redis must not take each other's tasks. A
// task means nothing to the wrong database, and would be lost.
func TestQueueOfEachDatabase(t *testing.T) {
	t.Parallel()
	url := privateRedis(t)
	here := openTestQueue(t, url)
	there, err := openQueue(url, "there", 8)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = there.close() })
	if _, err := here.enqueue(t.Context(), []campaign.QueuedAttempt{{AttemptID: uuid.New(), EnqueueCount: 1}}); err != nil {
		t.Fatal(err)
	}
	for _, q := range []struct {
		name string
		*queue
		want int
	}{{"here", here, 1}, {"there", there, 0}} {
		if got, err := q.waiting(t.Context()); err != nil || got != q.want {
			t.Errorf("%s: %d tasks wait, %v; want %d", q.name, got, err, q.want)
		}
	}
	if here.key(markKey) == there.key(markKey) {
		t.Error("two fleets share a mark")
	}
}
