package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"dialer/internal/app"
	"dialer/internal/verify"
	"dialer/test/fleet"
)

// chaosRun injects faults while campaigns run, and then waits until every call
// has ended.
type chaosRun struct {
	*testbed
	status *statusLine
	since  time.Time // when the run began

	// A matrix run replaces these three.
	startCampaign func(ctx context.Context, name string, contacts int) (int64, error)
	supervise     func(context.Context, int, *fleet.Dialer, *rand.Rand)
	injectAll     func(context.Context, context.CancelCauseFunc) error
	plan          *plan // of the failpoints; nil: no matrix run

	mu          sync.Mutex
	injected    map[string]int
	allInjected bool

	campaigns []string
	contacts  int      // in those that the run began itself
	others    []string // campaigns that operators began

	woken     bool // the campaign asleep was stopped
	operators *operators
	decider   *decider
	orders    *orders
	verdict   verify.Result // the judge's latest
}

func newRun(b *testbed, out io.Writer) *chaosRun {
	r := &chaosRun{testbed: b, status: newStatusLine(out), since: time.Now(), injected: map[string]int{}, orders: newOrders(b.options)}
	r.operators = newOperators(r)
	r.decider = &decider{operators: r.operators, tried: map[int64]int{}, counts: map[string]int{}}
	r.startCampaign = func(ctx context.Context, name string, contacts int) (int64, error) {
		s, err := documented(name, b.settingsOf(name))
		if err != nil {
			return 0, err
		}
		return fleet.Import(ctx, b.db, name, s, contacts)
	}
	r.supervise, r.injectAll = b.dialers.supervise, r.followSchedule
	return r
}

var (
	// errUnfinished means that a campaign did not end.
	errUnfinished = errors.New("not everything had ended")
	// errFound means that the run ended early, with --until-broken.
	errFound = errors.New("the judge found something")
)

// run returns when all faults are injected and every campaign has ended, or with the
// error that prevented that.
func (r *chaosRun) run(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	if err := r.nextCampaign(ctx); err != nil {
		return err
	}
	if r.hasAsleep() {
		if err := r.operators.enqueueAsleep(ctx); err != nil {
			return err
		}
	}
	r.dialers.start(ctx, r.Seed, r.supervise)
	var deciding sync.WaitGroup
	deciding.Go(func() { r.decider.decide(ctx) })
	defer func() { fail(nil); deciding.Wait() }()
	watched := make(chan error, 1)
	go func() {
		err := r.watch(ctx)
		if errors.Is(err, errFound) {
			fail(err)
		}
		watched <- err
	}()
	if err := r.injectAll(ctx, fail); err != nil {
		fail(err)
		return errors.Join(err, ignoreCanceled(<-watched))
	}
	r.mu.Lock()
	r.allInjected = true
	r.mu.Unlock()
	return <-watched
}

// ignoreCanceled drops the error of a part that ended because of another part's error.
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
		if r.Kills < 0 && time.Since(r.since) > r.Duration {
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
	isAct, err := r.operators.act(ctx, i.fault, i.random())
	if err == nil && !isAct {
		err = r.inject(ctx, i)
	}
	if err != nil {
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
// Postgres is down now and then, so failed work is tried again.
func (r *chaosRun) watch(ctx context.Context) error {
	progress, early := newProgress(r.Deadline), newEarlyJudge(r)
	for {
		done := r.isAllInjected()
		if r.UntilBroken && early.finds(ctx) {
			return errFound
		}
		left, err := r.left(ctx)
		switch {
		case err != nil:
		case done && left == (app.OpenCounts{}) && r.provider.Sim.Summary().EventsPending == 0:
			if r.hasAsleep() && !r.woken {
				if err = r.operators.stopAsleep(ctx); err == nil {
					r.woken = true
				}
				break
			}
			if err = r.judge(ctx); err == nil && r.verdict.Settled() {
				r.show(left)
				return nil
			}
			left.Unpriced += len(r.verdict.Pending)
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

// leastForAsleep is the least number of contacts of a full run. Smaller runs only test
// parts of this program.
const leastForAsleep = 20

func (r *chaosRun) hasAsleep() bool { return r.Matrix == 0 && r.Contacts >= leastForAsleep }

// judge compares everything with Vonage's ledger and with the orders.
func (r *chaosRun) judge(ctx context.Context) error {
	records, err := r.db.Records(ctx)
	if err != nil {
		return err
	}
	sim := r.testbed.provider.Sim
	ledger := verify.LedgerOf(sim.Ledger(), sim.Webhooks(), sim.Summary())
	r.verdict = verify.Compare(ledger, records, r.orders.judged())
	return nil
}

// earlyJudge judges while the run goes on.
type earlyJudge struct {
	run   *chaosRun
	next  time.Time
	since map[verify.Finding]time.Time // when what is found now was found first
}

func newEarlyJudge(r *chaosRun) *earlyJudge {
	return &earlyJudge{run: r, next: time.Now().Add(judgeEvery)}
}

const judgeEvery = 2 * time.Second

// soon is how long a finding must last: operators may not have noted an order yet, and a
// record may not have been read yet. A wrong call stays wrong.
func soon(invariant string) time.Duration {
	if slices.Contains([]string{"I1", "I2", "I3", "I7", "I8", "I16"}, invariant) {
		return judgeEvery
	}
	return 5 * judgeEvery
}

// finds reports whether the judge has found the same for long enough. A file that is
// being read is not a finding.
func (e *earlyJudge) finds(ctx context.Context) (stands bool) {
	if time.Now().Before(e.next) || e.run.judge(ctx) != nil {
		return false
	}
	before := e.since
	e.since, e.next = map[verify.Finding]time.Time{}, time.Now().Add(judgeEvery)
	for _, f := range e.run.verdict.Broken {
		first, known := before[f]
		if !known {
			first = time.Now()
		}
		e.since[f] = first
		stands = stands || f.Invariant != "I10" && time.Since(first) >= soon(f.Invariant)
	}
	return stands
}

// campaignNames are the names of the campaigns that the run begins itself.
const campaignNames = "chaos %d"

func campaignName(n int) string { return fmt.Sprintf(campaignNames, max(1, n)) }

// begun is how many campaigns the run has begun itself.
func (r *chaosRun) begun() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.campaigns)
}

// follow makes the run wait for a campaign that an operator began.
func (r *chaosRun) follow(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.others = append(r.others, name)
}

// nextCampaign starts the next campaign, or resumes an interrupted import.
func (r *chaosRun) nextCampaign(ctx context.Context) error {
	n, name := r.Contacts, campaignName(r.begun()+1)
	if r.begun() > 0 {
		n = min(n, moreContacts)
	}
	var numbers []string
	for i := range n {
		numbers = append(numbers, fleet.Number(i))
	}
	r.orders.begun(name, r.settingsOf(name), numbers)
	if _, err := r.startCampaign(ctx, name, n); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.campaigns, r.contacts = append(r.campaigns, name), r.contacts+n
	return nil
}

func (r *chaosRun) left(ctx context.Context) (all app.OpenCounts, err error) {
	r.mu.Lock()
	names := slices.Concat(r.campaigns, r.others)
	r.mu.Unlock()
	for _, name := range names {
		c, err := r.db.CampaignByName(ctx, name)
		if err != nil {
			return all, err
		}
		left, err := r.db.OpenCounts(ctx, c.ID)
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
		time.Since(r.since).Seconds(), total, r.begun(), left.Contacts, left.Attempts, left.Unpriced))
}

// injections are the faults injected so far.
func (r *chaosRun) injections() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.injected)
}
