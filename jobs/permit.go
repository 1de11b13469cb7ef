package jobs

import (
	"context"
	"net/http"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/voice"
)

// Permit is the right to send one request at one moment, which may lie a
// little ahead so that the last check can be made meanwhile.
type Permit struct {
	pacer *Pacer
	at    time.Time
	until time.Time
	use   *use
}

// Hold waits for the permit's moment.
func (p Permit) Hold(ctx context.Context) error {
	return sleep(ctx, time.Until(p.at))
}

// Valid reports whether the request may be sent now. A process that was
// stopped or slow must not use an old permit, because the moment is somebody
// else's by then; it takes another one.
func (p Permit) Valid(now time.Time) bool {
	return !now.Before(p.at) && now.Before(p.until)
}

// Return gives an unused permit to whoever waits. Nobody waiting, or too late:
// it lapses.
func (p Permit) Return() {
	if time.Now().Before(p.until) {
		if r, taken := p.pacer.offerNow(p); taken {
			p.pacer.adjust(0, r, -1)
			return
		}
	}
	p.pacer.settle(p.use)
}

// Turn is how the client uses the permit. When it was missed, others are taken
// until the deadline.
func (p Permit) Turn(deadline time.Time) voice.Permit { return &turn{Permit: p, deadline: deadline} }

// turn is a permit as the client uses it, and another one when the first was
// missed.
type turn struct {
	Permit
	deadline time.Time // for the last permit; zero: the context's
}

// Hold waits for the permit's moment, and takes another permit, before
// everybody who has not come so far, when it was missed.
func (t *turn) Hold(ctx context.Context) (until time.Time, err error) {
	if !t.deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, t.deadline)
		defer cancel()
	}
	for {
		err := t.Permit.Hold(ctx)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return time.Time{}, err // Done gives it back
		}
		if t.Valid(time.Now()) {
			return t.until, nil
		}
		t.Return()
		permit, err := t.pacer.wait(ctx, gated)
		if err != nil {
			t.Permit = Permit{}
			return time.Time{}, err
		}
		t.Permit = permit
	}
}

// Written starts the report on the permit.
func (t *turn) Written(at time.Time) {
	if t.pacer != nil {
		t.pacer.written(t.use, at)
	}
}

// Done completes it, or gives the permit back.
func (t *turn) Done(answered time.Time, status int) {
	if t.pacer == nil { // the last one was given back
		return
	}
	if !t.pacer.done(t.use, answered) {
		t.Return()
	}
	if status == http.StatusTooManyRequests {
		t.pacer.SlowDown()
	}
}

// sleep waits for d, or less when ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// use is what became of one slot. Nothing written: it was not used.
type use struct {
	slot              campaign.Slot
	written, answered time.Time
	done              bool
	late              time.Duration // as it was reported
}

// answerWait is how long the report on a request waits for its answer: until
// then it is in time for the next use of its turn.
const answerWait = 400 * time.Millisecond

func (u *use) ready(now time.Time) bool { return u.done || now.Sub(u.written) > answerWait }

// settle queues the report that a slot was not used.
func (p *Pacer) settle(u *use) {
	p.mu.Lock()
	defer p.mu.Unlock()
	u.done = true
	p.uses = append(p.uses, u)
}

// written queues the report that a slot was used.
func (p *Pacer) written(u *use, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if u.written.IsZero() {
		p.uses = append(p.uses, u)
	}
	u.written = at
}

// done completes the report on a slot that was used, and returns false for one
// that was not.
func (p *Pacer) done(u *use, answered time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if u.written.IsZero() {
		return false
	}
	u.done, u.answered = true, answered
	if !answered.IsZero() {
		p.answers.observe(answered, answered.Sub(u.written))
	}
	return true
}

// unreported reports whether there is something to tell.
func (p *Pacer) unreported(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.uses, func(u *use) bool { return u.ready(now) })
}

// nothingUsed reports whether there will be nothing to tell.
func (p *Pacer) nothingUsed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.uses) == 0
}

// report takes what there is to tell, by the database's clock. A report that
// is lost costs its turn a second.
func (p *Pacer) report(now time.Time) (used []campaign.Use, of []*use) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.uses = slices.DeleteFunc(p.uses, func(u *use) bool {
		if !u.ready(now) {
			return false
		}
		told := campaign.Use{Slot: u.slot}
		if !u.written.IsZero() {
			u.late = p.answers.late(u, now)
			told.Arrived = p.clock.database(u.written.Add(u.late)).Add(p.clock.doubt())
		}
		used, of = append(used, told), append(of, u)
		return true
	})
	return used, of
}

// reportAgain has what was not heard told with the next lease, which counts its
// lateness once more: so it is taken back, or an outage would use up what may be
// counted.
func (p *Pacer) reportAgain(of []*use) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, u := range of {
		p.answers.debt -= u.late
	}
	p.uses = append(of, p.uses...)
}
