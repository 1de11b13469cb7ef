package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"dialer/internal/app"
)

// storm is the run proper: mischief and campaigns until the mischief is used
// up, and then the time that everything needs to end.
type storm struct {
	*world
	line  *line
	begun time.Time

	// What makes the storm: how a campaign is begun, who keeps a dialer
	// running, and what goes on until nothing more is to be injected.
	enlist    func(ctx context.Context, name string, people int) (int64, error)
	supervise func(context.Context, int, *dialer, *rand.Rand)
	harm      func(context.Context, context.CancelCauseFunc) error
	plan      *plan // of the failpoints, if there is one

	mu       sync.Mutex
	injected map[string]int
	over     bool // nothing more is injected

	ids    []int64 // of the campaigns
	people int     // in all of them
}

func newStorm(w *world, out io.Writer) *storm {
	s := &storm{world: w, line: newLine(out), begun: time.Now(), injected: map[string]int{}}
	s.enlist = func(ctx context.Context, name string, people int) (int64, error) {
		return enlist(ctx, w.db, name, people)
	}
	s.supervise, s.harm = w.fleet.supervise, s.inject
	return s
}

// rage returns when the schedule is used up and every campaign has ended, or
// with what kept it from that.
func (s *storm) rage(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	if err := s.enlistNext(ctx); err != nil {
		return err
	}
	s.fleet.start(ctx, s.Seed, s.supervise)
	watched := make(chan error, 1)
	go func() { watched <- s.watch(ctx) }()
	if err := s.harm(ctx, fail); err != nil {
		fail(err)
		return errors.Join(err, ignoreEnd(<-watched))
	}
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	return <-watched
}

// errUnended: a campaign did not end.
var errUnended = errors.New("not everything had ended")

// ignoreEnd drops the error of a part that another part's error ended.
func ignoreEnd(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// inject follows the schedule. What takes long goes on beside what comes next.
func (s *storm) inject(ctx context.Context, fail context.CancelCauseFunc) error {
	var under sync.WaitGroup
	defer under.Wait()
	for step := range schedule(s.options) {
		if s.Kills < 0 && time.Since(s.begun) > s.Duration {
			break
		}
		if err := sleep(ctx, step.after); err != nil {
			return err
		}
		if step.what == kill { // one after the other, or a few dialers would have to die at once
			if err := s.one(ctx, step); err != nil {
				return err
			}
			continue
		}
		under.Go(func() {
			if err := s.one(ctx, step); err != nil {
				fail(err)
			}
		})
	}
	under.Wait()
	return context.Cause(ctx)
}

func (s *storm) one(ctx context.Context, step step) error {
	if err := s.do(ctx, step); err != nil {
		return fmt.Errorf("inject %s: %w", step.what, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.injected[step.what]++
	return nil
}

const (
	watchEvery = 500 * time.Millisecond
	// furtherPeople is how many at most are in a campaign that is begun only to
	// have work for the rest of the mischief.
	furtherPeople = 2000
)

// watch shows how it goes, begins another campaign while there is mischief
// left, and returns when there is none and every campaign has ended. Postgres
// is down now and then: what it cannot be asked it is asked again.
func (s *storm) watch(ctx context.Context) error {
	progress := newProgress(s.Deadline)
	for {
		over := s.isOver()
		left, err := s.left(ctx)
		switch {
		case err != nil:
		case over && left == (app.OpenCounts{}) && s.provider.sim.Summary().EventsPending == 0:
			s.show(left)
			return nil
		case !over && left.Contacts < min(s.Contacts, furtherPeople)/4:
			_ = s.enlistNext(ctx) // the next round goes on with what is missing
		}
		if err == nil {
			s.show(left)
		}
		if !over {
			progress = newProgress(s.Deadline)
		} else if err := progress.check(left, err); err != nil {
			return err
		}
		if err := sleep(ctx, watchEvery); err != nil {
			return err
		}
	}
}

func (s *storm) isOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// enlistNext begins the next campaign, or goes on with an import that broke
// off.
func (s *storm) enlistNext(ctx context.Context) error {
	n := s.Contacts
	if len(s.ids) > 0 {
		n = min(n, furtherPeople)
	}
	id, err := s.enlist(ctx, fmt.Sprintf("chaos %d", len(s.ids)+1), n)
	if err != nil {
		return err
	}
	s.ids, s.people = append(s.ids, id), s.people+n
	return nil
}

func (s *storm) left(ctx context.Context) (all app.OpenCounts, err error) {
	for _, id := range s.ids {
		left, err := s.db.OpenCounts(ctx, id)
		if err != nil {
			return all, err
		}
		all.Contacts += left.Contacts
		all.Attempts += left.Attempts
		all.Unpriced += left.Unpriced
	}
	return all, nil
}

func (s *storm) show(left app.OpenCounts) {
	total := 0
	for _, n := range s.done() {
		total += n
	}
	if s.plan != nil {
		total, _, _ = s.plan.state()
	}
	s.line.show(fmt.Sprintf("%6.1f s  %d injected, campaign %d: %d people to go, %d calls open, %d prices to come",
		time.Since(s.begun).Seconds(), total, len(s.ids), left.Contacts, left.Attempts, left.Unpriced))
}

// done is what was injected so far.
func (s *storm) done() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.injected)
}
