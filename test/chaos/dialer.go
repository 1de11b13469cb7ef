package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"
)

// dialer is one place for a `dialer run`, which is taken again and again.
type dialer struct {
	name    string
	program string
	env     []string
	listen  string
	log     string // the file that all its lives are logged to
	guard   *guard

	mu       sync.Mutex
	process  *os.Process // nil while there is none to be harmed
	since    time.Time   // it serves, zero: not yet
	paused   bool
	killed   bool // the present life
	stopping bool
}

// life is how a process ended.
type life struct {
	killed bool
	state  *os.ProcessState
}

var errStopping = errors.New("no more lives")

// live starts the process, with more in its environment if that is given, and
// returns when it has ended.
func (d *dialer) live(extra ...string) (life, error) {
	log, err := os.OpenFile(d.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return life{}, err
	}
	defer log.Close()
	cmd := exec.Command(d.program, "run")
	cmd.Env, cmd.Stdout, cmd.Stderr = slices.Concat(d.env, extra), log, log
	d.guard.join(cmd)
	if err := d.start(cmd); err != nil {
		return life{}, err
	}
	gone := make(chan struct{})
	go d.await(cmd.Process, gone)
	_ = cmd.Wait() // the state says more
	close(gone)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.process = nil
	return life{d.killed, cmd.ProcessState}, nil
}

func (d *dialer) start(cmd *exec.Cmd) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopping {
		return errStopping
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", d.name, err)
	}
	d.process, d.since, d.killed = cmd.Process, time.Time{}, false
	return nil
}

// await notes when the process serves.
func (d *dialer) await(process *os.Process, gone <-chan struct{}) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if conn, err := net.Dial("tcp", d.listen); err == nil {
			_ = conn.Close() // nothing was said
			break
		}
		select {
		case <-gone:
			return
		case <-tick.C:
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.process == process {
		d.since = time.Now()
	}
}

// served is how long the process serves that may be harmed; below 0: there is
// none.
func (d *dialer) served() time.Duration {
	if d.process == nil || d.paused || d.since.IsZero() {
		return -1
	}
	return time.Since(d.since)
}

// kill kills the process with -9 if it has served for so long at least, and
// says how long it did.
func (d *dialer) kill(least time.Duration) (served time.Duration, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	served = d.served()
	if served < least || d.process.Signal(syscall.SIGKILL) != nil {
		return 0, false
	}
	d.process, d.killed = nil, true
	return served, true
}

// pause stops the process, if there is one, until the function that it returns
// is called.
func (d *dialer) pause() (resume func(), ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	process := d.process
	if d.served() < 0 || process.Signal(syscall.SIGSTOP) != nil {
		return nil, false
	}
	d.paused = true
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.paused = false
		_ = process.Signal(syscall.SIGCONT) // it may have been ended meanwhile
	}, true
}

// stop asks the process to end in good order, and lets no other begin.
func (d *dialer) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopping = true
	if d.process != nil {
		_ = d.process.Signal(syscall.SIGTERM) // it may have ended by itself
	}
}

// destroy kills whatever process there is.
func (d *dialer) destroy() (was bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.process == nil || d.process.Signal(syscall.SIGKILL) != nil {
		return false
	}
	d.killed = true
	return true
}

func (d *dialer) isPaused() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.paused
}
