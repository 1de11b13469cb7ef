package voice

import (
	"errors"
	"net"
	"sync"
	"time"
)

// countedConn counts what was written to it. It can be sealed, after which it
// writes nothing.
type countedConn struct {
	net.Conn
	mu      sync.Mutex
	written int64           // bytes
	writing int             // writes in progress, whose result is not known yet
	sealed  bool            // see seal
	until   time.Time       // when the next request may start at the latest; see allow
	missed  bool            // the next request did not start in time
	onWrite func(time.Time) // see allow
}

var errSealed = errors.New("connection was given up")

// counted finds the countedConn under TLS, or returns nil.
func counted(conn net.Conn) *countedConn {
	for conn != nil {
		if c, ok := conn.(*countedConn); ok {
			return c
		}
		wrapped, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		conn = wrapped.NetConn()
	}
	return nil
}

// allow lets the next request start until the time given; zero is no limit. The
// write itself checks it, because the process may be paused at any moment before.
// onWrite is called after each write, until the next allow.
func (c *countedConn) allow(until time.Time, onWrite func(time.Time)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until, c.onWrite = until, onWrite
}

// Write writes unless the connection is sealed or the request starts too late.
func (c *countedConn) Write(b []byte) (int, error) {
	onWrite, err := c.beginWrite()
	if err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(b)
	if onWrite != nil && n > 0 {
		onWrite(time.Now())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writing--
	c.written += int64(n)
	return n, err
}

// beginWrite checks whether a write is allowed. The limit is for the first write
// only, so that a request that has started is written to its end.
func (c *countedConn) beginWrite() (onWrite func(time.Time), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	//guard:false voice.TestLatePermitWritesNothing: nothing is written after the permit's time
	if !c.until.IsZero() && time.Now().After(c.until) {
		c.sealed, c.missed = true, true
	}
	if c.sealed {
		return nil, errSealed
	}
	c.until = time.Time{}
	c.writing++
	return c.onWrite, nil
}

// seal stops all later writes. It reports whether anything was or may have been
// written since the count was before.
func (c *countedConn) seal(before int64) (written bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	//guard:value(false) voice.TestLeavingConnectionIsSealed: a connection that was given up takes no more bytes
	c.sealed = true
	return c.writing > 0 || c.written != before
}

func (c *countedConn) count() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.written
}

// tooLate reports whether a request did not start in time.
func (c *countedConn) tooLate() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.missed
}
