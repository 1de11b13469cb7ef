package jobs

import (
	"context"
	"errors"
	"sync"
	"time"

	"dialer/campaign"
)

const (
	// failingLong is how long work may fail before a person should look.
	failingLong = 5 * time.Minute
	// redisEvery is how often Redis is asked whether it would drop tasks.
	redisEvery = time.Minute
)

// AlarmStore keeps what a person should look at.
type AlarmStore interface {
	Raise(ctx context.Context, a campaign.Alarm) error
}

// work is loop with an alarm: work that fails for long must show outside the log too.
func work[N any](ctx context.Context, s *Service, name string, every time.Duration, once func(context.Context) (N, error)) {
	loop(ctx, s.log, name, every, alarming(s.store, name, once))
}

// alarming raises an alarm once work has failed for long without a break, and
// again after as long.
func alarming[N any](store AlarmStore, name string, once func(context.Context) (N, error)) func(context.Context) (N, error) {
	var mu sync.Mutex
	var since time.Time
	return func(ctx context.Context) (N, error) {
		n, err := guarded(ctx, once)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			since = time.Time{}
		case ctx.Err() != nil: // stopping is not a failure
		case since.IsZero():
			since = time.Now()
		case time.Since(since) >= failingLong:
			since = time.Now()
			err = errors.Join(err, store.Raise(ctx, campaign.Alarm{
				Kind: campaign.AlarmFailing, Detail: "a dialer's part \"" + name + "\" has failed for five minutes",
			}))
		}
		return n, err
	}
}

// redisAlarm stores what is wrong with Redis's settings. The alarm is repeated only for
// settings that Redis shows. A Redis that hides its settings was reported when the
// service started.
func (s *Service) redisAlarm(ctx context.Context, err error) error {
	if !errors.Is(err, errEvicts) && !errors.Is(err, errHidden) {
		return nil
	}
	detail := "Redis would evict tasks"
	if errors.Is(err, errHidden) {
		detail = "Redis does not say whether it would evict tasks"
	}
	return s.store.Raise(ctx, campaign.Alarm{Kind: campaign.AlarmRedis, Detail: detail})
}

// watchRedis checks Redis again, because its settings may change while it runs, and
// removes tasks that a crash left there.
func (s *Service) watchRedis(ctx context.Context) (int, error) {
	err := s.queue.check(ctx)
	if errors.Is(err, errHidden) {
		err = nil
	}
	removed, failed := s.queue.removeOrphans(ctx)
	if removed > 0 {
		s.log.WarnContext(ctx, "tasks without a lease were removed from Redis; their attempts are enqueued again", "tasks", removed)
	}
	return removed, errors.Join(err, s.redisAlarm(ctx, err), failed)
}
