package fleet

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

// Dialer runs one `dialer run` process after the other, at one address.
type Dialer struct {
	Name    string
	Program string
	Env     []string
	Listen  string
	Log     string // the file that all its processes log to
	Group   *Group

	mu       sync.Mutex
	process  *os.Process // nil if there is none to signal
	since    time.Time   // when the process began to serve; zero: not yet
	paused   bool
	killed   bool // the present process
	stopping bool
}

// Exit is how a process ended.
type Exit struct {
	Killed bool // by Kill or Destroy
	State  *os.ProcessState
}

// ErrStopping means that the dialer was stopped, so no process starts any more.
var ErrStopping = errors.New("the dialer was stopped")

// Run starts a process, with more in its environment if given, and returns when
// it has ended.
func (d *Dialer) Run(extra ...string) (Exit, error) {
	log, err := os.OpenFile(d.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return Exit{}, err
	}
	defer log.Close()
	cmd := exec.Command(d.Program, "run")
	cmd.Env, cmd.Stdout, cmd.Stderr = slices.Concat(d.Env, extra), log, log
	d.Group.Join(cmd)
	if err := d.start(cmd); err != nil {
		return Exit{}, err
	}
	ended := make(chan struct{})
	go d.awaitServing(cmd.Process, ended)
	_ = cmd.Wait() // the state says more
	close(ended)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.process = nil
	return Exit{d.killed, cmd.ProcessState}, nil
}

// Kill kills the process with -9 if it has served for at least this time. It returns how
// long it served.
func (d *Dialer) Kill(least time.Duration) (served time.Duration, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	served = d.served()
	if served < least || d.process.Signal(syscall.SIGKILL) != nil {
		return 0, false
	}
	d.process, d.killed = nil, true
	return served, true
}

// Pause stops the process, if it serves, until resume is called.
func (d *Dialer) Pause() (resume func(), ok bool) {
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
		_ = process.Signal(syscall.SIGCONT) // it may have ended meanwhile
	}, true
}

// Terminate asks the process to end in good order, if it serves.
func (d *Dialer) Terminate() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.served() >= 0 && d.process.Signal(syscall.SIGTERM) == nil
}

// Stop asks the process to end in good order, and lets no other begin.
func (d *Dialer) Stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopping = true
	if d.process != nil {
		_ = d.process.Signal(syscall.SIGTERM) // it may have ended by itself
	}
}

// Destroy kills the process, if there is one.
func (d *Dialer) Destroy() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.process == nil || d.process.Signal(syscall.SIGKILL) != nil {
		return false
	}
	d.killed = true
	return true
}

// Paused reports whether the process is paused.
func (d *Dialer) Paused() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.paused
}

// Stopping reports whether the dialer was stopped.
func (d *Dialer) Stopping() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stopping
}

func (d *Dialer) start(cmd *exec.Cmd) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopping {
		return ErrStopping
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", d.Name, err)
	}
	d.process, d.since, d.killed = cmd.Process, time.Time{}, false
	return nil
}

// awaitServing notes when the process accepts connections.
func (d *Dialer) awaitServing(process *os.Process, ended <-chan struct{}) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if conn, err := net.Dial("tcp", d.Listen); err == nil {
			_ = conn.Close() // nothing was sent
			break
		}
		select {
		case <-ended:
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

// served is how long the process has served; below 0: it cannot be harmed now.
func (d *Dialer) served() time.Duration {
	if d.process == nil || d.paused || d.since.IsZero() {
		return -1
	}
	return time.Since(d.since)
}
