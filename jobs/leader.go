package jobs

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
)

const (
	leadEvery = 2 * time.Second
	leadTerm  = 6 * time.Second
	leaderKey = "leader"
)

// leader lets one process of the fleet read Vonage's lists, so that N
// processes do not read them N times. It is a saving and no guard: two readers
// do no harm, and without Redis everybody reads.
type leader struct {
	redis   *redis.Client
	term    string // the key that holds who leads
	me      string
	leading atomic.Bool
}

func newLeader(q *queue) *leader {
	return &leader{redis: q.redis, term: q.key(leaderKey), me: uuid.NewString()}
}

// runOnce takes the lead if it is free, or keeps it, and reports whether this
// process has it.
func (l *leader) runOnce(ctx context.Context) (bool, error) {
	who, err := l.redis.Eval(ctx, leadScript, []string{l.term}, l.me, leadTerm.Milliseconds()).Text()
	l.leading.Store(err != nil || who == l.me)
	return l.leading.Load(), nil // the feeder says that Redis is away
}

// leave gives the lead up, so that another process need not wait for the end
// of the term.
func (l *leader) leave(ctx context.Context) {
	// An error leaves the term to run out.
	_ = l.redis.Eval(ctx, leaveScript, []string{l.term}, l.me).Err()
}

// whileLeading makes work that is only done by the leader.
func whileLeading[N any](l *leader, once func(context.Context) (N, error)) func(context.Context) (N, error) {
	return func(ctx context.Context) (n N, err error) {
		if !l.leading.Load() {
			return n, nil
		}
		return once(ctx)
	}
}

const (
	// leadScript takes a free term or lengthens the caller's own.
	// KEYS: the term. ARGV: the caller, milliseconds. Output: who leads.
	leadScript = `
local who = redis.call("GET", KEYS[1])
if not who or who == ARGV[1] then
	redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
	return ARGV[1]
end
return who`
	// leaveScript deletes a key that holds the caller's name.
	// KEYS: the key. ARGV: the caller.
	leaveScript = `
if redis.call("GET", KEYS[1]) == ARGV[1] then redis.call("DEL", KEYS[1]) end
return 0`
)
