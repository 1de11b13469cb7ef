package voice

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// watcher finds out whether any byte of one request was written, and reports it to the
// request's permit.
type watcher struct {
	// standard: the transport is net/http's, so a request without a connection was not
	// written. Nothing is known about other transports.
	standard bool
	permit   Permit
	own      bool // the permit is held when there is a connection

	mu        sync.Mutex
	asked     bool      // for a connection
	uncounted bool      // it got a connection that does not count bytes
	conns     []connUse // that the request got
	refused   bool      // there was no permit
	written   time.Time // of the last part of the request
}

// connUse is a connection and its byte count when the request got it.
type connUse struct {
	conn   *countedConn
	before int64
}

func watch(rt http.RoundTripper, permit Permit, own bool) *watcher {
	_, standard := rt.(*http.Transport)
	return &watcher{standard: standard, permit: permit, own: own}
}

// trace makes the transport report the request's connections.
func (w *watcher) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { w.noteAsked() },
		GotConn: func(info httptrace.GotConnInfo) {
			conn := counted(info.Conn)
			w.noteConn(conn)
			if w.own && conn != nil {
				w.hold(ctx, conn)
			}
		},
	})
}

func (w *watcher) noteAsked() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = true
}

func (w *watcher) noteConn(conn *countedConn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = true
	if conn == nil {
		w.uncounted = true
		return
	}
	w.conns = append(w.conns, connUse{conn, conn.count()})
}

// hold waits for the permit. Without one, the next write seals the connection.
func (w *watcher) hold(ctx context.Context, conn *countedConn) {
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
func (w *watcher) wrote(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.written = at
	w.permit.Written(at)
}

func (w *watcher) lastWrite() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.written
}

// verdict judges a request that failed without a response. It seals the connections, so
// that nothing more is written.
func (w *watcher) verdict() Verdict {
	w.mu.Lock()
	defer w.mu.Unlock()
	written := w.uncounted || !w.standard && !w.asked
	for _, u := range w.conns {
		if u.conn.seal(u.before) {
			written = true
		}
	}
	if written {
		return VerdictUnknown
	}
	return VerdictRefused
}

// missed reports whether nothing was written because the permit's time had passed.
func (w *watcher) missed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, u := range w.conns {
		if u.conn.tooLate() {
			return true
		}
	}
	return w.refused
}
