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
	"dialer/test/fleet"
)

// chaosRun injects faults while campaigns run, and then waits until every call
// has ended.
type chaosRun struct {
	*testbed
	status *statusLine
	begun  time.Time

	// A matrix run replaces these three.
	startCampaign func(ctx context.Context, name string, contacts int) (int64, error)
	supervise     func(context.Context, int, *fleet.Dialer, *rand.Rand)
	injectAll     func(context.Context, context.CancelCauseFunc) error
	plan          *plan // of the failpoints; nil: no matrix run

	mu          sync.Mutex
	injected    map[string]int
	allInjected bool

	campaigns []int64
	contacts  int // in all of them
}

func newRun(b *testbed, out io.Writer) *chaosRun {
	r := &chaosRun{testbed: b, status: newStatusLine(out), begun: time.Now(), injected: map[string]int{}}
	r.startCampaign = func(ctx context.Context, name string, contacts int) (int64, error) {
		return fleet.Import(ctx, b.db, name, settings(), contacts)
	}
	r.supervise, r.injectAll = b.dialers.supervise, r.followSchedule
	return r
}

// errUnfinished: a campaign did not end.
var errUnfinished = errors.New("not everything had ended")

// run returns when all faults are injected and every campaign has ended, or
// with what prevented that.
func (r *chaosRun) run(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	if err := r.nextCampaign(ctx); err != nil {
		return err
	}
	r.dialers.start(ctx, r.Seed, r.supervise)
	watched := make(chan error, 1)
	go func() { watched <- r.watch(ctx) }()
	if err := r.injectAll(ctx, fail); err != nil {
		fail(err)
		return errors.Join(err, ignoreCanceled(<-watched))
	}
	r.mu.Lock()
	r.allInjected = true
	r.mu.Unlock()
	return <-watched
}

// ignoreCanceled drops the error of a part that another part's error ended.
func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// followSchedule injects one fault after the other. A fault that takes long
// does not delay the next one.
func (r *chaosRun) followSchedule(ctx context.Context, fail context.CancelCauseFunc) error {
	var underWay sync.WaitGroup
	defer underWay.Wait()
	for i := range schedule(r.options) {
		if r.Kills < 0 && time.Since(r.begun) > r.Duration {
			break
		}
		if err := fleet.Sleep(ctx, i.after); err != nil {
			return err
		}
		if i.fault == kill { // one after the other, or a few dialers would have to die at once
			if err := r.injectOne(ctx, i); err != nil {
				return err
			}
			continue
		}
		underWay.Go(func() {
			if err := r.injectOne(ctx, i); err != nil {
				fail(err)
			}
		})
	}
	underWay.Wait()
	return context.Cause(ctx)
}

func (r *chaosRun) injectOne(ctx context.Context, i injection) error {
	if err := r.inject(ctx, i); err != nil {
		return fmt.Errorf("inject %s: %w", i.fault, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.injected[i.fault]++
	return nil
}

const (
	watchEvery = 500 * time.Millisecond
	// moreContacts bounds a campaign that only gives the dialers work until all
	// faults are injected.
	moreContacts = 2000
)

// watch shows the progress, starts another campaign while there are faults to
// inject, and returns when there are none and every campaign has ended.
// Postgres is down now and then: what failed is tried again.
func (r *chaosRun) watch(ctx context.Context) error {
	progress := newProgress(r.Deadline)
	for {
		done := r.isAllInjected()
		left, err := r.left(ctx)
		switch {
		case err != nil:
		case done && left == (app.OpenCounts{}) && r.provider.Sim.Summary().EventsPending == 0:
			r.show(left)
			return nil
		case !done && left.Contacts < min(r.Contacts, moreContacts)/4:
			_ = r.nextCampaign(ctx) // the next round resumes it
		}
		if err == nil {
			r.show(left)
		}
		if !done {
			progress = newProgress(r.Deadline)
		} else if err := progress.check(left, err); err != nil {
			return err
		}
		if err := fleet.Sleep(ctx, watchEvery); err != nil {
			return err
		}
	}
}

func (r *chaosRun) isAllInjected() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.allInjected
}

// nextCampaign starts the next campaign, or resumes an interrupted import.
func (r *chaosRun) nextCampaign(ctx context.Context) error {
	n := r.Contacts
	if len(r.campaigns) > 0 {
		n = min(n, moreContacts)
	}
	id, err := r.startCampaign(ctx, fmt.Sprintf("chaos %d", len(r.campaigns)+1), n)
	if err != nil {
		return err
	}
	r.campaigns, r.contacts = append(r.campaigns, id), r.contacts+n
	return nil
}

func (r *chaosRun) left(ctx context.Context) (all app.OpenCounts, err error) {
	for _, id := range r.campaigns {
		left, err := r.db.OpenCounts(ctx, id)
		if err != nil {
			return all, err
		}
		all.Contacts += left.Contacts
		all.Attempts += left.Attempts
		all.Unpriced += left.Unpriced
	}
	return all, nil
}

func (r *chaosRun) show(left app.OpenCounts) {
	total := 0
	for _, n := range r.injections() {
		total += n
	}
	if r.plan != nil {
		total, _, _ = r.plan.progress()
	}
	r.status.show(fmt.Sprintf("%6.1f s  %d injected, campaign %d: %d contacts to go, %d calls open, %d prices to come",
		time.Since(r.begun).Seconds(), total, len(r.campaigns), left.Contacts, left.Attempts, left.Unpriced))
}

// injections is what was injected so far.
func (r *chaosRun) injections() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.injected)
}
