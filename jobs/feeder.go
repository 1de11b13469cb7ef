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

// feedStore is the part of Postgres that the feeder needs.
type feedStore interface {
	// Claim reserves up to limit contacts that are due and may be called now, in
	// one statement. It returns fewer, or none, when no more are due.
	Claim(ctx context.Context, limit int) ([]campaign.QueuedAttempt, error)
	// Reserved counts the attempts that wait in the queue, for all processes.
	Reserved(ctx context.Context) (int, error)
}

// feeder keeps about the next minute of calls in the queue, never a whole campaign.
type feeder struct {
	store     feedStore
	queue     *queue
	perSecond float64
	horizon   time.Duration
}

// runOnce fills the queue up and returns how many contacts it claimed. It reads
// the queue's length only to see whether Redis answers: while Redis is away,
// nothing is claimed. The requeuer enqueues what Redis did not take.
func (f *feeder) runOnce(ctx context.Context) (claimed int, err error) {
	if _, err := f.queue.waiting(ctx); err != nil {
		return 0, err
	}
	reserved, err := f.store.Reserved(ctx)
	if err != nil {
		return 0, err
	}
	want := int(math.Ceil(f.perSecond*f.horizon.Seconds())) - reserved
	for want > claimed {
		limit := min(feedBatch, want-claimed)
		attempts, err := f.store.Claim(ctx, limit)
		if err != nil {
			return claimed, err
		}
		claimed += len(attempts)
		failpoint.HitIf(len(attempts) > 0, "claim.committed")
		if _, err := f.queue.enqueue(ctx, attempts); err != nil {
			return claimed, err
		}
		failpoint.HitIf(len(attempts) > 0, "claim.enqueued")
		if len(attempts) < limit {
			break
		}
	}
	return claimed, nil
}
