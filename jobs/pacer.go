package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"dialer/campaign"
	"dialer/voice"

	"golang.org/x/time/rate"
)

const (
	// leaseTimeout bounds one question to the database.
	leaseTimeout = 2 * time.Second
	leaseRetry   = 100 * time.Millisecond
	leaseRetryAt = 2 * time.Second // the longest pause between two tries
	// leaseJitter keeps the processes of a fleet from asking all at once, and
	// lets chance decide who gets a slot that all of them want.
	leaseJitter = 20 * time.Millisecond
	// leaseGap is how long the next question waits at least, so that callers who
	// come one after another share one. Permits are handed out sooner than that
	// before their moment.
	leaseGap = 10 * time.Millisecond
	// doubtMost is the greatest doubt about the shared clock by which slots are
	// used: they are moved by it, and so far moved there would be little left of
	// them. A better reading is had at once.
	doubtMost = campaign.PermitLife / 4
	// idleReport is how soon what became of the last slots is told when nobody
	// wants any more.
	idleReport = 150 * time.Millisecond
	// slotsAhead is how many slots may wait to be handed out: those of the
	// longest look ahead at the fastest pace that the settings allow.
	slotsAhead = 8192
)

// rank is who gets a permit first within a process.
type rank int

const (
	gated rank = iota // past the gate: its first permit was missed
	urgentRank
	ranks = urgentRank + rank(campaign.Ordinary) + 1
)

func rankOf(u campaign.Urgency) rank {
	return urgentRank + rank(min(max(u, campaign.Urgent), campaign.Ordinary))
}

// urgency is how the fleet sees a rank.
func (r rank) urgency() campaign.Urgency { return campaign.Urgency(max(0, r-urgentRank)) }

// Pacer hands out this process's part of one of the account's budgets. The
// budget is one row in Postgres, from which it leases a few slots at a time,
// and only while somebody waits; so N processes keep to the limit and use all
// of it, and without the database nobody sends. Locally golang.org/x/time/rate
// spaces the slots, whatever the leases say, and one goroutine hands the
// permits over unbuffered channels, to whoever is most urgent. What became of
// each is reported with the next lease, and decides when that turn is free
// again.
type Pacer struct {
	store     PaceStore
	budget    campaign.Budget
	perSecond float64
	lead      time.Duration // how long before its moment a permit is handed out
	log       *errorLog

	limiter *rate.Limiter // of the handing goroutine
	newest  time.Time     // the last slot that passed the limiter
	clock   sharedClock   // of the leasing goroutine
	queues  [ranks]chan Permit
	refusal chan struct{} // holds a signal after a 429

	mu      sync.Mutex
	waiting [ranks]int
	leased  int // slots taken and not handed out or lapsed yet
	uses    []*use
	answers lateness
	demand  chan struct{} // holds a signal when waiting may have outgrown leased
	handed  int64
	lapsed  int64
}

// NewPacer returns a pacer of the budget, whose limit is perSecond. Run must
// run for anybody to get a permit.
func NewPacer(store PaceStore, budget campaign.Budget, perSecond float64, log *slog.Logger) *Pacer {
	p := &Pacer{
		store: store, budget: budget, perSecond: perSecond, lead: 20 * time.Millisecond,
		log:     &errorLog{log: log.With("budget", string(budget))},
		limiter: rate.NewLimiter(rate.Limit(perSecond), 1),
		refusal: make(chan struct{}, 1),
		demand:  make(chan struct{}, 1),
	}
	if budget == campaign.Creates {
		p.lead = 100 * time.Millisecond // the gate is passed meanwhile
	}
	for r := range p.queues {
		p.queues[r] = make(chan Permit)
	}
	return p
}

// Run hands out permits until ctx ends, and then gives back what was not used.
func (p *Pacer) Run(ctx context.Context) {
	slots := make(chan leasedSlot, slotsAhead)
	var wg sync.WaitGroup
	wg.Go(func() { p.handOut(ctx, slots) })
	wg.Go(func() { p.heedRefusals(ctx) })
	p.leaseSlots(ctx, slots)
	wg.Wait()
	p.giveBack(ctx, slots)
}

// SlowDown has the whole fleet slow down soon.
func (p *Pacer) SlowDown() { signal(p.refusal) }

// Wait returns the next permit. Its moment may lie a little ahead: Hold it,
// and check that it is still Valid before sending.
func (p *Pacer) Wait(ctx context.Context, u campaign.Urgency) (Permit, error) {
	return p.wait(ctx, rankOf(u))
}

// Throttle returns the turn of one request.
func (p *Pacer) Throttle(ctx context.Context) (voice.Permit, error) {
	return p.throttle(ctx, campaign.Ordinary)
}

// ThrottleFirst is Throttle ahead of everybody else in the fleet, for a request
// that should stand behind no other, such as a hang-up.
func (p *Pacer) ThrottleFirst(ctx context.Context) (voice.Permit, error) {
	return p.throttle(ctx, campaign.Urgent)
}

func (p *Pacer) throttle(ctx context.Context, u campaign.Urgency) (voice.Permit, error) {
	permit, err := p.Wait(ctx, u)
	if err != nil {
		return nil, err
	}
	return &turn{Permit: permit}, nil
}

func (p *Pacer) wait(ctx context.Context, r rank) (Permit, error) {
	p.adjust(0, r, 1)
	select {
	case permit := <-p.queues[r]:
		return permit, nil // whoever sent it has taken us off the count
	case <-ctx.Done():
		p.adjust(0, r, -1)
		return Permit{}, fmt.Errorf("wait for a permit: %w", ctx.Err())
	}
}

// PermitCounts is what became of a budget's permits in this process.
type PermitCounts struct {
	Handed, Lapsed int64
	Waiting        int // callers who wait for one
}

// Counts reads them.
func (p *Pacer) Counts() PermitCounts {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := PermitCounts{Handed: p.handed, Lapsed: p.lapsed}
	for _, n := range p.waiting {
		c.Waiting += n
	}
	return c
}

// note counts a permit.
func (p *Pacer) note(taken bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if taken {
		p.handed++
	} else {
		p.lapsed++
	}
}

// adjust changes the counts by which leasing follows demand.
func (p *Pacer) adjust(leased int, r rank, waiting int) {
	p.mu.Lock()
	p.leased += leased
	p.waiting[r] += waiting
	p.mu.Unlock()
	if leased < 0 || waiting > 0 {
		signal(p.demand)
	}
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// wanted is how many slots are missing for the most urgent of those who wait.
func (p *Pacer) wanted() (u campaign.Urgency, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	missing := -p.leased
	for r := range ranks {
		if missing += p.waiting[r]; missing > 0 {
			return r.urgency(), missing
		}
	}
	return campaign.Ordinary, 0
}

// leaseSlots keeps the handing goroutine supplied while somebody waits.
func (p *Pacer) leaseSlots(ctx context.Context, out chan<- leasedSlot) {
	retry := leaseRetry
	for ctx.Err() == nil {
		u, n := p.wanted()
		if n == 0 {
			p.awaitDemand(ctx)
			if u, n = p.wanted(); n == 0 && !p.unreported(time.Now()) {
				continue
			}
		}
		again, err := p.lease(ctx, u, n, out)
		if err != nil {
			p.log.say(ctx, "no permits", err)
			_ = sleep(ctx, retry) // the loop's head looks at ctx
			retry = min(2*retry, leaseRetryAt)
			continue
		}
		retry = leaseRetry
		p.log.fine()
		p.rest(ctx, u, again)
	}
}

// awaitDemand waits until there may be more callers than slots for them, or
// until what became of the last slots should be told.
func (p *Pacer) awaitDemand(ctx context.Context) {
	timer := time.NewTimer(idleReport)
	defer timer.Stop()
	report := timer.C
	if p.nothingUsed() {
		report = nil
	}
	select {
	case <-p.demand:
	case <-report:
	case <-ctx.Done():
	}
}

// rest waits until it is worth asking again, or somebody more urgent waits.
// again may be zero: at once, but for the gap.
func (p *Pacer) rest(ctx context.Context, u campaign.Urgency, again time.Time) {
	wait := leaseGap
	if !again.IsZero() {
		wait = max(wait, time.Until(again)+rand.N(leaseJitter))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		case <-p.demand:
			if now, n := p.wanted(); n > 0 && now < u {
				return
			}
		}
	}
}

// lease takes up to n slots, and reports on those of before. It returns when
// to ask for the rest.
func (p *Pacer) lease(ctx context.Context, u campaign.Urgency, n int, out chan<- leasedSlot) (again time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, leaseTimeout)
	defer cancel()
	ask := campaign.Ask{PerSecond: p.perSecond, N: n, Urgency: u}
	var told []*use
	ask.Used, told = p.report(time.Now())
	l, err := p.store.LeaseSlots(ctx, p.budget, ask)
	if err != nil {
		p.reportAgain(told)
		return time.Time{}, err
	}
	p.clock.observe(l.Sent, l.Received, l.Now)
	if p.clock.doubt() > doubtMost {
		for _, s := range l.Slots {
			p.settle(&use{slot: s})
		}
		return time.Now(), nil
	}
	p.adjust(len(l.Slots), gated, 0)
	for _, s := range l.Slots {
		out <- leasedSlot{at: p.clock.local(s.At).Add(p.clock.doubt()), apart: l.Apart, slot: s} // there is room for all
	}
	if l.Again.IsZero() {
		return time.Time{}, nil
	}
	return p.clock.local(l.Again), nil
}

// heedRefusals slows the whole fleet when Vonage says that it is too
// fast, the last time when ctx has ended.
func (p *Pacer) heedRefusals(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-p.refusal:
			p.slowDown(ctx)
		case <-ctx.Done():
		}
	}
	select {
	case <-p.refusal:
		p.slowDown(ctx)
	default:
	}
}

// slowDown is not given up when ctx ends: the fleet is still too fast.
func (p *Pacer) slowDown(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseTimeout)
	defer cancel()
	if err := p.store.SlowDown(ctx, p.budget); err != nil {
		p.log.say(ctx, "the fleet was not slowed down", err)
	}
}

// giveBack reports what is left at the end, so that another process may have
// it now. It matters little when that fails.
func (p *Pacer) giveBack(ctx context.Context, slots <-chan leasedSlot) {
	for {
		select {
		case s := <-slots:
			p.settle(&use{slot: s.slot})
			continue
		default:
		}
		break
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseTimeout/2)
	defer cancel()
	if used, _ := p.report(time.Now()); len(used) > 0 {
		_, _ = p.store.LeaseSlots(ctx, p.budget, campaign.Ask{PerSecond: p.perSecond, Urgency: campaign.Ordinary, Used: used})
	}
}
