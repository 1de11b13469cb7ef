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

	"dialer/test/fleet"
)

// supervisor keeps the dialers running, and harms them.
type supervisor struct {
	dialers []*fleet.Dialer
	pauses  chan struct{} // has room for as many as may be paused at once
	loops   sync.WaitGroup

	mu      sync.Mutex
	uptimes []time.Duration // of the processes that were killed
	exits   map[string]int  // of those that ended by themselves, by how
	broken  []string        // exits that no outage explains
}

const (
	// A process that ended is started again after this time.
	minRestart, maxRestart = 40 * time.Millisecond, 300 * time.Millisecond
	// maxUptime is the longest uptime that a kill waits for.
	maxUptime = 1500 * time.Millisecond
	// harmPatience is how long a fault waits for a process that it can harm.
	harmPatience = time.Minute
	stopPatience = 30 * time.Second
)

func newSupervisor(dialers []*fleet.Dialer) *supervisor {
	return &supervisor{
		dialers: dialers, pauses: make(chan struct{}, max(1, len(dialers)-1)), exits: map[string]int{},
	}
}

// start runs a loop for each dialer.
func (s *supervisor) start(ctx context.Context, seed uint64, loop func(context.Context, int, *fleet.Dialer, *rand.Rand)) {
	for i, d := range s.dialers {
		s.loops.Go(func() { loop(ctx, i, d, seeded(seed, uint64(100+i))) })
	}
}

// supervise starts the dialer again whenever it has ended.
func (s *supervisor) supervise(_ context.Context, _ int, d *fleet.Dialer, r *rand.Rand) {
	for {
		exit, err := d.Run()
		if errors.Is(err, fleet.ErrStopping) {
			return
		}
		s.note(d, exit, err)
		time.Sleep(between(r, minRestart, maxRestart))
	}
}

// note remembers the end of a process that was not killed. A dialer may give up with
// status 1 if it finds no server when it starts. Anything else is wrong.
func (s *supervisor) note(d *fleet.Dialer, exit fleet.Exit, err error) {
	if exit.Killed {
		return
	}
	how, expected := fmt.Sprint(err), false
	if err == nil {
		how = exit.State.String()
		expected = exit.State.Success() && d.Stopping() || exit.State.ExitCode() == 1 && !d.Stopping()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !expected {
		s.broken = append(s.broken, fmt.Sprintf("%s ended by itself: %s", d.Name, how))
	}
	if !d.Stopping() {
		s.exits[how]++
	}
}

// kill kills one dialer that has served for a random time, because a process that is only
// starting has nothing to lose.
func (s *supervisor) kill(ctx context.Context, r *rand.Rand) error {
	least := between(r, 0, maxUptime)
	return s.harmOne(ctx, r, func(d *fleet.Dialer) bool {
		served, ok := d.Kill(least)
		if ok {
			s.mu.Lock()
			s.uptimes = append(s.uptimes, served)
			s.mu.Unlock()
		}
		return ok
	})
}

// pause stops one dialer for a while. If there are several, one is never
// paused.
func (s *supervisor) pause(ctx context.Context, r *rand.Rand, d time.Duration) error {
	select {
	case s.pauses <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-s.pauses }()
	var resume func()
	err := s.harmOne(ctx, r, func(d *fleet.Dialer) (ok bool) {
		resume, ok = d.Pause()
		return ok
	})
	if err != nil {
		return err
	}
	defer resume()
	return fleet.Sleep(ctx, d)
}

// harmOne draws a dialer and waits until it can be harmed. It draws another one
// if that one is paused.
func (s *supervisor) harmOne(ctx context.Context, r *rand.Rand, harm func(*fleet.Dialer) bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, harmPatience, fmt.Errorf("no dialer was running for %v", harmPatience))
	defer cancel()
	d := s.draw(r)
	for !harm(d) {
		if err := fleet.Sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
		if d.Paused() {
			d = s.draw(r)
		}
	}
	return nil
}

// lessOften is how many times less often than each other the first dialer is
// harmed. So one dialer lives long enough for work that takes seconds, for example
// reading Vonage's list. Otherwise work that grows with each death would never be done.
const lessOften = 5

func (s *supervisor) draw(r *rand.Rand) *fleet.Dialer {
	return s.dialers[(r.IntN(lessOften*(len(s.dialers)-1)+1)+lessOften-1)/lessOften]
}

// stop ends all dialers in good order, and kills those that do not end.
func (s *supervisor) stop() {
	for _, d := range s.dialers {
		d.Stop()
	}
	ended := make(chan struct{})
	go func() {
		s.loops.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return
	case <-time.After(stopPatience):
	}
	for _, d := range s.dialers {
		if d.Destroy() {
			s.mu.Lock()
			s.broken = append(s.broken, fmt.Sprintf("%s did not end within %v of SIGTERM", d.Name, stopPatience))
			s.mu.Unlock()
		}
	}
	<-ended
}

// processStats is what happened to the processes.
type processStats struct {
	medianUptime time.Duration // of those that were killed
	exits        map[string]int
	broken       []string
}

func (s *supervisor) stats() processStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	uptimes := slices.Sorted(slices.Values(s.uptimes))
	var median time.Duration
	if len(uptimes) > 0 {
		median = uptimes[len(uptimes)/2]
	}
	return processStats{median, maps.Clone(s.exits), slices.Clone(s.broken)}
}
