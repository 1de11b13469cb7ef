package pace

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"dialer/campaign"

	"golang.org/x/time/rate"
)

const (
	exchangeTimeout = 2 * time.Second
	// exchangeGap is the shortest time between two exchanges with the database,
	// so that callers who come one after another share one.
	exchangeGap = 10 * time.Millisecond
	// scarceGap is that time while callers wait for slots, and jitter is added
	// to it, so that chance decides which process gets the next slot.
	scarceGap, jitter = 40 * time.Millisecond, 20 * time.Millisecond
	// idleReport is how soon uses are reported when no caller waits.
	idleReport = 150 * time.Millisecond
	// failedGap is the first pause after a failure, which doubles up to
	// failedMost.
	failedGap, failedMost = 100 * time.Millisecond, 2 * time.Second
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
	// Exchanged is called with the time that each exchange with the database
	// took. Nil: it is not.
	Exchanged func(took time.Duration)
}

// Pacer gives out this process's part of one budget. One goroutine exchanges
// with the database while callers wait: it reports how slots were used, leases
// new ones and gives each to the most urgent caller. No lock is held in
// between. If another process was quicker, it reads again. So a paused process
// delays no other.
type Pacer struct {
	Config
	clock   clock
	limiter *rate.Limiter // spaces this process's requests, whatever the row says
	newest  time.Time     // the last moment that passed the limiter
	wake    chan struct{} // holds a signal when there may be work

	mu       sync.Mutex
	waiting  [priorities][]chan *use
	uses     []*use // to be reported
	answered []*use // whose answers are to be reported
	lateness lateness
	counts   Counts
}

// Counts says what became of a budget's permits in this process.
type Counts struct {
	Given, Unused int64
	Waiting       int // callers
}

// New returns a pacer. It gives no permits until Run runs.
func New(c Config) *Pacer {
	return &Pacer{Config: c, limiter: rate.NewLimiter(rate.Limit(c.PerSecond/spread), 1), wake: make(chan struct{}, 1)}
}

// Counts reads them.
func (p *Pacer) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.counts
	for _, callers := range p.waiting {
		c.Waiting += len(callers)
	}
	return c
}

// Run gives permits until ctx ends, and then reports what is left.
func (p *Pacer) Run(ctx context.Context) {
	failed := failedGap
	for p.awaitWork(ctx) {
		saved, err := p.exchange(ctx)
		gap := exchangeGap
		switch {
		case err != nil:
			if failed == failedGap && ctx.Err() == nil {
				p.Log.ErrorContext(ctx, "no permits", "budget", string(p.Budget), "error", err)
			}
			gap, failed = failed, min(2*failed, failedMost)
		case !saved:
			gap = rand.N(exchangeGap)
		case p.Counts().Waiting > 0:
			gap = scarceGap + rand.N(jitter)
		}
		if err == nil {
			failed = failedGap
		}
		_ = sleep(ctx, gap) // awaitWork looks at ctx
	}
	// Without this report others only have to wait for the slots a little.
	_, _ = p.exchange(context.WithoutCancel(ctx))
}

// awaitWork waits until there is a reason for an exchange. It is false when ctx
// has ended.
func (p *Pacer) awaitWork(ctx context.Context) bool {
	for ctx.Err() == nil && p.Counts().Waiting == 0 {
		var report <-chan time.Time
		if p.inUse() {
			report = time.After(idleReport)
		}
		select {
		case <-p.wake:
		case <-report:
			return true
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

// exchange reports, leases and gives out. It is not saved when another process
// was quicker.
func (p *Pacer) exchange(ctx context.Context) (saved bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	reading := clock{sent: time.Now()}
	if p.Exchanged != nil {
		defer func() { p.Exchanged(time.Since(reading.sent)) }()
	}
	row, now, err := p.Store.LoadPace(ctx, p.Budget)
	if err != nil {
		return false, err
	}
	reading.received, reading.database = time.Now(), now
	p.clock.observe(reading)
	q, uses, answered := p.ask(reading.received)
	leased, changed := (*state)(&row).lease(now, q)
	saved = true
	if changed {
		saved, err = p.Store.SavePace(ctx, p.Budget, row)
	}
	if err != nil || !saved {
		p.reportAgain(uses, answered)
		return false, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range leased {
		p.give(p.space(l))
	}
	return true, nil
}

// ask says what is wanted and reports what is known. The uses that it reports
// are returned, in case that the report is lost.
func (p *Pacer) ask(now time.Time) (q question, uses, answered []*use) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q = question{budget: p.Budget, perSecond: p.PerSecond, trip: p.clock.received.Sub(p.clock.sent)}
	for i, callers := range p.waiting {
		q.wanted[i] = len(callers)
	}
	uses, p.uses = partition(p.uses, func(u *use) bool { return u.ready(now) })
	for _, u := range uses {
		q.released = append(q.released, release{slot: u.slot, arrived: p.arrival(u, now)})
	}
	answered, p.answered = p.answered, nil
	for _, u := range answered {
		q.answers = append(q.answers, answer{sent: p.clock.shared(u.written), received: p.clock.shared(u.answered), refused: u.refused})
	}
	return q, uses, answered
}

// arrival is when a request arrived at the latest, by the database's clock.
func (p *Pacer) arrival(u *use, now time.Time) time.Time {
	if u.written.IsZero() {
		return time.Time{}
	}
	if u.arrived.IsZero() {
		took := now.Sub(u.written)
		if !u.answered.IsZero() {
			took = u.answered.Sub(u.written)
		}
		u.arrived = u.written.Add(p.lateness.late(took))
	}
	return p.clock.shared(u.arrived)
}

// reportAgain has a lost report made with the next exchange.
func (p *Pacer) reportAgain(uses, answered []*use) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.uses, p.answered = append(p.uses, uses...), append(p.answered, answered...)
}

// inUse reports whether there is something to report, now or soon.
func (p *Pacer) inUse() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.uses) > 0 || len(p.answered) > 0
}

// give hands a use to the caller who has waited longest at its priority. If
// there is none or the time has passed, the slot is reported as not used.
func (p *Pacer) give(u *use) {
	if callers := p.waiting[u.priority]; len(callers) > 0 && time.Now().Before(u.until) {
		p.waiting[u.priority] = callers[1:]
		p.counts.Given++
		callers[0] <- u
		return
	}
	u.done = true
	p.counts.Unused++
	p.report(u)
}

// space puts a slot on this process's clock and through the limiter. The
// limiter moves it when it comes too soon after the one before. The row never
// says so, but a clock that was set may. A slot that would be used after its
// end cannot be used, and must not move later ones.
func (p *Pacer) space(l slot) *use {
	due := p.clock.local(l.at)
	at := latest(due, p.newest)
	reserved := p.limiter.ReserveN(at, 1)
	u := &use{slot: l, from: at.Add(reserved.DelayFrom(at)), until: due.Add(permitLife)}
	//guard:false internal/pace.TestUselessSlotDelaysNoOther: a slot that cannot be used delays no other
	if !u.from.Before(u.until) {
		reserved.CancelAt(at)
		u.until = time.Time{}
		return u
	}
	p.newest = u.from
	return u
}

func partition(all []*use, is func(*use) bool) (are, others []*use) {
	for _, u := range all {
		if is(u) {
			are = append(are, u)
		} else {
			others = append(others, u)
		}
	}
	return are, others
}
