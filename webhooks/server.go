package webhooks

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// mostConnections is how many connections a listener has at once. Each costs
// about 20 KB.
const mostConnections = 512

// NewServer bounds what a connection may cost. Vonage's requests are small and
// quick.
func NewServer(addr string, h http.Handler) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      20 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
	}
}

// Bound makes a listener that keeps few connections. A new connection replaces the one
// that has waited longest for bytes from its client: a slow or idle client must not keep
// others out.
func Bound(l net.Listener) net.Listener { return &boundListener{Listener: l, most: mostConnections} }

type boundListener struct {
	net.Listener
	most int

	mu    sync.Mutex
	conns list.List // of *boundConn, the oldest first
}

// Accept closes the oldest connection that waits, if there are too many.
func (l *boundListener) Accept() (net.Conn, error) {
	accepted, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &boundConn{Conn: accepted, listener: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	c.place = l.conns.PushBack(c)
	//guard:false webhooks.TestListenerKeepsFewConnections: a listener keeps few connections
	if l.conns.Len() > l.most {
		l.closeOldest()
	}
	return c, nil
}

// closeOldest closes the oldest connection whose request is not served yet. The newest
// connection is such a one, so there always is one.
func (l *boundListener) closeOldest() {
	for place := l.conns.Front(); place != nil; place = place.Next() {
		//guard:true webhooks.TestListenerKeepsFewConnections: a request that is being served keeps its connection
		if c := place.Value.(*boundConn); !c.serving {
			l.conns.Remove(place)
			c.place = nil
			_ = c.Conn.Close()
			return
		}
	}
}

type boundConn struct {
	net.Conn
	listener *boundListener

	// listener.mu guards these.
	place   *list.Element // nil: it is closed
	serving bool
}

// Close gives the place back.
func (c *boundConn) Close() error {
	c.listener.mu.Lock()
	if c.place != nil {
		c.listener.conns.Remove(c.place)
		c.place = nil
	}
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

type connKey struct{}

// Serving marks the request's connection as waiting for us and not for its client, until
// done is called. Call it only when the client is known to be allowed: strangers'
// connections are closed first.
func Serving(ctx context.Context) (done func()) {
	c, bound := ctx.Value(connKey{}).(*boundConn)
	if !bound {
		return func() {}
	}
	set := func(serving bool) {
		c.listener.mu.Lock()
		defer c.listener.mu.Unlock()
		c.serving = serving
	}
	set(true)
	return func() { set(false) }
}
