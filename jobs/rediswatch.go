package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"dialer/campaign"

	"github.com/redis/go-redis/v9"
)

const (
	// probeEvery is how often each process writes to Redis to test it.
	probeEvery   = 2 * time.Second
	probeTimeout = time.Second
	// probeRounds is how many writes must fail in a row before there is an alarm. A
	// single failure may be a failover.
	probeRounds = 2
	// raiseEvery is how often the alarm is raised again while writes fail. When
	// no process has raised it for quietFor, any process that can write closes
	// it.
	raiseEvery = 5 * time.Second
	quietFor   = 3 * raiseEvery
)

// RedisAlarmStore raises and closes the alarm about Redis.
type RedisAlarmStore interface {
	AlarmStore
	// CloseAlarms resolves the open alarms of a kind that were last raised longer than
	// quiet ago.
	CloseAlarms(ctx context.Context, kind string, quiet time.Duration) (int, error)
}

// redisProbe writes to each part of the queue. Otherwise a Redis that answers but takes
// no writes would look healthy while nobody is called.
type redisProbe struct {
	redis    *redis.Client
	store    RedisAlarmStore
	parts    []string
	writable *atomic.Bool

	failed         int // writes, one after the other
	raised, closed time.Time
}

// newRedisProbe probes the queue under its present name.
func (s *Service) newRedisProbe() *redisProbe {
	return &redisProbe{redis: s.queue.redis, store: s.store, parts: s.queue.parts(), writable: &s.redisWritable}
}

// runOnce writes, and raises or closes the alarm. It returns what is wrong.
func (p *redisProbe) runOnce(ctx context.Context) (int, error) {
	wrong := p.write(ctx)
	if ctx.Err() != nil {
		return 0, nil // stopping proves nothing about Redis
	}
	p.writable.Store(wrong == nil)
	if wrong == nil {
		p.failed = 0
		return len(p.parts), p.close(ctx)
	}
	p.failed++
	//guard:false jobs.TestRedisThatCannotBeUsed: a Redis that takes no writes is an alarm
	if p.failed < probeRounds || time.Since(p.raised) < raiseEvery {
		return 0, wrong
	}
	err := p.store.Raise(ctx, campaign.Alarm{Kind: campaign.AlarmRedisUnusable, Detail: redisTrouble(wrong)})
	if err == nil {
		p.raised = time.Now()
	}
	return 0, errors.Join(wrong, err)
}

// close closes the alarm that this or another process raised.
func (p *redisProbe) close(ctx context.Context) error {
	if time.Since(p.closed) < raiseEvery {
		return nil
	}
	_, err := p.store.CloseAlarms(ctx, campaign.AlarmRedisUnusable, quietFor)
	if err == nil {
		p.closed = time.Now()
	}
	return err
}

// write writes a small key beside each part of the queue, because in a cluster each part
// may be on another node.
func (p *redisProbe) write(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	pipe := p.redis.Pipeline()
	for _, part := range p.parts {
		pipe.Set(ctx, "dialer:{"+part+"}:probe", 1, time.Minute)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("write to Redis: %w", err)
	}
	return nil
}

// redisRefusals are the words with which Redis refuses a write.
var redisRefusals = []struct{ word, meaning string }{
	{"READONLY", "Redis is a read-only replica"},
	{"OOM", "Redis is full"},
	{"NOREPLICAS", "Redis takes no writes, because it has too few replicas"},
	{"MISCONF", "Redis takes no writes, because it cannot save to its disk"},
	{"MASTERDOWN", "Redis is a replica that has lost its master"},
	{"LOADING", "Redis is still loading its data"},
	{"MOVED", "Redis is a node of a cluster, and a part of the queue belongs to another node"},
	{"ASK", "Redis is a node of a cluster, and a part of the queue belongs to another node"},
	{"CLUSTERDOWN", "Redis is a cluster that is not whole"},
	{"NOAUTH", "Redis wants a password"},
	{"NOPERM", "Redis does not allow its user to write"},
}

// redisTrouble says what is wrong, without addresses.
func redisTrouble(err error) string {
	said, ok := errors.AsType[redis.Error](err)
	if !ok {
		return "Redis does not answer"
	}
	word, _, _ := strings.Cut(said.Error(), " ")
	for _, r := range redisRefusals {
		if r.word == word {
			return r.meaning
		}
	}
	return "Redis takes no writes: " + word
}

// orphansScript removes the tasks of a part that are active and have no lease, and
// returns how many. asynq adds and removes both at once, so only a crash of Redis leaves
// one without the other, and asynq never looks at such a task again. The requeuer has
// enqueued its attempt again. KEYS: the active tasks; the leases. ARGV: the beginning of
// a task's key; how many tasks to look at.
const orphansScript = `
local n = 0
for _, id in ipairs(redis.call("LRANGE", KEYS[1], 0, ARGV[2] - 1)) do
	if not redis.call("ZSCORE", KEYS[2], id) then
		redis.call("LREM", KEYS[1], 0, id)
		redis.call("DEL", ARGV[1] .. id)
		n = n + 1
	end
end
return n`

// orphansAtOnce bounds one look. No fleet has as many workers.
const orphansAtOnce = 10_000

// removeOrphans removes active tasks without a lease from all parts.
func (q *queue) removeOrphans(ctx context.Context) (removed int, err error) {
	for _, part := range q.parts() {
		key := "asynq:{" + part + "}:"
		n, err := q.redis.Eval(ctx, orphansScript, []string{key + "active", key + "lease"}, key+"t:", orphansAtOnce).Int()
		if err != nil {
			return removed, fmt.Errorf("remove tasks without a lease: %w", err)
		}
		removed += n
	}
	return removed, nil
}
