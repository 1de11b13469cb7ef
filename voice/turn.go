package voice

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Turn is the right to send one request at one moment, by whoever keeps to the
// provider's limits.
type Turn interface {
	// Hold waits for the moment and returns until when the request may be
	// written. It is called once all that can be prepared is, where that can be
	// told with the connection in hand. An error means that nothing is sent.
	Hold(ctx context.Context) (until time.Time, err error)
	// Written is called when a part of the request was handed to the network,
	// or may have been, at this moment at the latest.
	Written(at time.Time)
	// Done is called once, last: with the moment at which the response's
	// header came and its status, or with zeros when none did.
	Done(answered time.Time, status int)
}

// ErrMissed: the moment of the request's turn had passed before anything was
// written, so nothing was sent.
var ErrMissed = errors.New("the moment to send had passed")

// freeTurn is the turn of a request that nobody paces.
type freeTurn struct{}

func (freeTurn) Hold(context.Context) (until time.Time, err error) { return time.Time{}, nil }
func (freeTurn) Written(time.Time)                                 {}
func (freeTurn) Done(time.Time, int)                               {}

// send makes the request in its turn. Of this package's own transport it can
// be told when a connection is in hand, and the turn is held then, so that
// nothing but the write comes after it. It also returns when the request was
// written.
func (c *Client) send(req *http.Request, op string, turn Turn) (res *http.Response, written time.Time, failed *Error) {
	ctx := req.Context()
	w := watch(c.transport, turn, c.own)
	if !c.own {
		if _, err := turn.Hold(ctx); err != nil {
			turn.Done(time.Time{}, 0)
			return nil, written, unsent(op, ErrMissed)
		}
		w.wrote(time.Now())
	}
	begun := time.Now()
	res, err := c.transport.RoundTrip(req.WithContext(w.trace(ctx)))
	if err != nil {
		e := &Error{Op: op, Verdict: w.verdict(), Err: quiet(err)}
		if w.missed() {
			e.Err = ErrMissed
		}
		if c.own && e.Verdict != VerdictRefused {
			w.wrote(time.Now())
		}
		turn.Done(time.Time{}, 0)
		c.observe(op, 0, time.Since(begun))
		return nil, written, e
	}
	answered := time.Now()
	if written = w.lastWrite(); written.IsZero() { // the answer was quicker than the goroutine that wrote
		written = w.wrote(answered)
	}
	c.noteSkew(res.Header, answered.Sub(written))
	turn.Done(answered, res.StatusCode)
	return res, written, nil
}

// hold waits for the turn; a connection that it was not given on is sealed by
// its next write.
func (w *watcher) hold(ctx context.Context, conn *countedConn) {
	if !w.late || conn == nil {
		return
	}
	until, err := w.turn.Hold(ctx)
	if err != nil {
		until = time.Unix(0, 0)
		w.mu.Lock()
		w.refused = true
		w.mu.Unlock()
	}
	conn.allow(until, func(at time.Time) { w.wrote(at) })
}

// wrote tells the turn that a part of the request was handed on.
func (w *watcher) wrote(at time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.written = at
	w.turn.Written(at)
	return at
}

func (w *watcher) lastWrite() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.written
}

// missed reports whether nothing was written because the moment had passed.
func (w *watcher) missed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.marks {
		if m.conn.late() {
			return true
		}
	}
	return w.refused
}

// allow lets the next request be begun until then, and not later: a process
// that was stopped in between must not write it when it goes on. Zero is no
// limit. Until the next allow, wrote is told of each write.
func (c *countedConn) allow(until time.Time, wrote func(time.Time)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until, c.wrote = until, wrote
}

func (c *countedConn) late() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.passed
}

// beginWrite says whether a write may be made, and forgets the limit: what was
// begun is ended.
func (c *countedConn) beginWrite() (wrote func(time.Time), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.until.IsZero() && time.Now().After(c.until) {
		c.sealed, c.passed = true, true
	}
	if c.sealed {
		return nil, errSealed
	}
	c.until = time.Time{}
	c.writing++
	return c.wrote, nil
}
