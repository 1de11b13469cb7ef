package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// groupScript ends every process of the group if this program dies, by whatever
// signal. They are in the script's process group, and its standard input is a
// pipe whose other end only this program holds. (Pdeathsig exists only on Linux, and
// depends on the thread that started the child.) $1 is the folder to remove.
const groupScript = `read -r _; rm -rf "$1"; kill -KILL 0`

// Group is the process group of everything that this program starts.
type Group struct {
	cmd  *exec.Cmd
	pipe io.Closer
}

// NewGroup starts a group. The folder is removed if this program dies.
func NewGroup(dir string) (*Group, error) {
	cmd := exec.Command("/bin/sh", "-c", groupScript, "group", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("make the group's pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the process group: %w", err)
	}
	return &Group{cmd, pipe}, nil
}

// Join puts a command, before it is started, into the group.
func (g *Group) Join(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: g.cmd.Process.Pid}
}

// End kills the rest of the group, and leaves the folder.
func (g *Group) End() error {
	err := syscall.Kill(-g.cmd.Process.Pid, syscall.SIGKILL)
	_ = g.cmd.Wait() // it was killed, and says so
	_ = g.pipe.Close()
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// Build builds the named programs into a folder. tags may be empty.
func Build(ctx context.Context, dir, tags string, programs ...string) error {
	args := []string{"build", "-tags", tags, "-o", dir + "/"}
	for _, p := range programs {
		args = append(args, "dialer/cmd/"+p)
	}
	if out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w: %s", programs, err, out)
	}
	return nil
}
