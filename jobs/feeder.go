package jobs

import (
	"context"
	"math"
	"time"

	"dialer/campaign"
	"dialer/internal/failpoint"
)

const (
	feedEvery = 250 * time.Millisecond
	feedBatch = 500
)

// feeder keeps about the next minute of calls in the queue, never a campaign.
type feeder struct {
	refeeder
	perSecond float64
	horizon   time.Duration
	owed      []campaign.QueuedAttempt // claimed, and Redis did not take the task
}

// runOnce fills the queue up and returns how many tasks it enqueued. Redis is
// asked first: while it cannot be reached nothing is claimed.
func (f *feeder) runOnce(ctx context.Context) (int, error) {
	lost, err := f.redisWasLost(ctx)
	if err != nil {
		return 0, err
	}
	if lost {
		f.owed = nil // they are among what is put back
		return f.restore(ctx)
	}
	owed := f.owed
	f.owed = nil
	if err := f.enqueue(ctx, owed); err != nil {
		return 0, err
	}
	claimed, err := f.fill(ctx)
	return len(owed) + claimed, err
}

func (f *feeder) fill(ctx context.Context) (claimed int, err error) {
	reserved, err := f.store.Reserved(ctx)
	if err != nil {
		return 0, err
	}
	want := int(math.Ceil(f.perSecond*f.horizon.Seconds())) - reserved
	for want > claimed {
		limit := min(feedBatch, want-claimed)
		tickets, err := f.store.Claim(ctx, limit, f.lease)
		if err != nil {
			return claimed, err
		}
		claimed += len(tickets)
		failpoint.HitIf(len(tickets) > 0, "claim.committed")
		if err := f.enqueue(ctx, tickets); err != nil {
			return claimed, err
		}
		failpoint.HitIf(len(tickets) > 0, "claim.enqueued")
		if len(tickets) < limit {
			break
		}
	}
	return claimed, nil
}

// enqueue rings for each ticket and remembers those that Redis did not take.
// They are remembered nowhere else: when this process dies their lease runs
// out, and the sweeper feeds them again.
func (f *feeder) enqueue(ctx context.Context, tickets []campaign.QueuedAttempt) error {
	rest, err := f.queue.enqueue(ctx, tickets)
	f.owed = append(f.owed, rest...)
	return err
}
