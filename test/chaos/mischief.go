package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

const (
	kill          = "kill -9"
	pause         = "pause"
	redisFlush    = "Redis flushed"
	redisEmpty    = "Redis killed, back empty"
	redisOld      = "Redis killed, back from an old snapshot"
	postgresCrash = "Postgres stopped at once"
	commitCut     = "cut after COMMIT"
	eventsLost    = "other share of webhooks lost"
)

// mischiefs are everything that is injected, and how often compared with the
// others: 2,000 kills go with 100 pauses, 50 losses of Redis and 30 crashes of
// Postgres.
var mischiefs = []struct {
	name   string
	weight int
}{
	{kill, 2000}, {pause, 100}, {redisFlush, 17}, {redisEmpty, 17}, {redisOld, 16},
	{postgresCrash, 30}, {commitCut, 500}, {eventsLost, 40},
}

var redisLosses = []string{redisFlush, redisEmpty, redisOld}

func weightOf(name string) int {
	for _, m := range mischiefs {
		if m.name == name {
			return m.weight
		}
	}
	return 0
}

// do injects what the step says. It returns when the injection is over, which
// for a pause takes seconds: others go on meanwhile.
func (w *world) do(ctx context.Context, s step) error {
	r := s.chance()
	switch s.what {
	case kill:
		return w.fleet.kill(ctx, r)
	case pause:
		return w.fleet.pause(ctx, r, between(r, time.Second, 7*time.Second))
	case redisFlush:
		return w.redis.alone(ctx, func() error { return tellRedis(ctx, w.redis.server.URL, "FLUSHALL") })
	case redisEmpty:
		return w.redis.alone(ctx, func() error { return w.loseRedis(ctx, r, "") })
	case redisOld:
		return w.redis.alone(ctx, func() error { return w.bringBackRedis(ctx, r) })
	case postgresCrash:
		return w.postgres.alone(ctx, func() error { return w.postgres.crash(ctx, r, func() error { return nil }) })
	case commitCut:
		w.cutter.cutNext()
	case eventsLost:
		w.mail.lose(shares[r.IntN(len(shares))])
	default:
		return fmt.Errorf("no such mischief: %s", s.what)
	}
	return nil
}

// shares of webhooks that are lost, in phases.
var shares = []float64{0, .5, 1}

const dump = "dump.rdb"

// bringBackRedis saves what Redis holds, lets it go on for a while, and then
// brings the old state back: tasks that were done are there again, and those
// of the meantime are not.
func (w *world) bringBackRedis(ctx context.Context, r *rand.Rand) error {
	if err := tellRedis(ctx, w.redis.server.URL, "SAVE"); err != nil {
		return err
	}
	old := filepath.Join(w.redis.server.Dir, "old.rdb")
	if err := os.Rename(filepath.Join(w.redis.server.Dir, dump), old); err != nil {
		return fmt.Errorf("keep the snapshot: %w", err)
	}
	if err := sleep(ctx, between(r, 500*time.Millisecond, 5*time.Second)); err != nil {
		return err
	}
	return w.loseRedis(ctx, r, old)
}

// loseRedis kills Redis and starts it again, empty or on an old snapshot.
func (w *world) loseRedis(ctx context.Context, r *rand.Rand, snapshot string) error {
	file := filepath.Join(w.redis.server.Dir, dump)
	return w.redis.crash(ctx, r, func() error {
		if snapshot != "" {
			return os.Rename(snapshot, file)
		}
		if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

// sleep waits, or returns why it must not.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
