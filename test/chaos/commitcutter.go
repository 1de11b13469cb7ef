package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"sync"
)

// commitCutter is a proxy between the dialers and Postgres. On request it
// forwards the next commit and drops the connection instead of the reply: the
// client cannot know whether it committed.
type commitCutter struct {
	listener net.Listener
	upstream string // the server's socket
	links    sync.WaitGroup

	mu    sync.Mutex
	due   int            // commits that are to be cut
	cuts  map[string]int // by the beginning of the statement
	conns map[net.Conn]bool
}

// newCommitCutter listens on a free port and serves until close.
func newCommitCutter(upstream string) (*commitCutter, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen in front of Postgres: %w", err)
	}
	c := &commitCutter{listener: listener, upstream: upstream, cuts: map[string]int{}, conns: map[net.Conn]bool{}}
	c.links.Go(c.serve)
	return c, nil
}

func (c *commitCutter) address() string { return c.listener.Addr().String() }

// cutNext makes one more commit lose its reply.
func (c *commitCutter) cutNext() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.due++
}

// counts is how many commits were cut, by the beginning of the statement.
func (c *commitCutter) counts() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.cuts)
}

func (c *commitCutter) close() error {
	err := c.listener.Close()
	c.mu.Lock()
	for conn := range c.conns {
		_ = conn.Close() // a second close says that it was closed
	}
	c.conns = nil
	c.mu.Unlock()
	c.links.Wait()
	return err
}

func (c *commitCutter) serve() {
	for {
		client, err := c.listener.Accept()
		if err != nil {
			return // closed
		}
		c.links.Go(func() { c.connect(client) })
	}
}

// connect links a client with the server until one of them closes.
func (c *commitCutter) connect(client net.Conn) {
	defer c.closeConn(client)
	if !c.track(client) {
		return
	}
	var d net.Dialer
	server, err := d.DialContext(context.Background(), "unix", c.upstream)
	if err != nil {
		return // the server is down, and the client sees that
	}
	defer c.closeConn(server)
	if !c.track(server) {
		return
	}
	l := &link{cutter: c, client: client, server: server}
	var replies sync.WaitGroup
	replies.Go(l.replies)
	l.requests()
	_ = server.Close()
	replies.Wait()
}

func (c *commitCutter) track(conn net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conns == nil {
		return false
	}
	c.conns[conn] = true
	return true
}

func (c *commitCutter) closeConn(conn net.Conn) {
	_ = conn.Close() // closed before, or now
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.conns, conn)
}

// take reports whether to cut this commit.
func (c *commitCutter) take() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.due == 0 {
		return false
	}
	c.due--
	return true
}

// count notes a cut, or that it failed and is still due.
func (c *commitCutter) count(statement string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.due++
		return
	}
	c.cuts[statement]++
}

// link is one client's connection.
type link struct {
	cutter         *commitCutter
	client, server net.Conn

	mu   sync.Mutex // held while a commit that is to be cut is forwarded
	mute bool       // no more replies are forwarded
}

func (l *link) requests() {
	for f := newFrontend(l.client); ; {
		m, err := f.next()
		if err == nil {
			err = l.forward(m)
		}
		if err != nil {
			return
		}
	}
}

var errCut = errors.New("cut")

// forward sends a message to the server. A commit to be cut is sent too, and the
// connection is dropped after its reply arrived, so that it is committed if possible.
func (l *link) forward(m message) error {
	if m.commits == "" || !l.cutter.take() {
		_, err := l.server.Write(m.raw)
		return err
	}
	l.mu.Lock()
	_, err := l.server.Write(m.raw)
	l.mute = err == nil
	l.mu.Unlock()
	l.cutter.count(m.commits, err)
	return err
}

// replies copies the server's replies, until the link is mute.
func (l *link) replies() {
	defer l.client.Close()
	buffer := make([]byte, 16<<10)
	for {
		n, err := l.server.Read(buffer)
		if err == nil {
			err = l.reply(buffer[:n])
		}
		if err != nil {
			return
		}
	}
}

func (l *link) reply(text []byte) error {
	l.mu.Lock()
	mute := l.mute
	l.mu.Unlock()
	if mute {
		return errCut
	}
	if _, err := l.client.Write(text); err != nil {
		return fmt.Errorf("reply: %w", errors.Join(err, io.ErrClosedPipe))
	}
	return nil
}
