package pace

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"dialer/campaign"
	"dialer/internal/background"

	"golang.org/x/time/rate"
)

const (
	exchangeTimeout = 2 * time.Second
	// exchangeGap is the shortest time between two exchanges with the database, so that
	// waiters that come one after another share an exchange.
	exchangeGap = 10 * time.Millisecond
	// scarceGap is that time while slots are scarce, and jitter is added
	// to it, so that chance decides which process gets the next slot.
	scarceGap, jitter = 40 * time.Millisecond, 20 * time.Millisecond
	// failedGap is the pause after a failure. It doubles with each, up to
	// maxFailedGap.
	failedGap, maxFailedGap = 100 * time.Millisecond, 2 * time.Second
)

// Store keeps the budgets for all processes. storage.DB is one.
type Store interface {
	// LoadPace reads the budget, and the database's clock.
	LoadPace(ctx context.Context, budget campaign.Budget) (campaign.Pace, time.Time, error)
	// SavePace writes the budget back. It reports false, and changes nothing,
	// when another process has changed the budget since it was read.
	SavePace(ctx context.Context, budget campaign.Budget, p campaign.Pace) (saved bool, err error)
}

// Config says which budget a Pacer is for.
type Config struct {
	Store     Store
	Budget    campaign.Budget
	PerSecond float64 // the account's limit
	Log       *slog.Logger
	// Exchanged, if set, is called with the time that each exchange with the
	// database took.
	Exchanged func(took time.Duration)
}

// Pacer gives out this process's part of one budget. One goroutine exchanges
// with the database when there are waiters or reports: it reports how slots
// were used, leases new ones and gives each to one who waits. No lock is held in the
// database meanwhile. If another process was quicker, the exchange starts again. So a
// paused process delays no other.
type Pacer struct {
	Config
	wake chan struct{} // holds a signal when there may be work

	mu      sync.Mutex
	waiting [classes][]waiter
	reports []report
	clock   clock
	latency latencyEstimator
	limiter *rate.Limiter // spaces this process's requests, whatever the row says
	newest  time.Time     // the last moment that passed the limiter
	counts  Counts
}

// Counts has the counts of a budget's permits in this process.
type Counts struct {
	Given, Unused int64
	Waiting       int // slots that waiters want
}

// waiter waits for a permit. Before its own permit it takes one for each leg that its
// request will open, because Vonage opens these itself and counts them as new calls.
type waiter struct {
	given chan *Permit
	legs  int
}

// New returns a pacer. It gives no permits until Run runs.
func New(c Config) *Pacer {
	return &Pacer{Config: c, wake: make(chan struct{}, 1), limiter: rate.NewLimiter(rate.Limit(c.PerSecond/spread), 1)}
}

// Counts reads them.
func (p *Pacer) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.counts
	c.Waiting = p.waiters()
	return c
}

func (p *Pacer) waiters() (n int) {
	for class := range p.waiting {
		n += p.wanted(class)
	}
	return n
}

// wanted is how many slots the waiters of a class want.
func (p *Pacer) wanted(class int) (n int) {
	for _, c := range p.waiting[class] {
		n += 1 + c.legs
	}
	return n
}

// Run gives permits until ctx ends, and then reports what is left.
func (p *Pacer) Run(ctx context.Context) {
	failed := 0 // exchanges, one after the other
	for ctx.Err() == nil {
		if !p.hasWork() {
			select {
			case <-p.wake:
			case <-ctx.Done():
			}
			continue
		}
		gap, err := p.exchange(ctx)
		if err == nil {
			failed = 0
		} else {
			if failed == 0 && ctx.Err() == nil {
				p.Log.ErrorContext(ctx, "no permits", "budget", string(p.Budget), "error", err)
			}
			gap = min(failedGap<<min(failed, 10), maxFailedGap)
			failed++
		}
		_ = background.Sleep(ctx, gap) // the loop looks at ctx
	}
	// Without this report other processes get the slots a little later.
	_, _ = p.exchange(context.WithoutCancel(ctx))
}

// hasWork reports whether there are waiters or reports.
func (p *Pacer) hasWork() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiters()+len(p.reports) > 0
}

// exchange reports, leases and gives out. It returns how long to wait before
// the next one.
func (p *Pacer) exchange(ctx context.Context) (gap time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	sent := time.Now()
	if p.Exchanged != nil {
		defer func() { p.Exchanged(time.Since(sent)) }()
	}
	row, now, err := p.Store.LoadPace(ctx, p.Budget)
	if err != nil {
		return 0, err
	}
	q := p.ask(clock{sent: sent, received: time.Now(), database: now})
	leased, saved := (*state)(&row).lease(now, q), true
	if len(leased)+len(q.reports) > 0 {
		saved, err = p.Store.SavePace(ctx, p.Budget, row)
	}
	p.take(q, leased, saved)
	switch {
	case !saved:
		return rand.N(exchangeGap), err
	case q.slots() > len(leased):
		return scarceGap + rand.N(jitter), nil
	}
	return exchangeGap, nil // waiters that came meanwhile may find free slots
}

// ask makes the question for slots, with all reports.
func (p *Pacer) ask(reading clock) question {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock.observe(reading)
	q := question{budget: p.Budget, perSecond: p.PerSecond, trip: reading.received.Sub(reading.sent), reports: p.reports}
	for i := range p.waiting {
		q.wanted[i] = p.wanted(i)
	}
	p.reports = nil
	return q
}

// take gives out what was leased. If nothing was saved, the reports are
// made again.
func (p *Pacer) take(q question, leased []slot, saved bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !saved {
		//guard:drop internal/pace.TestLostReportIsMadeAgain: a lost report is made again
		p.reports = append(p.reports, q.reports...)
		return
	}
	for _, l := range leased {
		p.give(p.permit(l))
	}
}

// permit puts a slot on this process's clock and through the limiter. The limiter moves
// the slot if it comes too soon after the last one. The row never gives such a slot, but
// a clock that was set may.
func (p *Pacer) permit(l slot) *Permit {
	due := p.clock.local(l.at)
	at := latest(due, p.newest)
	reserved := p.limiter.ReserveN(at, 1)
	permit := &Permit{pacer: p, slot: l, from: at.Add(reserved.DelayFrom(at)), until: due.Add(permitLife)}
	if permit.from.Before(permit.until) {
		p.newest = permit.from
	} else {
		//guard:drop internal/pace.TestFarSlotDelaysNoOther: a slot that cannot be used delays no other
		reserved.CancelAt(at)
	}
	return permit
}

// give hands a permit to the waiter that has waited longest in its class. If
// there is none or its time has passed, the slot is reported as not used.
func (p *Pacer) give(permit *Permit) {
	waiters := p.waiting[permit.slot.class]
	if len(waiters) == 0 || !latest(permit.from, time.Now()).Before(permit.until) {
		p.counts.Unused++
		p.report(report{slot: permit.slot})
		return
	}
	p.counts.Given++
	//guard:false internal/pace.TestLegsTakePermits: a leg that connect opens takes a permit
	if waiters[0].legs > 0 {
		waiters[0].legs--
		p.report(report{slot: permit.slot, sent: p.clock.shared(permit.from), arrived: p.clock.shared(permit.from)})
		return
	}
	p.waiting[permit.slot.class] = waiters[1:]
	waiters[0].given <- permit
}

// used is the report on a permit's request, as far as it is known at this time.
func (p *Pacer) used(permit *Permit, known time.Time) report {
	late := p.latency.late(known.Sub(permit.written))
	return report{slot: permit.slot, sent: p.clock.shared(permit.written), arrived: p.clock.shared(permit.written.Add(late))}
}

// report makes a report with the next exchange.
func (p *Pacer) report(r report) {
	p.reports = append(p.reports, r)
	p.signal()
}

// signal wakes Run.
func (p *Pacer) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}
