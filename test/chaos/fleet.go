package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// fleet keeps the dialers running, as a supervisor would, and harms them.
type fleet struct {
	dialers []*dialer
	guard   *guard
	pauses  chan struct{} // a token for each that may be paused at once
	loops   sync.WaitGroup

	mu     sync.Mutex
	lives  []time.Duration // of those that were killed
	exits  map[string]int  // of those that ended by themselves, by how
	broken []string        // ends that no outage explains
}

const (
	// A killed process is back after so long, as a supervisor would have it.
	restartLeast, restartMost = 40 * time.Millisecond, 300 * time.Millisecond
	// lifeMost is the longest that a kill waits for a life to last.
	lifeMost = 1500 * time.Millisecond
	// victimPatience is how long no process may be there to be harmed.
	victimPatience = time.Minute
	stopPatience   = 30 * time.Second
)

func newFleet(g *guard, dialers []*dialer) *fleet {
	return &fleet{
		dialers: dialers, guard: g, pauses: make(chan struct{}, max(1, len(dialers)-1)), exits: map[string]int{},
	}
}

// start gives each dialer a supervisor.
func (f *fleet) start(ctx context.Context, seed uint64, supervise func(context.Context, int, *dialer, *rand.Rand)) {
	for i, d := range f.dialers {
		f.loops.Go(func() { supervise(ctx, i, d, seeded(seed, uint64(100+i))) })
	}
}

// supervise gives the dialer one life after the other.
func (f *fleet) supervise(_ context.Context, _ int, d *dialer, r *rand.Rand) {
	for {
		l, err := d.live()
		if errors.Is(err, errStopping) {
			return
		}
		f.note(d, l, err)
		time.Sleep(between(r, restartLeast, restartMost))
	}
}

// note remembers how a process ended that was not killed. A dialer may give up
// with status 1 when it finds no server as it starts; anything else is wrong.
func (f *fleet) note(d *dialer, l life, err error) {
	if l.killed {
		return
	}
	how := fmt.Sprint(err)
	expected := false
	if err == nil {
		how = l.state.String()
		expected = l.state.Success() && d.isStopping() || l.state.ExitCode() == 1 && !d.isStopping()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !expected {
		f.broken = append(f.broken, fmt.Sprintf("%s ended by itself: %s", d.name, how))
	}
	if !d.isStopping() {
		f.exits[how]++
	}
}

func (d *dialer) isStopping() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stopping
}

// kill kills one dialer that has served for as long as chance wants: one that
// only starts has nothing to lose.
func (f *fleet) kill(ctx context.Context, r *rand.Rand) error {
	least := between(r, 0, lifeMost)
	return f.victim(ctx, r, func(d *dialer) bool {
		lived, ok := d.kill(least)
		if ok {
			f.mu.Lock()
			f.lives = append(f.lives, lived)
			f.mu.Unlock()
		}
		return ok
	})
}

// pause stops one dialer for a while; another goes on, if there is one.
func (f *fleet) pause(ctx context.Context, r *rand.Rand, d time.Duration) error {
	select {
	case f.pauses <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-f.pauses }()
	var resume func()
	err := f.victim(ctx, r, func(d *dialer) (ok bool) {
		resume, ok = d.pause()
		return ok
	})
	if err != nil {
		return err
	}
	defer resume()
	return sleep(ctx, d)
}

// spared is how many times less often than the others the first dialer is
// harmed, so that there is one that lives long enough for work that takes
// seconds, such as reading Vonage's list. Work of which there is more
// after each death would otherwise never be done.
const spared = 5

// victim draws a dialer and waits until it can be harmed. One that is paused
// is let be.
func (f *fleet) victim(ctx context.Context, r *rand.Rand, harm func(*dialer) bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, victimPatience, fmt.Errorf("no dialer was running for %v", victimPatience))
	defer cancel()
	d := f.drawn(r)
	for !harm(d) {
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
		if d.isPaused() {
			d = f.drawn(r)
		}
	}
	return nil
}

// drawn is the first dialer once and each other one spared times of as many.
func (f *fleet) drawn(r *rand.Rand) *dialer {
	return f.dialers[(r.IntN(spared*(len(f.dialers)-1)+1)+spared-1)/spared]
}

// stop ends all dialers in good order, and by force those that do not.
func (f *fleet) stop() {
	for _, d := range f.dialers {
		d.stop()
	}
	ended := make(chan struct{})
	go func() {
		f.loops.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return
	case <-time.After(stopPatience):
	}
	for _, d := range f.dialers {
		if d.destroy() {
			f.mu.Lock()
			f.broken = append(f.broken, fmt.Sprintf("%s did not end within %v of SIGTERM", d.name, stopPatience))
			f.mu.Unlock()
		}
	}
	<-ended
}

// fates is what became of the processes.
type fates struct {
	median time.Duration // of the lives that were ended by kill -9
	exits  map[string]int
	broken []string
}

func (f *fleet) fates() fates {
	f.mu.Lock()
	defer f.mu.Unlock()
	lives := slices.Sorted(slices.Values(f.lives))
	var median time.Duration
	if len(lives) > 0 {
		median = lives[len(lives)/2]
	}
	return fates{median, maps.Clone(f.exits), slices.Clone(f.broken)}
}
