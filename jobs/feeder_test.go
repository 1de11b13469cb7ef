package jobs

import (
	"context"
	"sync"
	"testing"
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
)

// memoryFeed keeps attempts as Postgres does for the feeder. Its clock moves
// one second each time it is asked for.
type memoryFeed struct {
	mu    sync.Mutex
	due   int
	now   time.Time
	feeds []*fed
}

type fed struct {
	ticket campaign.QueuedAttempt
	at     time.Time
	until  time.Time
}

func (m *memoryFeed) Claim(_ context.Context, limit int, lease time.Duration) (out []campaign.QueuedAttempt, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for ; m.due > 0 && len(out) < limit; m.due-- {
		f := &fed{campaign.QueuedAttempt{AttemptID: uuid.New(), EnqueueCount: 1}, m.now, m.now.Add(lease)}
		m.feeds = append(m.feeds, f)
		out = append(out, f.ticket)
	}
	return out, nil
}

func (m *memoryFeed) Refeed(_ context.Context, limit int, lease time.Duration, fedBefore time.Time) (out []campaign.QueuedAttempt, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.feeds {
		if len(out) < limit && (f.until.Before(m.now) || f.at.Before(fedBefore)) {
			f.at, f.until = m.now, m.now.Add(lease)
			f.ticket.EnqueueCount++
			out = append(out, f.ticket)
		}
	}
	return out, nil
}

func (m *memoryFeed) Reserved(context.Context) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.feeds), nil
}

func (m *memoryFeed) Now(context.Context) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(time.Second)
	return m.now, nil
}

func (m *memoryFeed) pass(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
}

func newFeeder(store FeedStore, q *queue, perSecond float64) *feeder {
	return &feeder{refeeder: refeeder{store: store, queue: q, lease: time.Minute}, perSecond: perSecond, horizon: time.Minute}
}

func mustFeed(t *testing.T, f *feeder, want int) {
	t.Helper()
	got, err := f.runOnce(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("%d tasks were fed, want %d", got, want)
	}
}

func TestFeederHoldsTheNextMinuteAndNotTheCampaign(t *testing.T) {
	t.Parallel()
	store, q := &memoryFeed{due: 10_000, now: time.Now()}, openTestQueue(t, privateRedis(t))
	f := newFeeder(store, q, 20)
	mustFeed(t, f, 0) // Redis is new: nothing to restore
	mustFeed(t, f, 1200)
	mustFeed(t, f, 0)
	wantWaiting(t, q, 1200)
	store.feeds = store.feeds[100:] // a hundred were placed
	mustFeed(t, f, 100)
}

func TestNothingIsClaimedWithoutRedis(t *testing.T) {
	t.Parallel()
	c := newCable(t, privateRedis(t))
	store, q := &memoryFeed{due: 10, now: time.Now()}, openTestQueue(t, c.URL)
	f := newFeeder(store, q, 1)
	c.setCut(true)
	if _, err := f.runOnce(t.Context()); err == nil {
		t.Error("no error without Redis")
	}
	if len(store.feeds) != 0 {
		t.Errorf("%d contacts were claimed without Redis", len(store.feeds))
	}
	c.setCut(false)
	mustFeed(t, f, 0)
	mustFeed(t, f, 10)
}

// cutAtClaim cuts Redis off between the claim and the enqueueing.
type cutAtClaim struct {
	*memoryFeed
	cable *cable
}

func (s cutAtClaim) Claim(ctx context.Context, limit int, lease time.Duration) ([]campaign.QueuedAttempt, error) {
	s.cable.setCut(true)
	return s.memoryFeed.Claim(ctx, limit, lease)
}

func TestClaimedTicketsAreOwedUntilRedisTakesThem(t *testing.T) {
	t.Parallel()
	c := newCable(t, privateRedis(t))
	store, q := &memoryFeed{due: 10, now: time.Now()}, openTestQueue(t, c.URL)
	f := newFeeder(cutAtClaim{store, c}, q, 1)
	mustFeed(t, f, 0)
	if _, err := f.runOnce(t.Context()); err == nil {
		t.Error("no error although Redis was cut off")
	}
	c.setCut(false)
	f.store = store
	mustFeed(t, f, 10)
	wantWaiting(t, q, 10)
}

func TestEverythingIsFedAgainOnceWhenRedisWasLost(t *testing.T) {
	t.Parallel()
	store, q := &memoryFeed{due: 2000, now: time.Now()}, openTestQueue(t, privateRedis(t))
	f, other := newFeeder(store, q, 30), newFeeder(store, q, 30)
	mustFeed(t, f, 0)
	mustFeed(t, f, 1800)
	if err := q.redis.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	mustFeed(t, f, 1800)
	mustFeed(t, other, 0)
	mustFeed(t, f, 0)
	wantWaiting(t, q, 1800)
}

// flushAtRefeed loses Redis again while everything is being put back.
type flushAtRefeed struct {
	*memoryFeed
	q *queue
}

func (s flushAtRefeed) Refeed(ctx context.Context, limit int, lease time.Duration, fedBefore time.Time) ([]campaign.QueuedAttempt, error) {
	out, err := s.memoryFeed.Refeed(ctx, limit, lease, fedBefore)
	if len(out) < limit {
		err = s.q.redis.FlushAll(ctx).Err()
	}
	return out, err
}

func TestRedisLostAgainWhileItIsRestored(t *testing.T) {
	t.Parallel()
	store, q := &memoryFeed{due: 700, now: time.Now()}, openTestQueue(t, privateRedis(t))
	f := newFeeder(store, q, 30)
	mustFeed(t, f, 0)
	mustFeed(t, f, 700)
	if err := q.redis.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	f.store = flushAtRefeed{store, q}
	mustFeed(t, f, 700)
	f.store = store
	mustFeed(t, f, 700)
	wantWaiting(t, q, 900) // 200 of the first round came after the second loss
}

func TestRunOutLeasesAreFedAgainUnlessTheQueueHoldsThem(t *testing.T) {
	t.Parallel()
	store, q := &memoryFeed{due: 60, now: time.Now()}, openTestQueue(t, privateRedis(t))
	f := newFeeder(store, q, 1)
	mustFeed(t, f, 0)
	mustFeed(t, f, 60)
	again := func(want int) {
		t.Helper()
		if got, err := f.refeedRunOut(t.Context()); err != nil || got != want {
			t.Errorf("%d fed again, want %d (error %v)", got, want, err)
		}
	}
	store.pass(2 * time.Minute)
	again(0)
	if err := q.redis.LTrim(t.Context(), q.pendingKey(campaign.Urgent), 0, 49).Err(); err != nil { // ten tasks are lost
		t.Fatal(err)
	}
	again(60)
	again(0)
}
