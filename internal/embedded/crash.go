package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// private is a server that we started. Tests can crash it and start it again.
type private struct {
	process *process
	serve   func(context.Context) (*process, error) // starts it on the data in its folder
	crash   processSignal
}

func startPrivate(ctx context.Context, serve func(context.Context) (*process, error), crash processSignal) (*private, error) {
	p, err := serve(ctx)
	if err != nil {
		return nil, err
	}
	return &private{process: p, serve: serve, crash: crash}, nil
}

func (p *private) server(url, origin string) *Server {
	return &Server{
		URL: url, Origin: origin, Dir: p.process.folder.dir, own: p,
		end: once(func() error { return p.process.end() }),
	}
}

var errNotPrivate = errors.New("only a private server can be crashed")

// Crash ends a private server without a clean stop: Postgres by an immediate
// stop without a checkpoint, Redis by kill -9. It returns when the server is
// gone. The folder stays, for Start. Crash, Start and Close must not run at the
// same time.
func (s *Server) Crash() error {
	if s.own == nil {
		return errNotPrivate
	}
	p := s.own.process
	if err := send(p.folder.serverPID(), s.own.crash); err != nil {
		return fmt.Errorf("crash %s: %w", s.Origin, err)
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("crash %s: it still runs", s.Origin)
	}
}

// Start starts a crashed server again, at the same URL and with its stored data. ctx
// bounds the start only. If that fails, the folder is gone too.
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

// serverPID is the process id that the watchdog wrote, or noProcess.
func (h folder) serverPID() int {
	text, err := os.ReadFile(filepath.Join(h.dir, "pid"))
	if err != nil {
		return noProcess
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 1 {
		return noProcess
	}
	return pid
}

// noProcess is above the highest process id. (0 would be our own group.)
const noProcess = 1<<31 - 1
