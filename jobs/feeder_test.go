package jobs

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit/require"

	"github.com/google/uuid"
)

// memoryFeed keeps attempts as Postgres does for the feeder and the requeuer.
type memoryFeed struct {
	mu       sync.Mutex
	due      int
	now      time.Time
	attempts []*enqueued // in the order of their ids
}

type enqueued struct {
	campaign.QueuedAttempt
	at time.Time
}

func newMemoryFeed(due int) *memoryFeed { return &memoryFeed{due: due, now: time.Now()} }

func (m *memoryFeed) Claim(_ context.Context, limit int) (claimed []campaign.QueuedAttempt, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for ; m.due > 0 && len(claimed) < limit; m.due-- {
		a := &enqueued{campaign.QueuedAttempt{AttemptID: uuid.Must(uuid.NewV7()), EnqueueCount: 1}, m.now}
		m.attempts = append(m.attempts, a)
		claimed = append(claimed, a.QueuedAttempt)
	}
	return claimed, nil
}

func (m *memoryFeed) Reserved(context.Context) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.attempts), nil
}

func (m *memoryFeed) Queued(_ context.Context, age time.Duration, after uuid.UUID, limit int) (list []campaign.QueuedAttempt, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range m.attempts {
		if len(list) < limit && bytes.Compare(a.AttemptID[:], after[:]) > 0 && a.at.Before(m.now.Add(-age)) {
			list = append(list, a.QueuedAttempt)
		}
	}
	return list, nil
}

func (m *memoryFeed) Requeue(_ context.Context, list []campaign.QueuedAttempt) (again []campaign.QueuedAttempt, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range m.attempts {
		if slices.Contains(list, a.QueuedAttempt) {
			a.EnqueueCount++
			a.at = m.now
			again = append(again, a.QueuedAttempt)
		}
	}
	return again, nil
}

// pass lets time pass by the database's clock.
func (m *memoryFeed) pass(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}

func newFeeder(store feedStore, q *queue, perSecond float64) *feeder {
	return &feeder{store: store, queue: q, perSecond: perSecond, horizon: time.Minute}
}

func mustFeed(t *testing.T, f *feeder, want int) {
	t.Helper()
	got, err := f.runOnce(t.Context())
	require.NoError(t, err)
	if got != want {
		t.Errorf("%d contacts were claimed, want %d", got, want)
	}
}

func mustRequeue(t *testing.T, r *requeuer, want int) {
	t.Helper()
	got, err := r.runOnce(t.Context())
	require.NoError(t, err)
	if got != want {
		t.Errorf("%d attempts were enqueued again, want %d", got, want)
	}
}

func TestFeederHoldsTheNextMinute(t *testing.T) {
	t.Parallel()
	store, q := newMemoryFeed(10_000), openTestQueue(t, privateRedis(t))
	f := newFeeder(store, q, 20)
	mustFeed(t, f, 1200)
	mustFeed(t, f, 0)
	wantWaiting(t, q, 1200)
	store.attempts = store.attempts[100:] // a hundred were called
	mustFeed(t, f, 100)
}

func TestFeederClaimsNothingWithoutRedis(t *testing.T) {
	t.Parallel()
	c := newCable(t, privateRedis(t))
	store, q := newMemoryFeed(10), openTestQueue(t, c.URL)
	f := newFeeder(store, q, 1)
	c.setCut(true)
	if _, err := f.runOnce(t.Context()); err == nil {
		t.Error("no error without Redis")
	}
	if len(store.attempts) != 0 {
		t.Errorf("%d contacts were claimed without Redis", len(store.attempts))
	}
	c.setCut(false)
	mustFeed(t, f, 10)
}

// cutAtClaim cuts Redis off between the claim and the enqueuing.
type cutAtClaim struct {
	*memoryFeed
	cable *cable
}

func (s cutAtClaim) Claim(ctx context.Context, limit int) ([]campaign.QueuedAttempt, error) {
	s.cable.setCut(true)
	return s.memoryFeed.Claim(ctx, limit)
}

func TestRequeuerClaimedWithoutTask(t *testing.T) {
	t.Parallel()
	c := newCable(t, privateRedis(t))
	store, q := newMemoryFeed(10), openTestQueue(t, c.URL)
	r := &requeuer{store: store, queue: q}
	if _, err := newFeeder(cutAtClaim{store, c}, q, 1).runOnce(t.Context()); err == nil {
		t.Error("no error although Redis was cut off")
	}
	c.setCut(false)
	mustRequeue(t, r, 0) // their process may still be enqueueing them
	store.pass(requeueAge + time.Second)
	mustRequeue(t, r, 10)
	wantWaiting(t, q, 10)
	store.pass(requeueAge + time.Second)
	mustRequeue(t, r, 0)
}
