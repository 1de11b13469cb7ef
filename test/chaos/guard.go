package main

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// guardScript ends every dialer if this program dies, by whatever signal: the
// dialers are in the guard's process group, and its standard input is a pipe
// whose other end only this program holds. (Pdeathsig is Linux's alone, and is
// about the thread that started the child.) $1 is the folder to remove.
const guardScript = `read -r _; rm -rf "$1"; kill -KILL 0`

// guard is the process group of all dialers.
type guard struct {
	cmd   *exec.Cmd
	leash io.Closer
}

func newGuard(dir string) (*guard, error) {
	cmd := exec.Command("/bin/sh", "-c", guardScript, "guard", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	leash, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("make the guard's pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the guard: %w", err)
	}
	return &guard{cmd: cmd, leash: leash}, nil
}

// join puts a command, before it is started, under the guard.
func (g *guard) join(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: g.cmd.Process.Pid}
}

// end kills whatever is left of the group, and leaves the folder.
func (g *guard) end() error {
	err := syscall.Kill(-g.cmd.Process.Pid, syscall.SIGKILL)
	_ = g.cmd.Wait() // it was killed, and says so
	_ = g.leash.Close()
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}
