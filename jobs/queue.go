package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"golang.org/x/time/rate"
)

const (
	// dial is the kind of the queue's tasks.
	dial = "dial"

	enqueuers      = 8
	enqueueTimeout = time.Second
	taskTimeout    = time.Minute
	// shutdownTimeout is longer than a POST may take (10 s), so a stop never returns a
	// task to the queue while its call is being placed.
	shutdownTimeout = 15 * time.Second
	retryDelay      = 2 * time.Second
)

// queue is asynq as this package uses it: its tasks are hints. A task may be lost,
// doubled or late; the gate decides what happens.
type queue struct {
	redis  *redis.Client
	client *asynq.Client
	// name distinguishes the queues that share a Redis. Each database has one, because a
	// task means something only to the database that it came from.
	name       string
	databaseID string
}

// urgencies are the names of the queue's parts, by urgency: asynq empties the first
// before the second. So a reminder that falls due does not wait behind the minute of bulk
// calls that is already queued. Each name begins with the queue's name.
var urgencies = []string{campaign.DueReminder: "-reminders", campaign.Retry: "-retries", campaign.FirstCall: ""}

// part is the queue of tasks of urgency u.
func (q *queue) part(u campaign.Urgency) string {
	return q.name + urgencies[min(max(u, campaign.DueReminder), campaign.FirstCall)]
}

// parts are the names of all queues that asynq keeps for this one.
func (q *queue) parts() []string {
	parts := []string{q.periodicPart()}
	for u := range urgencies {
		parts = append(parts, q.part(campaign.Urgency(u)))
	}
	return parts
}

// periodicPart is the queue of periodic work.
func (q *queue) periodicPart() string { return q.name + "-periodic" }

// openQueue makes the client of a database's queue. It opens no connection.
func openQueue(url, databaseID string, workers int) (*queue, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("the Redis URL cannot be parsed; it looks like redis://localhost:6379/0") // err contains the password
	}
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = time.Second, 2*time.Second, 2*time.Second
	options.MaxRetries = 1
	options.PoolSize = workers + enqueuers + 10
	options.ContextTimeoutEnabled = true
	silenceRedis()
	rdb := redis.NewClient(options)
	q := &queue{redis: rdb, client: asynq.NewClientFromRedisClient(rdb)}
	q.rename(databaseID)
	return q, nil
}

// silenceRedis stops the library from writing every failed connection to standard error.
// It also returns these errors.
var silenceRedis = sync.OnceFunc(func() { redis.SetLogger(silent{}) })

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// rename makes q the queue of another database. No other goroutine may use q meanwhile.
func (q *queue) rename(databaseID string) {
	q.name, q.databaseID = dial+"-"+databaseID, databaseID
}

// key is the name of a Redis key that the fleet of this queue shares.
func (q *queue) key(what string) string { return "dialer:{" + q.name + "}:" + what }

// asynqKey is the Redis key where asynq 0.26 keeps something of a part of the queue.
// asynq's Inspector does not know a queue after Redis was flushed.
func (q *queue) asynqKey(u campaign.Urgency, what string) string {
	return "asynq:{" + q.part(u) + "}:" + what
}

// pendingKey is the list of tasks that no worker has taken yet.
func (q *queue) pendingKey(u campaign.Urgency) string { return q.asynqKey(u, "pending") }

// taskID names an attempt's task. Each enqueuing has a new id, so no task that Redis
// still knows can block it.
func taskID(a campaign.QueuedAttempt) string {
	return fmt.Sprintf("%s:%d", a.AttemptID, a.EnqueueCount)
}

func (q *queue) close() error { return q.redis.Close() }

// check refuses a Redis that would drop tasks when it is full. asynq never recovers from
// a task that was half evicted. A Redis that hides its settings is errHidden.
func (q *queue) check(ctx context.Context) error {
	if err := q.redis.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("%w at %s: %w", errUnreachable, q.redis.Options().Addr, err)
	}
	const setting = "maxmemory-policy"
	got, err := q.redis.ConfigGet(ctx, setting).Result()
	policy := got[setting]
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errHidden, err)
	case policy == "":
		return errHidden
	//guard:false jobs.TestQueueRefusesRedisThatEvicts: a Redis that evicts is refused
	case policy != "noeviction":
		return fmt.Errorf("%w: %s is %s; run `redis-cli CONFIG SET %s noeviction` and put it into redis.conf", errEvicts, setting, policy, setting)
	}
	return nil
}

var (
	errEvicts = errors.New("redis would evict tasks")
	errHidden = errors.New("cannot see Redis's maxmemory-policy; it must be noeviction")
)

// errUnreachable means that Redis does not answer.
var errUnreachable = errors.New("cannot reach Redis (REDIS_URL, --redis-url)")

// enqueue puts a task for each attempt into the queue and returns those that
// Redis did not take, with the first reason.
func (q *queue) enqueue(ctx context.Context, attempts []campaign.QueuedAttempt) ([]campaign.QueuedAttempt, error) {
	var (
		next, failed atomic.Int64
		wg           sync.WaitGroup
		errs         = make([]error, len(attempts))
	)
	for range min(enqueuers, len(attempts)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(attempts)); i = next.Add(1) - 1 {
				if failed.Load() > 0 {
					errs[i] = errLeft // when Redis is down each try takes a second
				} else if errs[i] = q.put(ctx, attempts[i]); errs[i] != nil {
					failed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	return left(attempts, errs)
}

var errLeft = errors.New("not tried")

func left(attempts []campaign.QueuedAttempt, errs []error) (rest []campaign.QueuedAttempt, first error) {
	for i, err := range errs {
		if err == nil {
			continue
		}
		rest = append(rest, attempts[i])
		if first == nil || errors.Is(first, errLeft) {
			first = err
		}
	}
	return rest, first
}

// put enqueues one task. Its id is unique to this enqueuing, so a conflict means that the
// task is already there.
func (q *queue) put(ctx context.Context, t campaign.QueuedAttempt) error {
	text, err := json.Marshal(payload{Attempt: t.AttemptID, EnqueueCount: t.EnqueueCount, Urgency: t.Urgency})
	if err != nil {
		return fmt.Errorf("write task: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, enqueueTimeout)
	defer cancel()
	_, err = q.client.EnqueueContext(ctx, asynq.NewTask(dial, text),
		//guard:value(asynq.Queue(q.part(campaign.FirstCall))) jobs.TestCampaignReminderBeforeQueuedBulk: a reminder does not wait behind queued bulk
		asynq.Queue(q.part(t.Urgency)),
		asynq.TaskID(taskID(t)), asynq.MaxRetry(3), asynq.Timeout(taskTimeout))
	if err != nil && !errors.Is(err, asynq.ErrTaskIDConflict) {
		return fmt.Errorf("enqueue attempt %s: %w", t.AttemptID, err)
	}
	return nil
}

// waiting counts the tasks that no worker has taken yet.
func (q *queue) waiting(ctx context.Context) (int, error) {
	var sum int64
	for u := range urgencies {
		n, err := q.redis.LLen(ctx, q.pendingKey(campaign.Urgency(u))).Result()
		if err != nil {
			return 0, fmt.Errorf("read the queue's length: %w", err)
		}
		sum += n
	}
	return int(sum), nil
}

// server makes the asynq server that gives tasks to workers.
func (q *queue) server(workers int, log *slog.Logger) *asynq.Server {
	edge := &errorLog{log: log}
	parts := make(map[string]int, len(urgencies))
	for u := range urgencies {
		parts[q.part(campaign.Urgency(u))] = len(urgencies) - u
	}
	return asynq.NewServerFromRedisClient(q.redis, asynq.Config{
		Concurrency:              workers,
		Queues:                   parts,
		StrictPriority:           true,
		TaskCheckInterval:        20 * time.Millisecond,
		DelayedTaskCheckInterval: time.Second,
		ShutdownTimeout:          shutdownTimeout,
		RetryDelayFunc:           retryDelayOf,
		// Only a panic uses up a retry. A task without retries is archived, and it should
		// not be archived for an outage of Postgres or a killed process.
		IsFailure: asynq.IsPanicError,
		ErrorHandler: asynq.ErrorHandlerFunc(func(ctx context.Context, _ *asynq.Task, err error) {
			if !errors.Is(err, context.Canceled) && !errors.Is(err, campaign.ErrNoRoom) {
				edge.logError(context.WithoutCancel(ctx), "task failed", err)
			}
		}),
		Logger:   newAsynqLog(log),
		LogLevel: asynq.WarnLevel,
	})
}

// retryDelayOf is short where nothing is wrong with the task or with Postgres.
func retryDelayOf(_ int, err error, _ *asynq.Task) time.Duration {
	if errors.Is(err, asynq.ErrLeaseExpired) || errors.Is(err, context.Canceled) {
		return 0
	}
	if errors.Is(err, campaign.ErrNoRoom) {
		return time.Second
	}
	if errors.Is(err, errLaterTask) {
		return laterDelay
	}
	return retryDelay
}

// payload is a task's payload. It has ids only, because some tools show payloads without
// asking for a password.
type payload struct {
	Attempt      uuid.UUID        `json:"attempt"`
	EnqueueCount int              `json:"enqueue_count"`
	Urgency      campaign.Urgency `json:"urgency"`
	// Version is the payload's version, 0 for this one. A later program that changes its
	// meaning raises it, and this program leaves such tasks to it.
	Version int `json:"version,omitzero"`
}

// errLaterTask means that the task belongs to a later program, which will take it.
var errLaterTask = errors.New("a task of a later version of the program")

// laterDelay is how long such a task rests before it is offered again.
const laterDelay = 10 * time.Second

// readTask reads a task, unless it is a later program's.
func readTask(task *asynq.Task) (t payload, err error) {
	if task.Type() != dial {
		return t, errLaterTask
	}
	if err := json.Unmarshal(task.Payload(), &t); err != nil {
		return t, fmt.Errorf("read task: %w", err)
	}
	//guard:false jobs.TestLaterTaskIsLeft: a task of a later program stays in the queue
	if t.Version > 0 {
		return t, errLaterTask
	}
	return t, nil
}

// asynqLog passes some of asynq's own lines to slog. asynq writes a line for each task
// that it could not mark as done, although no task is lost.
type asynqLog struct {
	log    *slog.Logger
	seldom rate.Sometimes
}

func newAsynqLog(log *slog.Logger) *asynqLog {
	return &asynqLog{log: log, seldom: rate.Sometimes{First: 3, Interval: time.Minute}}
}

func (l *asynqLog) say(level slog.Level, args []any) {
	l.seldom.Do(func() { l.log.Log(context.Background(), level, "asynq: "+fmt.Sprint(args...)) })
}

func (l *asynqLog) Debug(args ...any) { l.say(slog.LevelDebug, args) }
func (l *asynqLog) Info(args ...any)  { l.say(slog.LevelInfo, args) }
func (l *asynqLog) Warn(args ...any)  { l.say(slog.LevelWarn, args) }
func (l *asynqLog) Error(args ...any) { l.say(slog.LevelError, args) }

// Fatal only logs: asynq may not end the process.
func (l *asynqLog) Fatal(args ...any) { l.say(slog.LevelError, args) }
