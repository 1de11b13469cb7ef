package jobs

import (
	"io"
	"net"
	"net/url"
	"os"
	"sync"
	"testing"

	"dialer/internal/embedded"
)

// privateRedis starts a Redis for this test alone, so that the test may flush it and
// nobody else does.
func privateRedis(t testing.TB) string {
	t.Helper()
	server, err := embedded.Redis(t.Context(), embedded.Options{Getenv: func(key string) string {
		if key == "REDIS_URL" {
			return ""
		}
		return os.Getenv(key)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.URL
}

// openTestQueue opens a queue on a Redis.
func openTestQueue(t *testing.T, url string) *queue {
	t.Helper()
	q, err := openQueue(url, "here", 8)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.close() })
	return q
}

// cable is a connection to a server that can be cut and repaired.
type cable struct {
	URL      string
	to       string
	listener net.Listener

	mu      sync.Mutex
	cut     bool
	conns   map[net.Conn]bool
	refused int
}

func newCable(t *testing.T, server string) *cable {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{to: u.Host, listener: l, conns: map[net.Conn]bool{}}
	u.Host = l.Addr().String()
	c.URL = u.String()
	go c.serve()
	t.Cleanup(func() { _ = l.Close(); c.setCut(true) })
	return c
}

func (c *cable) serve() {
	for {
		near, err := c.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", c.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		if !c.keep(near, far) {
			_, _ = near.Close(), far.Close()
			continue
		}
		go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
		go func() { _, _ = io.Copy(near, far); _ = near.Close() }()
	}
}

// keep reports whether the connections may stay, and remembers them if so.
func (c *cable) keep(conns ...net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		c.refused++
		return false
	}
	for _, conn := range conns {
		c.conns[conn] = true
	}
	return true
}

// refusedCount is how many connections were refused while it was cut.
func (c *cable) refusedCount() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused
}

// setCut(true) cuts all connections and refuses new ones; setCut(false) accepts them
// again.
func (c *cable) setCut(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = cut
	if cut {
		for conn := range c.conns {
			_ = conn.Close()
		}
		clear(c.conns)
	}
}
