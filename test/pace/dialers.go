package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"dialer/test/fleet"
)

// dialers are the dialers of one measurement.
type dialers struct {
	redis  string
	log    string // of all of them
	all    []*fleet.Dialer
	loops  sync.WaitGroup
	harmed map[string]int
}

func newDialers(redis, log string) *dialers {
	return &dialers{redis: redis, log: log, harmed: map[string]int{}}
}

func (d *dialers) add(one *fleet.Dialer) { d.all = append(d.all, one) }

// restartAfter is how soon a process that ended is started again.
const restartAfter = 10 * time.Millisecond

// start keeps each dialer running until stop.
func (d *dialers) start() {
	for _, one := range d.all {
		d.loops.Go(func() {
			for {
				if _, err := one.Run(); errors.Is(err, fleet.ErrStopping) {
					return
				}
				time.Sleep(restartAfter)
			}
		})
	}
}

// stop kills the dialers: the measurement is over.
func (d *dialers) stop() {
	for _, one := range d.all {
		one.Stop()
		one.Destroy()
	}
	d.loops.Wait()
}

// lastLog is the end of the dialers' log.
func (d *dialers) lastLog() string {
	text, err := os.ReadFile(d.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-2000):])
}

// harm does something bad to one dialer or to Redis. A process that does not
// serve yet is left alone.
func (d *dialers) harm(ctx context.Context) error {
	one, what := d.all[rand.IntN(len(d.all))], []string{"killed", "paused", "stopped", "flushed"}[rand.IntN(4)]
	done := true
	var err error
	switch what {
	case "killed":
		_, done = one.Kill(0)
	case "stopped":
		done = one.Terminate()
	case "paused":
		var resume func()
		if resume, done = one.Pause(); done {
			err = fleet.Sleep(ctx, rand.N(3*time.Second))
			resume()
		}
	case "flushed":
		err = fleet.RedisCommand(ctx, d.redis, "FLUSHALL")
	}
	if done {
		d.harmed[what]++
	}
	return err
}
