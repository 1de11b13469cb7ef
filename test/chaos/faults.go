package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"dialer/test/fleet"
)

const (
	kill          = "kill -9"
	pause         = "pause"
	redisFlush    = "Redis flushed"
	redisEmpty    = "Redis killed, back empty"
	redisOld      = "Redis killed, back from an old snapshot"
	postgresCrash = "Postgres stopped at once"
	commitCut     = "cut after COMMIT"
	webhooksLost  = "other share of webhooks lost"
)

// fault is something to inject, with its relative frequency.
type fault struct {
	name   string
	weight int
}

// faults are all faults: 2,000 kills go with 100 pauses, 50 losses of Redis and 30
// crashes of Postgres.
var faults = []fault{
	{kill, 2000}, {pause, 100}, {redisFlush, 17}, {redisEmpty, 17}, {redisOld, 16},
	{postgresCrash, 30}, {commitCut, 500}, {webhooksLost, 40},
}

func faultNames() (names []string) {
	for _, f := range faults {
		names = append(names, f.name)
	}
	return names
}

// injectable are the faults and the operators' acts.
func injectable() []fault {
	all := slices.Clone(faults)
	for _, a := range acts {
		all = append(all, fault{a.name, a.weight})
	}
	return all
}

var redisLosses = []string{redisFlush, redisEmpty, redisOld}

func weightOf(names ...string) (weight int) {
	for _, f := range injectable() {
		if slices.Contains(names, f.name) {
			weight += f.weight
		}
	}
	return weight
}

// inject makes a fault happen. It returns when the fault is over, which for a
// pause takes seconds: other faults happen meanwhile.
func (b *testbed) inject(ctx context.Context, i injection) error {
	r := i.random()
	switch i.fault {
	case kill:
		return b.dialers.kill(ctx, r)
	case pause:
		return b.dialers.pause(ctx, r, between(r, time.Second, 7*time.Second))
	case redisFlush:
		return b.redis.exclusively(ctx, func() error { return fleet.RedisCommand(ctx, b.redis.server.URL, "FLUSHALL") })
	case redisEmpty:
		return b.redis.exclusively(ctx, func() error { return b.loseRedis(ctx, r, "") })
	case redisOld:
		return b.redis.exclusively(ctx, func() error { return b.restoreOldRedis(ctx, r) })
	case postgresCrash:
		return b.postgres.exclusively(ctx, func() error { return b.postgres.crash(ctx, r, func() error { return nil }) })
	case commitCut:
		b.cutter.cutNext()
	case webhooksLost:
		b.webhooks.setLost(lostShares[r.IntN(len(lostShares))])
	default:
		return fmt.Errorf("no such fault: %s", i.fault)
	}
	return nil
}

// lostShares are the shares of webhooks that are lost, in phases.
var lostShares = []float64{0, .5, 1}

const dump = "dump.rdb"

// restoreOldRedis saves the content of Redis, waits, and then restores it: finished tasks
// are there again, and newer ones are not.
func (b *testbed) restoreOldRedis(ctx context.Context, r *rand.Rand) error {
	if err := fleet.RedisCommand(ctx, b.redis.server.URL, "SAVE"); err != nil {
		return err
	}
	old := filepath.Join(b.redis.server.Dir, "old.rdb")
	if err := os.Rename(filepath.Join(b.redis.server.Dir, dump), old); err != nil {
		return fmt.Errorf("keep the snapshot: %w", err)
	}
	if err := fleet.Sleep(ctx, between(r, 500*time.Millisecond, 5*time.Second)); err != nil {
		return err
	}
	return b.loseRedis(ctx, r, old)
}

// loseRedis kills Redis and starts it again, empty or on a snapshot.
func (b *testbed) loseRedis(ctx context.Context, r *rand.Rand, snapshot string) error {
	file := filepath.Join(b.redis.server.Dir, dump)
	return b.redis.crash(ctx, r, func() error {
		if snapshot != "" {
			return os.Rename(snapshot, file)
		}
		if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}
