package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"dialer/campaign"
	"dialer/internal/background"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
)

const (
	// leaseTerm is how long other processes wait before they take over the work of a dead
	// process.
	leaseTerm   = 6 * time.Second
	renewEvery  = leaseTerm / 3
	finishLimit = 5 * time.Second
	// periodicLimit bounds one round. Reading Vonage's list takes less.
	periodicLimit = 15 * time.Minute
	// missedPeriods is how many periods work may miss before each process starts it
	// without asynq.
	missedPeriods = 3
	// schedulesFrom is asynq's shortest period, and its shortest time for which a
	// task is unique.
	schedulesFrom = time.Second
)

// Periodic is work that one process of the fleet repeats. Run must be safe to repeat, and
// should stop when its context ends, because another process may then have begun it.
type Periodic struct {
	Name  string
	Every time.Duration
	Run   func(ctx context.Context) error
	// WhileLocked: the work is also done before the database may dial.
	WhileLocked bool
}

// LeaseStore decides which process does a piece of periodic work.
type LeaseStore interface {
	// TakeLease gives the work to the owner for term, if no process has it and it
	// was not finished within idle.
	TakeLease(ctx context.Context, name, owner string, term, idle time.Duration) (generation int64, taken bool, err error)
	// RenewLease extends a lease. It returns campaign.ErrLeaseLost when another process
	// has taken the work.
	RenewLease(ctx context.Context, name string, generation int64, term time.Duration) error
	// EndLease gives the work back and notes whether it was done. It too may return
	// campaign.ErrLeaseLost.
	EndLease(ctx context.Context, name string, generation int64, done bool) error
}

// periodicWork is a process's part in all periodic work: asynq triggers it, and a
// lease in Postgres decides which process does it. Work that has not run for
// three periods is started without asynq, so it needs no Redis.
type periodicWork struct {
	list     []Periodic
	store    LeaseStore
	queue    *queue
	owner    string
	stopping context.Context // ends when the process stops; asynq does not know this context
	errs     map[string]*errorLog
	failed   sync.Map // when this process last failed at the work, by the work's name
	log      *slog.Logger
}

func newPeriodicWork(stopping context.Context, list []Periodic, store LeaseStore, alarms AlarmStore, q *queue, log *slog.Logger) *periodicWork {
	w := &periodicWork{store: store, queue: q, owner: uuid.NewString(), stopping: stopping, errs: map[string]*errorLog{}, log: log}
	for _, p := range list {
		work := p.Run
		run := alarming(alarms, p.Name, func(ctx context.Context) (struct{}, error) { return struct{}{}, work(ctx) })
		p.Run = func(ctx context.Context) error {
			_, err := run(ctx)
			return err
		}
		w.list = append(w.list, p)
		w.errs[p.Name] = &errorLog{log: log.With("work", p.Name)}
	}
	return w
}

// run does the work until the process stops.
func (w *periodicWork) run() error {
	server, scheduler, err := w.asynq()
	if err != nil {
		return err
	}
	if err := server.Start(w); err != nil {
		return fmt.Errorf("start the server of periodic work: %w", err)
	}
	if err := scheduler.Start(); err != nil {
		server.Shutdown()
		return fmt.Errorf("start the scheduler: %w", err)
	}
	var wg sync.WaitGroup
	for _, p := range w.list {
		wg.Go(func() { w.repeat(w.stopping, p, missedPeriods*p.Every) })
	}
	wg.Wait()
	scheduler.Shutdown()
	server.Shutdown()
	return nil
}

// asynq makes the server and the scheduler. Tasks get no fixed id: if a killed process
// leaves a task with one, asynq archives it and never runs it again.
func (w *periodicWork) asynq() (*asynq.Server, *asynq.Scheduler, error) {
	part := w.queue.periodicPart()
	log := newAsynqLog(w.log)
	server := asynq.NewServerFromRedisClient(w.queue.redis, asynq.Config{
		Concurrency: max(1, len(w.list)), Queues: map[string]int{part: 1}, TaskCheckInterval: 200 * time.Millisecond,
		ShutdownTimeout: shutdownTimeout, Logger: log, LogLevel: asynq.WarnLevel,
	})
	// A trigger that was not enqueued is not logged: mostly another process enqueued it,
	// and the feeder reports when Redis is away.
	scheduler := asynq.NewSchedulerFromRedisClient(w.queue.redis, &asynq.SchedulerOpts{Logger: log, LogLevel: asynq.FatalLevel})
	for _, p := range w.list {
		options := []asynq.Option{asynq.Queue(part), asynq.MaxRetry(0), asynq.Timeout(periodicLimit)}
		if unique := p.Every - time.Second; unique >= schedulesFrom {
			options = append(options, asynq.Unique(unique))
		}
		spec := "@every " + max(p.Every, schedulesFrom).String()
		if _, err := scheduler.Register(spec, asynq.NewTask(p.Name, nil), options...); err != nil {
			return nil, nil, fmt.Errorf("schedule %q: %w", p.Name, err)
		}
	}
	return server, scheduler, nil
}

// ProcessTask does the work that a task triggers, unless another process has it or has
// just done it. It never fails, because the next trigger comes anyway.
func (w *periodicWork) ProcessTask(ctx context.Context, task *asynq.Task) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.stopping, cancel)()
	for _, p := range w.list {
		if p.Name == task.Type() {
			w.round(ctx, p, p.Every/2)
		}
	}
	return nil
}

// whileLocked does the work that is allowed before the database may dial, until ctx ends.
// It does not use asynq, because the queue's name may still change.
func (w *periodicWork) whileLocked(ctx context.Context) {
	var wg sync.WaitGroup
	for _, p := range w.list {
		if p.WhileLocked {
			wg.Go(func() { w.repeat(ctx, p, p.Every/2) })
		}
	}
	wg.Wait()
}

// repeat does the work until ctx ends, once in each period if no process has finished it
// within idle.
func (w *periodicWork) repeat(ctx context.Context, p Periodic, idle time.Duration) {
	for ctx.Err() == nil {
		w.round(ctx, p, idle)
		_ = background.Sleep(ctx, p.Every+rand.N(p.Every/10+1)) // the loop's head looks at ctx
	}
}

// round does the work once and logs an error once until it changes. A process that failed
// leaves the next period to the others, because it may be the only one that cannot reach
// Vonage.
func (w *periodicWork) round(ctx context.Context, p Periodic, idle time.Duration) {
	at, failed := w.failed.Load(p.Name)
	//guard:false jobs.TestPeriodicFailingProcess: a process that fails leaves the work to the others
	if failed && time.Since(at.(time.Time)) < p.Every {
		return
	}
	if done, err := w.once(ctx, p, idle); err != nil {
		w.failed.Store(p.Name, time.Now())
		w.errs[p.Name].logError(ctx, "round failed", err)
	} else if done {
		w.failed.Delete(p.Name)
		w.errs[p.Name].reset()
	}
}

// once does the work under a lease, and reports whether it did.
func (w *periodicWork) once(ctx context.Context, p Periodic, idle time.Duration) (done bool, err error) {
	generation, taken, err := w.store.TakeLease(ctx, p.Name, w.owner, leaseTerm, idle)
	if err != nil || !taken {
		return false, err
	}
	running, cancel := context.WithTimeout(ctx, periodicLimit)
	defer cancel()
	var renewing sync.WaitGroup
	renewing.Go(func() {
		defer cancel()
		w.renew(running, p.Name, generation)
	})
	err = p.Run(running)
	cancel()
	renewing.Wait()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishLimit)
	defer cancel()
	return true, errors.Join(err, w.store.EndLease(ending, p.Name, generation, ctx.Err() == nil && err == nil))
}

// renew renews the lease until ctx ends, and returns sooner when another process
// may have taken it.
func (w *periodicWork) renew(ctx context.Context, name string, generation int64) {
	until := time.Now().Add(leaseTerm)
	for background.Sleep(ctx, renewEvery) == nil {
		asked := time.Now()
		err := w.store.RenewLease(ctx, name, generation, leaseTerm)
		if err == nil {
			until = asked.Add(leaseTerm)
		} else if errors.Is(err, campaign.ErrLeaseLost) || time.Until(until) < renewEvery {
			w.errs[name].logError(ctx, "another process may do the work now", err)
			return
		}
	}
}
