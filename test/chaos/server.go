package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"dialer/internal/embedded"
	"dialer/test/fleet"
)

// server is a private Postgres or Redis. One fault at a time happens to it.
type server struct {
	server *embedded.Server
	free   chan struct{} // holds a token while no fault is under way
}

func newServer(s *embedded.Server) *server {
	free := make(chan struct{}, 1)
	free <- struct{}{}
	return &server{server: s, free: free}
}

// exclusively waits until no other fault is under way, and runs one.
func (s *server) exclusively(ctx context.Context, fault func() error) error {
	select {
	case <-s.free:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { s.free <- struct{}{} }()
	return fault()
}

// crash ends the server and starts it again within a second. whileDown may
// change its folder. An interrupted run leaves the server down.
func (s *server) crash(ctx context.Context, r *rand.Rand, whileDown func() error) error {
	if err := s.server.Crash(); err != nil {
		return err
	}
	if err := whileDown(); err != nil {
		return fmt.Errorf("change %s while it is down: %w", s.server.Origin, err)
	}
	if err := fleet.Sleep(ctx, between(r, 0, time.Second)); err != nil {
		return err
	}
	return s.server.Start(ctx)
}
