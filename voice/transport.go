package voice

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// newTransport is the package's own: HTTP/1.1 only, because HTTP/2 resends
// requests by itself, over connections that know what was written to them.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    5 * time.Second,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    32,
		IdleConnTimeout:        15 * time.Second, // with the wait for a permit still below what servers allow: a connection that they close under a POST costs an unknown outcome
		MaxResponseHeaderBytes: 64 << 10,
		Protocols:              new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	//guard:value(t.Protocols.SetHTTP2(true)) voice.TestOwnTransportSpeaksHTTP1: the transport speaks HTTP/1.1 only
	t.Protocols.SetHTTP2(false)
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &countedConn{Conn: conn}, nil
	}
	return t
}

// countedConn knows what was written to it.
type countedConn struct {
	net.Conn
	mu      sync.Mutex
	written int64
	writing int // writes under way, of which it is not known yet what left
	sealed  bool
	until   time.Time       // when the next request must have been begun; see allow
	passed  bool            // it was not
	wrote   func(time.Time) // is told of each write of a request
}

var errSealed = errors.New("connection was given up")

func (c *countedConn) Write(b []byte) (int, error) {
	wrote, err := c.beginWrite()
	if err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(b)
	if wrote != nil && n > 0 {
		wrote(time.Now())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing--
	c.written += int64(n)
	return n, err
}

func (c *countedConn) count() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.written
}

// seal forbids any further write and reports whether anything was, or may
// have been, written since the count was before. After it, a request that
// nothing was written of cannot leave any more.
func (c *countedConn) seal(before int64) (written bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	//guard:value(false) voice.TestLeavingConnectionIsSealed: a connection that was given up takes no more bytes
	c.sealed = true
	return c.writing > 0 || c.written != before
}

// watcher finds out whether any byte of one request was written.
type watcher struct {
	// faithful: the transport is net/http's, so a request that got no
	// connection was not written. Of any other transport nothing is assumed.
	faithful bool
	permit   Permit
	late     bool // the permit is held once there is a connection

	mu      sync.Mutex
	sent    bool // on a connection that does not count
	asked   bool // for a connection
	marks   []mark
	refused bool      // there was no permit
	written time.Time // when the last part of the request was
}

// mark is a counted connection, and its count when the request got it.
type mark struct {
	conn   *countedConn
	before int64
}

func watch(rt http.RoundTripper, permit Permit, late bool) *watcher {
	_, faithful := rt.(*http.Transport)
	return &watcher{faithful: faithful, permit: permit, late: late}
}

func (w *watcher) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { w.note(nil, false) },
		GotConn: func(info httptrace.GotConnInfo) {
			conn := innermost(info.Conn)
			w.note(conn, true)
			w.hold(ctx, conn)
		},
	})
}

func (w *watcher) note(conn *countedConn, got bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = true
	switch {
	case conn != nil:
		w.marks = append(w.marks, mark{conn, conn.count()})
	case got:
		w.sent = true
	}
}

// innermost finds the counted connection under TLS, or nil.
func innermost(conn net.Conn) *countedConn {
	for conn != nil {
		if counted, ok := conn.(*countedConn); ok {
			return counted
		}
		wrapped, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		conn = wrapped.NetConn()
	}
	return nil
}

// verdict is asked once the exchange has failed without a response. It seals
// the connections, so that what was not sent yet will not be.
func (w *watcher) verdict() Verdict {
	w.mu.Lock()
	defer w.mu.Unlock()
	written := w.sent || !w.faithful && !w.asked
	for _, m := range w.marks {
		if m.conn.seal(m.before) {
			written = true
		}
	}
	if written {
		return VerdictUnknown
	}
	return VerdictRefused
}
