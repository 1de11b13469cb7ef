package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// groupScript ends every dialer if this program dies, by whatever signal: they
// are in its process group, and its standard input is a pipe whose other end
// only this program holds. $1 is the folder to remove.
const groupScript = `read -r _; rm -rf "$1"; kill -KILL 0`

// group is the process group of all dialers.
type group struct {
	cmd   *exec.Cmd
	leash io.Closer
}

func newGroup(dir string) (*group, error) {
	cmd := exec.Command("/bin/sh", "-c", groupScript, "group", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	leash, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the process group: %w", err)
	}
	return &group{cmd, leash}, nil
}

// end kills whatever is left of the group.
func (g *group) end() {
	_ = syscall.Kill(-g.cmd.Process.Pid, syscall.SIGKILL) // it may be empty
	_ = g.cmd.Wait()                                      // it was killed, and says so
	_ = g.leash.Close()
}

// fleet is the dialers of one measurement.
type fleet struct {
	group   *group
	program string
	log     string // what all of them say
	redis   string
	envs    [][]string
	running []*exec.Cmd
	harmed  map[string]int
}

func (f *fleet) start() error {
	f.running, f.harmed = make([]*exec.Cmd, len(f.envs)), map[string]int{}
	for i := range f.envs {
		if err := f.startOne(i); err != nil {
			f.stop()
			return err
		}
	}
	return nil
}

func (f *fleet) startOne(i int) error {
	log, err := os.OpenFile(f.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(f.program, "run")
	cmd.Env, cmd.Stdout, cmd.Stderr = f.envs[i], log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: f.group.cmd.Process.Pid}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start a dialer: %w", err)
	}
	f.running[i] = cmd
	return nil
}

// stop kills what runs: what it leaves is measured no more.
func (f *fleet) stop() {
	for i := range f.running {
		f.endOne(i, syscall.SIGKILL)
	}
}

func (f *fleet) endOne(i int, how syscall.Signal) {
	if cmd := f.running[i]; cmd != nil {
		_ = cmd.Process.Signal(how) // it may have ended
		_ = cmd.Wait()              // how it ended is no matter
		f.running[i] = nil
	}
}

// said is the end of what the dialers logged.
func (f *fleet) said() string {
	text, err := os.ReadFile(f.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-2000):])
}

// harm does something bad, and undoes it.
func (f *fleet) harm(ctx context.Context) error {
	victim := rand.IntN(len(f.running))
	what := []string{"killed", "paused", "stopped", "flushed"}[rand.IntN(4)]
	f.harmed[what]++
	switch what {
	case "killed":
		f.endOne(victim, syscall.SIGKILL)
		return f.startOne(victim)
	case "stopped":
		f.endOne(victim, syscall.SIGTERM)
		return f.startOne(victim)
	case "paused":
		process := f.running[victim].Process
		err := process.Signal(syscall.SIGSTOP)
		slept := sleep(ctx, rand.N(3*time.Second))
		return errors.Join(err, slept, process.Signal(syscall.SIGCONT))
	}
	return flush(ctx, f.redis)
}

// flush empties Redis.
func flush(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("flush Redis: %w", err)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return fmt.Errorf("flush Redis: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := fmt.Fprint(conn, "FLUSHALL\r\n"); err != nil {
		return fmt.Errorf("flush Redis: %w", err)
	}
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		return fmt.Errorf("flush Redis: %w", err)
	}
	return nil
}
