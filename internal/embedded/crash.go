package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// private is a server of ours: it can be crashed and started again, for tests
// of what depends on it.
type private struct {
	process *process
	serve   func(context.Context) (*process, error) // starts it on what is in its folder
	crash   syscall.Signal
}

func startPrivate(ctx context.Context, serve func(context.Context) (*process, error), crash syscall.Signal) (*private, error) {
	p, err := serve(ctx)
	if err != nil {
		return nil, err
	}
	return &private{process: p, serve: serve, crash: crash}, nil
}

func (p *private) server(url, origin string) *Server {
	return &Server{
		URL: url, Origin: origin, Dir: p.process.home.dir, own: p,
		end: once(func() error { return p.process.end() }),
	}
}

var errNotPrivate = errors.New("the server is not a private one, so it is not ours to crash")

// Crash ends a private server as it would end by itself: Postgres by an
// immediate stop, without a checkpoint, and Redis by kill -9. It returns when
// the server is gone; the folder stays, for Start. Neither may be called while
// the other, or Close, is at work.
func (s *Server) Crash() error {
	if s.own == nil {
		return errNotPrivate
	}
	p := s.own.process
	if err := syscall.Kill(p.home.serverPID(), s.own.crash); err != nil {
		return fmt.Errorf("crash %s: %w", s.Origin, err)
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("crash %s: it lives on", s.Origin)
	}
}

// Start starts a server that was crashed, at the same URL, on what it had
// stored. ctx bounds the start only. A server that does not start again has
// lost its folder too.
func (s *Server) Start(ctx context.Context) error {
	if s.own == nil {
		return errNotPrivate
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	p, err := s.own.serve(ctx)
	if err != nil {
		return fmt.Errorf("start %s again: %w", s.Origin, err)
	}
	s.own.process = p
	return nil
}

// serverPID is what the guard wrote, or a number that no process has.
func (h home) serverPID() int {
	text, err := os.ReadFile(filepath.Join(h.dir, "pid"))
	if err != nil {
		return noPID
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 1 {
		return noPID
	}
	return pid
}

// noPID is above the highest that a kernel gives. 0 would stand for our group.
const noPID = 1<<31 - 1
