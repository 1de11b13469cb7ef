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

// serverUser refuses: a private server needs a shell and signals, which this system does
// not have.
func serverUser() (*credential, error) { return nil, errNoPrivate }
