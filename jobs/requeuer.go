package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dialer/campaign"
	"dialer/internal/failpoint"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

const (
	requeueEvery = 5 * time.Second
	// requeueAge is how old a claim must be. Before that, its process may still be
	// enqueueing it.
	requeueAge = 5 * time.Second
	// leaseRenewed: a living process has renewed the lease of its task within this time.
	// It renews it every 5 s.
	leaseRenewed = 10 * time.Second
	// leaseDuration is the one of asynq 0.26.
	leaseDuration = 30 * time.Second
)

// requeueStore is the part of Postgres that the requeuer needs.
type requeueStore interface {
	// Queued lists up to limit reserved attempts that were enqueued longer than age ago,
	// ordered by id, starting after the id after.
	Queued(ctx context.Context, age time.Duration, after uuid.UUID, limit int) ([]campaign.QueuedAttempt, error)
	// Requeue notes that the attempts are enqueued again, and returns those that have not
	// changed since they were listed.
	Requeue(ctx context.Context, list []campaign.QueuedAttempt) ([]campaign.QueuedAttempt, error)
}

// requeuer enqueues attempts again whose tasks were lost with a process or with Redis:
// each attempt that is still reserved and has no task that waits or is being worked on.
// The new task has a new id, and the gate lets only one of two tasks for an attempt
// through. So a wrong guess costs one task, and the rate is unused for ten seconds at
// most.
type requeuer struct {
	store requeueStore
	queue *queue
}

// runOnce looks at all attempts that should wait in the queue, a page at a time, and
// returns how many it enqueued again.
func (r *requeuer) runOnce(ctx context.Context) (requeued int, err error) {
	var after uuid.UUID
	for {
		page, err := r.store.Queued(ctx, requeueAge, after, feedBatch)
		if err != nil || len(page) == 0 {
			return requeued, err
		}
		n, err := r.requeue(ctx, page)
		requeued += n
		if err != nil || len(page) < feedBatch {
			return requeued, err
		}
		after = page[len(page)-1].AttemptID
	}
}

func (r *requeuer) requeue(ctx context.Context, page []campaign.QueuedAttempt) (int, error) {
	missing, err := r.queue.missing(ctx, page, time.Now())
	if err != nil || len(missing) == 0 {
		return 0, err
	}
	again, err := r.store.Requeue(ctx, missing)
	if err != nil {
		return 0, err
	}
	failpoint.HitIf(len(again) > 0, "requeue.committed")
	rest, err := r.queue.enqueue(ctx, again)
	return len(again) - len(rest), err
}

// missing returns the attempts whose task is not pending, scheduled, waiting for a retry,
// or active with a lease that was renewed lately. asynq 0.26 keeps a hash for each task
// with its state, and a sorted set of leases by their end.
func (q *queue) missing(ctx context.Context, list []campaign.QueuedAttempt, now time.Time) (missing []campaign.QueuedAttempt, err error) {
	states, err := q.taskStates(ctx, list)
	if err != nil {
		return nil, err
	}
	leases, err := q.leaseEnds(ctx, list, states)
	if err != nil {
		return nil, err
	}
	for i, a := range list {
		switch states[i].state {
		case "pending", "scheduled", "retry":
			continue
		case "active":
			//guard:false jobs.TestRequeuerTaskOfDeadProcess: a lease that is not renewed is a dead process's
			if renewed := leases[i].Add(-leaseDuration); now.Sub(renewed) <= leaseRenewed {
				continue
			}
		}
		missing = append(missing, a)
	}
	return missing, nil
}

// taskState is where asynq has a task.
type taskState struct {
	state string // asynq's word; "": it has none
	part  campaign.Urgency
}

// taskStates looks for each task in all parts of the queue, because its urgency may have
// been different when it was enqueued.
func (q *queue) taskStates(ctx context.Context, list []campaign.QueuedAttempt) ([]taskState, error) {
	pipe := q.redis.Pipeline()
	answers := make([]*redis.StringCmd, 0, len(list)*len(urgencies))
	for _, a := range list {
		for u := range urgencies {
			answers = append(answers, pipe.HGet(ctx, q.asynqKey(campaign.Urgency(u), "t:"+taskID(a)), "state"))
		}
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("read the states of tasks: %w", err)
	}
	states := make([]taskState, len(list))
	for i, answer := range answers {
		text, err := answer.Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return nil, fmt.Errorf("read the state of a task: %w", err)
		}
		if text != "" {
			states[i/len(urgencies)] = taskState{text, campaign.Urgency(i % len(urgencies))}
		}
	}
	return states, nil
}

// leaseEnds reads when the leases of active tasks end; zero: there is no lease.
func (q *queue) leaseEnds(ctx context.Context, list []campaign.QueuedAttempt, states []taskState) ([]time.Time, error) {
	pipe := q.redis.Pipeline()
	answers := make([]*redis.FloatCmd, len(list))
	for i, a := range list {
		if states[i].state == "active" {
			answers[i] = pipe.ZScore(ctx, q.asynqKey(states[i].part, "lease"), taskID(a))
		}
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("read the leases of tasks: %w", err)
	}
	ends := make([]time.Time, len(list))
	for i, answer := range answers {
		if answer != nil {
			if end, err := answer.Result(); err == nil {
				ends[i] = time.Unix(int64(end), 0)
			}
		}
	}
	return ends, nil
}
