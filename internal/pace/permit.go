package pace

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// answerWait is how long the report on a request waits for its answer. By then
// it is still in time for the next use of the slot.
const answerWait = 400 * time.Millisecond

// use is one use of a slot in this process, with times by its own clock.
type use struct {
	slot
	from, until time.Time // when the request may be written
	written     time.Time // zero: nothing was
	answered    time.Time // zero: not answered
	refused     bool      // by 429
	done        bool      // nothing more will be known
	arrived     time.Time // at Vonage at the latest, as it was reported
}

func (u *use) ready(now time.Time) bool { return u.done || now.Sub(u.written) > answerWait }

// Permit is the right to send one request at one moment. The moment may lie a
// little ahead, so that the last checks can be made before it. A Permit is a
// voice.Permit.
type Permit struct {
	pacer    *Pacer
	deadline time.Time
	use      *use // nil: given back
}

// Wait returns the next permit. Send a request with it, or Return it.
func (p *Pacer) Wait(ctx context.Context, priority Priority) (*Permit, error) {
	u, err := p.take(ctx, priority, false)
	if err != nil {
		return nil, err
	}
	return &Permit{pacer: p, use: u}, nil
}

// SetDeadline limits Hold. By default only its context does.
func (p *Permit) SetDeadline(t time.Time) { p.deadline = t }

// Hold waits for the permit's moment, and returns until when the request may be
// written. If that time has passed, because the process was paused or slow, the
// slot may be another process's by now. Hold then waits for another permit,
// before all callers who have none.
func (p *Permit) Hold(ctx context.Context) (until time.Time, err error) {
	if !p.deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, p.deadline)
		defer cancel()
	}
	for p.use != nil {
		if err := sleep(ctx, time.Until(p.use.from)); err != nil {
			return time.Time{}, err // Done gives it back
		}
		//guard:true internal/pace.TestMissedPermit: a permit is void after its time
		if time.Now().Before(p.use.until) {
			return p.use.until, nil
		}
		p.Return()
		if p.use, err = p.pacer.take(ctx, First, true); err != nil {
			return time.Time{}, err
		}
	}
	return time.Time{}, errReturned
}

var errReturned = errors.New("the permit was given back")

// Return gives back a permit that is not used. It goes to the next caller.
func (p *Permit) Return() { p.Done(time.Time{}, 0) }

// Written says that a part of the request was written, at this moment at the
// latest. It has no effect after Done: the answer may be quicker.
func (p *Permit) Written(at time.Time) {
	p.pacer.mu.Lock()
	defer p.pacer.mu.Unlock()
	if p.use == nil {
		return
	}
	if p.use.written.IsZero() {
		p.pacer.report(p.use)
	}
	p.use.written = at
}

// Done says when the answer came and its status, or zeros without an answer.
// If nothing was written, the permit is given back.
func (p *Permit) Done(answered time.Time, status int) {
	p.pacer.mu.Lock()
	defer p.pacer.mu.Unlock()
	u := p.use
	if u == nil {
		return
	}
	p.use = nil
	if u.written.IsZero() {
		p.pacer.give(u)
		return
	}
	u.done = true
	if !answered.IsZero() {
		u.answered, u.refused = answered, status == http.StatusTooManyRequests
		p.pacer.lateness.observe(answered, answered.Sub(u.written))
		p.pacer.answered = append(p.pacer.answered, u)
		p.pacer.signal()
	}
}

// take waits for the use of a slot. again puts the caller before all others.
func (p *Pacer) take(ctx context.Context, priority Priority, again bool) (*use, error) {
	given := make(chan *use, 1)
	p.mu.Lock()
	if callers := &p.waiting[priority]; again {
		*callers = slices.Insert(*callers, 0, given)
	} else {
		*callers = append(*callers, given)
	}
	p.mu.Unlock()
	p.signal()
	select {
	case u := <-given:
		return u, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := slices.Index(p.waiting[priority], given); at >= 0 {
		p.waiting[priority] = slices.Delete(p.waiting[priority], at, at+1)
	} else {
		p.give(<-given)
	}
	return nil, fmt.Errorf("wait for a permit: %w", ctx.Err())
}

// report has a use reported once its end is known. The caller holds the lock.
func (p *Pacer) report(u *use) {
	p.uses = append(p.uses, u)
	p.signal()
}

// signal wakes Run.
func (p *Pacer) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
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
