package jobs

import (
	"context"
	"net"
	"os/exec"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/voice/voicesim"

	"github.com/redis/go-redis/v9"
)

// clusterNode starts a Redis that has half the slots of a cluster; complete gives it the
// others.
func clusterNode(t *testing.T) (url string, complete func(*redis.Client)) {
	t.Helper()
	bin, err := exec.LookPath("redis-server")
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	require.NoError(t, l.Close())
	server := exec.CommandContext(t.Context(), bin, "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "",
		"--cluster-enabled", "yes", "--cluster-require-full-coverage", "no", "--loglevel", "warning", "--cluster-port", strconv.Itoa(freePort(t)))
	require.NoError(t, server.Start())
	t.Cleanup(func() { _ = server.Wait() }) // the test's context kills it
	url = "redis://127.0.0.1:" + strconv.Itoa(port)
	q := openTestQueue(t, url)
	require.Eventually(t, "the node takes slots", func() bool {
		return q.redis.Do(context.WithoutCancel(t.Context()), "CLUSTER", "ADDSLOTSRANGE", 0, 8191).Err() == nil
	})
	return url, func(rdb *redis.Client) {
		require.NoError(t, rdb.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", 8192, 16383).Err())
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// A Redis that cannot be used is an alarm after two writes, whether it answers or
// not, and the alarm closes by itself when it can be used again.
func TestRedisThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	set := func(t *testing.T, rdb *redis.Client, name, value string) {
		t.Helper()
		require.NoError(t, rdb.ConfigSet(t.Context(), name, value).Err())
	}
	for _, test := range []struct {
		name           string
		spoil, restore func(t *testing.T, rdb *redis.Client)
		detail         string
	}{
		{"a read-only replica",
			func(t *testing.T, rdb *redis.Client) {
				require.NoError(t, rdb.ReplicaOf(t.Context(), "127.0.0.1", "1").Err())
			},
			func(t *testing.T, rdb *redis.Client) {
				require.NoError(t, rdb.ReplicaOf(t.Context(), "NO", "ONE").Err())
			},
			"Redis is a read-only replica"},
		{"without replicas",
			func(t *testing.T, rdb *redis.Client) { set(t, rdb, "min-replicas-to-write", "1") },
			func(t *testing.T, rdb *redis.Client) { set(t, rdb, "min-replicas-to-write", "0") },
			"Redis takes no writes, because it has too few replicas"},
		{"full",
			func(t *testing.T, rdb *redis.Client) { set(t, rdb, "maxmemory", "1") },
			func(t *testing.T, rdb *redis.Client) { set(t, rdb, "maxmemory", "0") },
			"Redis is full"},
		{"half a cluster", func(*testing.T, *redis.Client) {}, nil, "Redis is a cluster that is not whole"},
		{"away", nil, nil, "Redis does not answer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var url string
			var whole func(*redis.Client)
			if test.name == "half a cluster" {
				url, whole = clusterNode(t)
			} else {
				url = privateRedis(t)
			}
			db, way, direct := testkit.New(t), newCable(t, url), openTestQueue(t, url).redis
			probe := func() *redisProbe {
				q := openTestQueue(t, way.URL)
				return &redisProbe{redis: q.redis, store: db, parts: q.parts(), writable: new(atomic.Bool)}
			}
			p, open := probe(), `SELECT detail FROM alarms WHERE kind = $1 AND (resolved_at IS NULL OR last_at > resolved_at)`
			if whole == nil {
				if _, err := p.runOnce(t.Context()); err != nil || !p.writable.Load() {
					t.Fatalf("a good Redis: %v", err)
				}
			}
			if test.spoil != nil {
				test.spoil(t, direct)
			} else {
				way.setCut(true)
			}
			for range probeRounds {
				if _, err := p.runOnce(t.Context()); err == nil || p.writable.Load() {
					t.Errorf("%v, want an error and the metric at 0", err)
				}
			}
			if got := testkit.Rows[string](t, db, open, campaign.AlarmRedisUnusable); len(got) != 1 || got[0] != test.detail {
				t.Fatalf("alarms %q, want %q", got, test.detail)
			}
			switch {
			case whole != nil:
				whole(direct)
			case test.restore != nil:
				test.restore(t, direct)
			default:
				way.setCut(false)
			}
			for _, quiet := range []struct{ age, open int }{{0, 1}, {int(quietFor/time.Second) + 1, 0}} {
				db.Exec(t, `UPDATE alarms SET last_at = last_at - make_interval(secs => $1)`, quiet.age)
				another := probe() // another process, which has raised nothing
				require.Eventually(t, "Redis can be used again", func() bool { _, err := another.runOnce(t.Context()); return err == nil })
				if got := testkit.Rows[string](t, db, open, campaign.AlarmRedisUnusable); len(got) != quiet.open {
					t.Errorf("%d s after it was raised last the open alarms are %q", quiet.age, got)
				}
			}
		})
	}
}

// The running service notices it within seconds.
func TestServiceWatchesRedis(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 20, voicesim.Config{Outcomes: allAnswered})
	service := w.service(t, w.db, w.redis)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	require.Eventually(t, "Redis can be written to", service.RedisWritable)
	require.NoError(t, openTestQueue(t, w.redis).redis.ConfigSet(t.Context(), "min-replicas-to-write", "1").Err())
	spoiled := time.Now()
	require.Eventually(t, "an alarm is open", func() bool {
		return w.count(t, `SELECT count(*) FROM alarms WHERE kind = 'redis_unusable'`) == 1 && !service.RedisWritable()
	})
	if took := time.Since(spoiled); took > 10*time.Second {
		t.Errorf("the alarm came after %v", took)
	}
}

// asynq never looks again at a task that is active without a lease.
func TestTasksWithoutLeaseAreRemoved(t *testing.T) {
	t.Parallel()
	q := openTestQueue(t, privateRedis(t))
	mustEnqueue(t, q, queued(20, 1))
	activate(t, q, time.Second)
	count := func() (active, tasks int64) {
		keys, err := q.redis.Keys(t.Context(), "asynq:*:t:*").Result()
		require.NoError(t, err)
		return q.redis.LLen(t.Context(), q.asynqKey(campaign.DueReminder, "active")).Val(), int64(len(keys))
	}
	if n, err := q.removeOrphans(t.Context()); n != 0 || err != nil {
		t.Errorf("%d tasks with a lease were removed, %v", n, err)
	}
	require.NoError(t, q.redis.ZRemRangeByRank(t.Context(), q.asynqKey(campaign.DueReminder, "lease"), 0, 14).Err())
	n, err := q.removeOrphans(t.Context())
	if active, tasks := count(); n != 15 || err != nil || active != 5 || tasks != 5 {
		t.Errorf("%d removed, %v; %d active and %d tasks are left, want 15, 5 and 5", n, err, active, tasks)
	}
}

// The running service removes what a crash of Redis left.
func TestServiceRemovesTasksWithoutLease(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 20, voicesim.Config{Outcomes: allAnswered})
	service := w.service(t, w.db, w.redis)
	q := service.queue
	mustEnqueue(t, q, queued(5, 1))
	activate(t, q, time.Second)
	require.NoError(t, q.redis.Del(t.Context(), q.asynqKey(campaign.DueReminder, "lease")).Err())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	own := openTestQueue(t, w.redis).redis // the service closes its own
	require.Eventually(t, "no task is active without a lease", func() bool {
		return own.LLen(context.WithoutCancel(t.Context()), q.asynqKey(campaign.DueReminder, "active")).Val() == 0
	})
}
