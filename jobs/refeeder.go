package jobs

import (
	"context"
	"fmt"
	"time"

	"dialer/internal/failpoint"

	"github.com/google/uuid"
)

const (
	// epochKey is there as long as Redis has what was put into it.
	epochKey = "epoch"
	// restoreKey is held by the one process that puts everything back, for
	// restoreLock at most.
	restoreKey  = "restoring"
	restoreLock = 10 * time.Second
)

// refeeder rings again for attempts whose task Redis has lost. What is fed
// again grows its feed number, so the new task has an id of its own, and of two
// tasks for one attempt the gate lets one through.
type refeeder struct {
	store FeedStore
	queue *queue
	lease time.Duration
}

// redisWasLost reports whether Redis has started empty since it was last fed.
func (r refeeder) redisWasLost(ctx context.Context) (bool, error) {
	n, err := r.queue.redis.Exists(ctx, r.queue.key(epochKey)).Result()
	if err != nil {
		return false, fmt.Errorf("ask Redis whether it was lost: %w", err)
	}
	return n == 0, nil
}

// restore rings again for everything that was fed before now, in one of the
// processes that found Redis empty, and returns how many tasks it enqueued. The
// epoch is set at the end, and only if Redis was not lost again meanwhile.
func (r refeeder) restore(ctx context.Context) (int, error) {
	mine := uuid.NewString()
	won, err := r.queue.redis.SetNX(ctx, r.queue.key(restoreKey), mine, restoreLock).Result()
	if err != nil {
		return 0, fmt.Errorf("begin to restore the queue: %w", err)
	}
	if !won {
		return 0, nil
	}
	refed, err := r.refeedAll(ctx)
	if err != nil {
		// Not to be waited for; an error leaves the lock to run out.
		_ = r.queue.redis.Eval(ctx, leaveScript, []string{r.queue.key(restoreKey)}, mine).Err()
		return refed, err
	}
	if err := r.queue.redis.Eval(ctx, restoredScript, []string{r.queue.key(restoreKey), r.queue.key(epochKey)}, mine).Err(); err != nil {
		return refed, fmt.Errorf("end restoring the queue: %w", err)
	}
	return refed, nil
}

// restoredScript sets the epoch if the lock is still the caller's.
// KEYS: the lock, the epoch. ARGV: what the lock must hold.
const restoredScript = `
if redis.call("GET", KEYS[1]) == ARGV[1] then
	redis.call("SET", KEYS[2], ARGV[1])
	redis.call("DEL", KEYS[1])
end
return 0`

func (r refeeder) refeedAll(ctx context.Context) (int, error) {
	now, err := r.store.Now(ctx)
	if err != nil {
		return 0, err
	}
	return r.refeed(ctx, now)
}

// refeed rings again for attempts whose lease ran out, or that were fed before
// the time given.
func (r refeeder) refeed(ctx context.Context, fedBefore time.Time) (refed int, err error) {
	for {
		tickets, err := r.store.Refeed(ctx, feedBatch, r.lease, fedBefore)
		if err != nil {
			return refed, err
		}
		refed += len(tickets)
		failpoint.HitIf(len(tickets) > 0, "refeed.committed")
		if _, err := r.queue.enqueue(ctx, tickets); err != nil || len(tickets) < feedBatch {
			return refed, err
		}
	}
}

// refeedRunOut rings again for attempts whose lease ran out, unless the queue
// holds a task for every reserved attempt anyway: while nobody dials, leases
// run out and nothing is lost, and the queue must not grow by it.
func (r refeeder) refeedRunOut(ctx context.Context) (int, error) {
	waiting, err := r.queue.waiting(ctx)
	if err != nil {
		return 0, err
	}
	reserved, err := r.store.Reserved(ctx)
	if err != nil {
		return 0, err
	}
	if waiting >= reserved {
		return 0, nil
	}
	return r.refeed(ctx, time.Time{})
}
