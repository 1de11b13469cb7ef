package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"dialer/campaign"
	"dialer/internal/background"
	"dialer/internal/pace"
	"dialer/voice"
)

const (
	redisPatience = 10 * time.Second // for Redis to answer when the service starts
)

// Store is the whole part of Postgres that dialing needs.
type Store interface {
	feedStore
	requeueStore
	WorkStore
	LeaseStore
	CheckpointStore
	HangUpStore
	RedisAlarmStore
}

// Service is one process's part in dialing: it feeds the queue, makes calls, hangs up,
// sweeps, and runs the periodic work that it is given. Any number of services may run at
// once.
type Service struct {
	config Config
	store  Store
	client *voice.Client
	pacers Pacers
	queue  *queue
	log    *slog.Logger

	// Caller makes the queue's calls and manual calls: at one pace, with one count.
	Caller *Caller

	redisWritable atomic.Bool
}

// Pacers are the account's two budgets. The service runs them. The client's Throttle uses
// Requests.
type Pacers struct{ Calls, Requests *pace.Pacer }

// Throttle gives each request of a voice.Client a permit of the pacer.
func Throttle(p *pace.Pacer, class pace.Class) func(context.Context) (voice.Permit, error) {
	return func(ctx context.Context) (voice.Permit, error) {
		permit, err := p.Wait(ctx, class)
		if err != nil {
			return nil, err // and no nil *pace.Permit
		}
		return permit, nil
	}
}

// New makes the service and opens no connection.
func New(c Config, store Store, client *voice.Client, pacers Pacers, log *slog.Logger) (*Service, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("dialing: %w", err)
	}
	q, err := openQueue(c.RedisURL, c.DatabaseID, c.Workers)
	if err != nil {
		return nil, err
	}
	return &Service{
		config: c, store: store, client: client, pacers: pacers, queue: q, log: log,
		Caller: NewCaller(store, client, pacers.Calls, c.TokenLife, log),
	}, nil
}

// Run dials until ctx ends. Then no new gate starts; sends under way finish, and their
// outcomes are recorded. Run ends in the same way, with campaign.ErrRenamed, when the
// database is released under another name. Run can be called once.
func (s *Service) Run(ctx context.Context) error {
	ctx, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	if err := s.awaitRedis(ctx); err != nil {
		if errors.Is(ctx.Err(), context.Canceled) {
			err = nil // stopped before Redis answered
		}
		return errors.Join(err, s.queue.close())
	}
	working, stopWorking := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWorking()
	worker := newCallWorker(ctx, working, s.config, s.store, s.Caller)

	var pacers, loops sync.WaitGroup
	pacers.Go(func() { s.pacers.Calls.Run(working) })
	pacers.Go(func() { s.pacers.Requests.Run(working) })
	checkpoint := s.newCheckpointer()
	periodic := newPeriodicWork(ctx, s.config.Periodic, s.store, s.store, s.queue, s.log)
	s.await(ctx, checkpoint, periodic)
	server := s.queue.server(s.config.Workers, s.log)
	if err := server.Start(worker); err != nil {
		stopWorking()
		pacers.Wait()
		return errors.Join(fmt.Errorf("start the workers: %w", err), s.queue.close())
	}
	checkpoint.leave = leave
	s.log.InfoContext(ctx, "dialing")
	s.startLoops(ctx, &loops, checkpoint)
	loops.Go(func() {
		if err := periodic.run(); err != nil {
			leave(fmt.Errorf("%w: %w", errPeriodic, err))
		}
	})

	<-ctx.Done()
	server.Shutdown() // waits for the sends, shutdownTimeout at most
	loops.Wait()
	stopWorking()
	worker.active.Wait()
	pacers.Wait()
	return errors.Join(s.left(ctx), s.queue.close())
}

// await waits until the database may dial, and meanwhile does the work that releases it.
func (s *Service) await(ctx context.Context, checkpoint *checkpointer, periodic *periodicWork) {
	waiting, released := context.WithCancel(ctx)
	var restoring sync.WaitGroup
	probe := s.newRedisProbe() // the queue may be renamed meanwhile
	restoring.Go(func() { loop(waiting, s.log, "probe Redis", probeEvery, probe.runOnce) })
	restoring.Go(func() { periodic.whileLocked(waiting) })
	checkpoint.await(ctx)
	released()
	restoring.Wait()
}

var errPeriodic = errors.New("periodic work cannot be started")

// left is why the service ended by itself; nil if it was told to end.
func (s *Service) left(ctx context.Context) error {
	if err := context.Cause(ctx); errors.Is(err, campaign.ErrRenamed) || errors.Is(err, errPeriodic) {
		return err
	}
	return nil
}

// awaitRedis gives Redis a moment, because it may start at the same time.
func (s *Service) awaitRedis(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, redisPatience)
	defer cancel()
	var unreachable error
	for {
		err := s.queue.check(ctx)
		if !errors.Is(err, errUnreachable) {
			return s.judgeRedis(ctx, err)
		}
		if unreachable == nil {
			s.log.WarnContext(ctx, "Redis does not answer: waiting for it", "at_most", redisPatience.String(), "error", err)
		}
		if unreachable == nil || !errors.Is(err, context.DeadlineExceeded) {
			unreachable = err // not that we stopped waiting
		}
		if background.Sleep(ctx, 200*time.Millisecond) != nil {
			return unreachable
		}
	}
}

// judgeRedis raises an alarm for a Redis with bad or hidden settings. A Redis that hides
// them is used all the same.
func (s *Service) judgeRedis(ctx context.Context, err error) error {
	if raised := s.redisAlarm(ctx, err); raised != nil {
		s.log.ErrorContext(ctx, "alarm not stored", "kind", campaign.AlarmRedis, "error", raised)
	}
	if errors.Is(err, errHidden) {
		s.log.WarnContext(ctx, err.Error())
		return nil
	}
	return err
}

func (s *Service) newCheckpointer() *checkpointer {
	return &checkpointer{store: s.store, queue: s.queue, log: s.log}
}

// startLoops starts all repeated work.
func (s *Service) startLoops(ctx context.Context, wg *sync.WaitGroup, checkpoint *checkpointer) {
	c := s.config
	feed := &feeder{store: s.store, queue: s.queue, perSecond: c.CallsPerSecond, horizon: c.Horizon}
	again := &requeuer{store: s.store, queue: s.queue}
	hang := &hangupWorker{store: s.store, client: s.client}
	wg.Go(func() { work(ctx, s, "checkpoint", checkpointEvery, checkpoint.runOnce) })
	wg.Go(func() { work(ctx, s, "feed", feedEvery, feed.runOnce) })
	wg.Go(func() {
		_ = background.Sleep(ctx, rand.N(requeueEvery)) // so that processes take turns; loop looks at ctx
		work(ctx, s, "requeue", requeueEvery, again.runOnce)
	})
	wg.Go(func() { work(ctx, s, "hang up", hangupEvery, hang.runOnce) })
	wg.Go(func() { loop(ctx, s.log, "probe Redis", probeEvery, s.newRedisProbe().runOnce) })
	wg.Go(func() { work(ctx, s, "watch Redis", redisEvery, s.watchRedis) })
}

// loop does the work at an interval until ctx ends. It logs an error and continues. After
// work that took long it rests as long, so that the work never takes more than half of
// the budget that it shares.
func loop[N any](ctx context.Context, log *slog.Logger, name string, every time.Duration, once func(context.Context) (N, error)) {
	log = log.With("loop", name)
	errs := &errorLog{log: log}
	for ctx.Err() == nil {
		begun := time.Now()
		n, err := guarded(ctx, once)
		if err != nil {
			errs.logError(ctx, "round failed", err)
		} else {
			errs.reset()
			log.DebugContext(ctx, "round", "did", n)
		}
		_ = background.Sleep(ctx, max(every, time.Since(begun))) // the loop's head looks at ctx
	}
}

// guarded turns a panic into an error, so that one bad row does not end the
// process.
func guarded[N any](ctx context.Context, once func(context.Context) (N, error)) (n N, err error) {
	defer background.Recover(&err)
	return once(ctx)
}
