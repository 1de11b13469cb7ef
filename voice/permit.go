package voice

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Permit is the right to send one request at one moment. The caller gives
// permits so that the account's limits are kept; package internal/pace does.
type Permit interface {
	// Hold waits for the moment and returns until when the request may be
	// written. It is called when everything else is ready. With this package's
	// own transport that includes the connection. After an error nothing is
	// sent.
	Hold(ctx context.Context) (until time.Time, err error)
	// Written is called when a part of the request was written to the
	// connection, or may have been, no later than at.
	Written(at time.Time)
	// Done is called once, last. It says when the response's header came and
	// with what status, or zeros without a response.
	Done(answered time.Time, status int)
}

// ErrMissed: the permit's time had passed before anything was written, so
// nothing was sent.
var ErrMissed = errors.New("the moment to send had passed")

// unpaced is the permit of a request without a limit.
type unpaced struct{}

func (unpaced) Hold(context.Context) (until time.Time, err error) { return time.Time{}, nil }
func (unpaced) Written(time.Time)                                 {}
func (unpaced) Done(time.Time, int)                               {}

// send makes the request with its permit. With this package's own transport the
// permit is held once there is a connection, so that only the write comes after
// it. It also returns when the request was written.
func (c *Client) send(req *http.Request, op string, permit Permit) (res *http.Response, written time.Time, failed *Error) {
	ctx := req.Context()
	w := watch(c.transport, permit, c.own)
	if !c.own {
		if _, err := permit.Hold(ctx); err != nil {
			permit.Done(time.Time{}, 0)
			return nil, written, unsent(op, ErrMissed)
		}
		w.wrote(time.Now())
	}
	begun := time.Now()
	//guard:value((&http.Client{Transport: c.transport}).Do(req.WithContext(w.trace(ctx)))) voice.TestRedirectIsNotFollowed: redirects are not followed
	res, err := c.transport.RoundTrip(req.WithContext(w.trace(ctx)))
	if err != nil {
		e := &Error{Op: op, Verdict: w.verdict(), Err: quiet(err)}
		if w.missed() {
			e.Err = ErrMissed
		}
		if c.own && e.Verdict != VerdictRefused {
			w.wrote(time.Now())
		}
		permit.Done(time.Time{}, 0)
		c.observe(op, 0, time.Since(begun))
		return nil, written, e
	}
	answered := time.Now()
	if written = w.lastWrite(); written.IsZero() { // the answer was quicker than the goroutine that wrote
		written = w.wrote(answered)
	}
	c.noteSkew(res.Header, answered.Sub(written))
	permit.Done(answered, res.StatusCode)
	return res, written, nil
}

// hold waits for the permit. Without one, the next write seals the connection.
func (w *watcher) hold(ctx context.Context, conn *countedConn) {
	if !w.late || conn == nil {
		return
	}
	until, err := w.permit.Hold(ctx)
	if err != nil {
		until = time.Unix(0, 0)
		w.mu.Lock()
		w.refused = true
		w.mu.Unlock()
	}
	conn.allow(until, func(at time.Time) { w.wrote(at) })
}

// wrote tells the permit that a part of the request was written.
func (w *watcher) wrote(at time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.written = at
	w.permit.Written(at)
	return at
}

func (w *watcher) lastWrite() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.written
}

// missed reports whether nothing was written because the permit's time had
// passed.
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

// allow lets the next request begin up to until. The write itself checks it,
// because the process may be paused at any point before. Zero means no limit.
// wrote is called after each write, up to the next allow.
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

// beginWrite says whether a write may be made. The limit holds for the first
// write only, so that a request that has begun is written to its end.
func (c *countedConn) beginWrite() (wrote func(time.Time), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	//guard:false voice.TestLatePermitWritesNothing: nothing is written after the permit's time
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
