package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"strings"
	"time"

	"dialer/internal/embedded"
)

// server is a private Postgres or Redis, to which one thing is done at a time.
type server struct {
	server *embedded.Server
	turn   chan struct{} // holds a token while nothing is done to it
}

func newServer(s *embedded.Server) *server {
	turn := make(chan struct{}, 1)
	turn <- struct{}{}
	return &server{server: s, turn: turn}
}

// alone does something while nobody else does anything to the server.
func (s *server) alone(ctx context.Context, do func() error) error {
	select {
	case <-s.turn:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { s.turn <- struct{}{} }()
	return do()
}

// crash ends the server and, after a while, starts it again. Meanwhile
// something may be done to its folder. An interrupted run leaves it down.
func (s *server) crash(ctx context.Context, r *rand.Rand, meanwhile func() error) error {
	if err := s.server.Crash(); err != nil {
		return err
	}
	if err := meanwhile(); err != nil {
		return fmt.Errorf("change %s while it is down: %w", s.server.Origin, err)
	}
	if err := sleep(ctx, between(r, 0, time.Second)); err != nil {
		return err
	}
	return s.server.Start(ctx)
}

// tellRedis gives Redis a command that fits into a line.
func tellRedis(ctx context.Context, address, command string) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("tell Redis to %s: %w", command, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return fmt.Errorf("tell Redis to %s: %w", command, err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := fmt.Fprintf(conn, "%s\r\n", command); err != nil {
		return fmt.Errorf("tell Redis to %s: %w", command, err)
	}
	reply, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return fmt.Errorf("tell Redis to %s: %w", command, err)
	}
	if strings.HasPrefix(reply, "-") {
		return fmt.Errorf("tell Redis to %s: it says %q", command, strings.TrimSpace(reply))
	}
	return nil
}
