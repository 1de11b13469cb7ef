//go:build !unix

package embedded

import (
	"errors"
	"os"
	"os/exec"
)

type (
	processSignal = os.Signal
	credential    struct{}
)

var (
	quit = os.Interrupt
	kill = os.Kill
)

var errNoPrivate = errors.New("private servers need a Unix system: set DATABASE_URL and REDIS_URL, or run this in WSL or Docker")

func send(int, processSignal) error { return errNoPrivate }

func detach(*exec.Cmd, *credential) {}

func (h folder) giveToUser() error { return nil }

// serverUser refuses what a private server needs here: a shell, and signals.
func serverUser() (*credential, error) { return nil, errNoPrivate }
