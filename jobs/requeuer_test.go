package jobs

import (
	"context"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit/require"

	"github.com/redis/go-redis/v9"
)

func TestRequeuerLostRedis(t *testing.T) {
	t.Parallel()
	store, q := newMemoryFeed(1800), openTestQueue(t, privateRedis(t))
	first, second := &requeuer{store: store, queue: q}, &requeuer{store: store, queue: q}
	mustFeed(t, newFeeder(store, q, 30), 1800)
	store.pass(requeueAge + time.Second)
	mustRequeue(t, first, 0)
	require.NoError(t, q.redis.FlushAll(t.Context()).Err())
	mustRequeue(t, first, 1800)
	mustRequeue(t, second, 0)
	wantWaiting(t, q, 1800)
}

// flushAtRequeue empties Redis again while everything is enqueued again.
type flushAtRequeue struct {
	*memoryFeed
	q *queue
}

func (s flushAtRequeue) Requeue(ctx context.Context, list []campaign.QueuedAttempt) ([]campaign.QueuedAttempt, error) {
	again, err := s.memoryFeed.Requeue(ctx, list)
	if len(list) < feedBatch {
		err = s.q.redis.FlushAll(ctx).Err()
	}
	return again, err
}

func TestRequeuerRedisLostTwice(t *testing.T) {
	t.Parallel()
	store, q := newMemoryFeed(700), openTestQueue(t, privateRedis(t))
	mustFeed(t, newFeeder(store, q, 30), 700)
	require.NoError(t, q.redis.FlushAll(t.Context()).Err())
	store.pass(requeueAge + time.Second)
	mustRequeue(t, &requeuer{store: flushAtRequeue{store, q}, queue: q}, 700)
	store.pass(requeueAge + time.Second)
	mustRequeue(t, &requeuer{store: store, queue: q}, 500) // 200 of the first round came after the second loss
	wantWaiting(t, q, 700)
}

// activate makes all pending tasks active in a process that renewed their leases this
// long ago.
func activate(t *testing.T, q *queue, renewed time.Duration) {
	t.Helper()
	end := float64(time.Now().Add(leaseDuration - renewed).Unix())
	for {
		id, err := q.redis.LMove(t.Context(), q.pendingKey(campaign.DueReminder), q.asynqKey(campaign.DueReminder, "active"), "RIGHT", "LEFT").Result()
		if err == redis.Nil {
			return
		}
		require.NoError(t, err)
		require.NoError(t, q.redis.HSet(t.Context(), q.asynqKey(campaign.DueReminder, "t:"+id), "state", "active").Err())
		require.NoError(t, q.redis.ZAdd(t.Context(), q.asynqKey(campaign.DueReminder, "lease"), redis.Z{Score: end, Member: id}).Err())
	}
}

func TestRequeuerTaskOfDeadProcess(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		renewed time.Duration
		want    int
	}{
		{"renewed lately", 7 * time.Second, 0},
		{"not renewed", leaseRenewed + 2*time.Second, 20},
		{"expired", leaseDuration + time.Second, 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			store, q := newMemoryFeed(20), openTestQueue(t, privateRedis(t))
			mustFeed(t, newFeeder(store, q, 1), 20)
			activate(t, q, test.renewed)
			store.pass(requeueAge + time.Second)
			mustRequeue(t, &requeuer{store: store, queue: q}, test.want)
		})
	}
}

// A task's urgency may have changed since it was enqueued.
func TestRequeuerFindsTaskInAnotherPart(t *testing.T) {
	t.Parallel()
	store, q := newMemoryFeed(3), openTestQueue(t, privateRedis(t))
	mustFeed(t, newFeeder(store, q, 1), 3)
	for _, a := range store.attempts {
		a.Urgency = campaign.FirstCall
	}
	store.pass(requeueAge + time.Second)
	mustRequeue(t, &requeuer{store: store, queue: q}, 0)
}
