package jobs

import (
	"context"
	"time"

	"dialer/campaign"

	"golang.org/x/time/rate"
)

// leasedSlot is a slot on this process's clock.
type leasedSlot struct {
	at    time.Time
	apart time.Duration // from others
	slot  campaign.Slot
}

func (s leasedSlot) until() time.Time { return s.at.Add(campaign.PermitLife) }

// handOut hands each slot to one caller.
func (p *Pacer) handOut(ctx context.Context, slots <-chan leasedSlot) {
	for {
		select {
		case s := <-slots:
			p.hand(ctx, s)
		case <-ctx.Done():
			return
		}
	}
}

// space passes a slot through the limiter, which moves it on when it comes too
// soon after the one before: leases never say so, a clock that was set might,
// or one whose first readings were slow. A slot that would come to stand at its
// end, or past it, is of no use, and holds up none that come later.
func (p *Pacer) space(s leasedSlot) (at time.Time, ok bool) {
	at = s.at
	if at.Before(p.newest) {
		at = p.newest
	}
	if limit := rate.Every(s.apart); limit != p.limiter.Limit() {
		p.limiter.SetLimitAt(at, limit)
	}
	reserved := p.limiter.ReserveN(at, 1)
	spaced := at.Add(reserved.DelayFrom(at))
	if !spaced.Before(s.until()) {
		reserved.CancelAt(at)
		return spaced, false
	}
	p.newest = spaced
	return spaced, true
}

// hand offers the slot until somebody takes it or it lapses.
func (p *Pacer) hand(ctx context.Context, s leasedSlot) {
	permit := Permit{pacer: p, until: s.until(), use: &use{slot: s.slot}}
	var r rank
	var taken bool
	if permit.at, taken = p.space(s); taken {
		_ = sleep(ctx, time.Until(permit.at)-p.lead) // offer looks at ctx
		r, taken = p.offer(ctx, permit)
	}
	p.note(taken)
	if taken {
		p.adjust(-1, r, -1)
		return
	}
	p.adjust(-1, gated, 0)
	p.settle(permit.use)
}

// offer gives the permit to the most urgent who waits, and waits for somebody
// if nobody does.
func (p *Pacer) offer(ctx context.Context, permit Permit) (rank, bool) {
	left := time.Until(permit.until)
	if left <= 0 || ctx.Err() != nil {
		return 0, false
	}
	if r, taken := p.offerNow(permit); taken {
		return r, true
	}
	lapse := time.NewTimer(left)
	defer lapse.Stop()
	select {
	case p.queues[0] <- permit:
		return 0, true
	case p.queues[1] <- permit:
		return 1, true
	case p.queues[2] <- permit:
		return 2, true
	case p.queues[3] <- permit:
		return 3, true
	case <-lapse.C:
	case <-ctx.Done():
	}
	return 0, false
}

func (p *Pacer) offerNow(permit Permit) (rank, bool) {
	for r := range ranks {
		select {
		case p.queues[r] <- permit:
			return r, true
		default:
		}
	}
	return 0, false
}
