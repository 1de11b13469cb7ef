package pace

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"dialer/internal/background"
)

// answerWait is how long the report on a request waits for its answer. It is then still
// in time for the next use of the slot.
const answerWait = 400 * time.Millisecond

// Permit is the right to send one request at one moment. The moment may lie a
// little ahead, so that the last checks can be made before it. A Permit is a
// voice.Permit.
type Permit struct {
	pacer       *Pacer
	slot        slot
	from, until time.Time // by the process's own clock
	deadline    time.Time
	written     time.Time // zero: nothing was
	done        bool
}

// Wait returns the next permit. Send a request with it, or Return it.
func (p *Pacer) Wait(ctx context.Context, class Class) (*Permit, error) {
	return p.wait(ctx, class, 0, false)
}

// WaitWithLegs is Wait for a request that opens this many legs later. Each leg takes one
// more permit, which is spent before the request's own. If the caller stops waiting,
// permits that were spent are lost.
func (p *Pacer) WaitWithLegs(ctx context.Context, class Class, legs int) (*Permit, error) {
	return p.wait(ctx, class, legs, false)
}

// wait waits for a permit. first puts it before all others.
func (p *Pacer) wait(ctx context.Context, class Class, legs int, first bool) (*Permit, error) {
	given := make(chan *Permit, 1)
	p.mu.Lock()
	waiters := &p.waiting[class]
	at := len(*waiters)
	if first {
		at = 0
	}
	*waiters = slices.Insert(*waiters, at, waiter{given, legs})
	p.mu.Unlock()
	p.signal()
	select {
	case permit := <-given:
		return permit, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := slices.IndexFunc(*waiters, func(w waiter) bool { return w.given == given }); at >= 0 {
		*waiters = slices.Delete(*waiters, at, at+1)
	} else {
		p.give(<-given)
	}
	return nil, fmt.Errorf("wait for a permit: %w", ctx.Err())
}

// SetDeadline limits Hold. By default only its context does.
func (p *Permit) SetDeadline(t time.Time) { p.deadline = t }

// Hold waits for the permit's moment, and returns until when the request may be
// written. If that time has passed, because the process was paused or slow, another
// process may have the slot by now. Hold then waits for another slot, ahead of all
// waiters that have none.
func (p *Permit) Hold(ctx context.Context) (until time.Time, err error) {
	if !p.deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, p.deadline)
		defer cancel()
	}
	for {
		if err := background.Sleep(ctx, time.Until(p.from)); err != nil {
			return time.Time{}, err // Done gives it back
		}
		if p.good() {
			return p.until, nil
		}
		p.Return()
		other, err := p.pacer.wait(ctx, First, 0, true)
		if err != nil {
			return time.Time{}, err
		}
		p.become(other)
	}
}

// good reports whether a request may be written now. One permit is for one
// request: when the client repeats it on another connection, Vonage may have
// counted the first already.
func (p *Permit) good() bool {
	p.pacer.mu.Lock()
	defer p.pacer.mu.Unlock()
	//guard:value(p.written.IsZero()) internal/pace.TestMissedPermit: a permit is void after its time
	return p.written.IsZero() && time.Now().Before(p.until)
}

// become takes the slot of another permit.
func (p *Permit) become(other *Permit) {
	p.pacer.mu.Lock()
	defer p.pacer.mu.Unlock()
	other.deadline = p.deadline
	*p = *other
}

// Return gives back an unused permit. It goes to the next waiter.
func (p *Permit) Return() { p.Done(time.Time{}, 0) }

// Written says that a part of the request was written, at this moment at the
// latest. It has no effect after Done: the answer may be quicker.
func (p *Permit) Written(at time.Time) {
	p.pacer.mu.Lock()
	defer p.pacer.mu.Unlock()
	if p.done {
		return
	}
	if p.written.IsZero() {
		used := p.slot
		time.AfterFunc(answerWait, func() {
			p.pacer.mu.Lock()
			defer p.pacer.mu.Unlock()
			if p.slot == used && !p.done {
				p.pacer.report(p.pacer.used(p, time.Now()))
			}
		})
	}
	p.written = at
}

// Done says when the answer came and its status, or zeros without an answer.
// If nothing was written, the permit is given back.
func (p *Permit) Done(answered time.Time, status int) {
	p.pacer.mu.Lock()
	defer p.pacer.mu.Unlock()
	if p.done {
		return
	}
	p.done = true
	switch {
	case p.written.IsZero():
		p.pacer.give(&Permit{pacer: p.pacer, slot: p.slot, from: p.from, until: p.until})
	case answered.IsZero():
		p.pacer.report(p.pacer.used(p, time.Now()))
	default:
		p.pacer.latency.observe(answered, answered.Sub(p.written))
		r := p.pacer.used(p, answered)
		r.answered, r.refused = p.pacer.clock.shared(answered), status == http.StatusTooManyRequests
		p.pacer.report(r)
	}
}
