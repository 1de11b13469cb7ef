//go:build unix

package embedded

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

type (
	processSignal = syscall.Signal
	credential    = syscall.Credential
)

const (
	quit = syscall.SIGQUIT
	kill = syscall.SIGKILL
)

// send signals a process, or with a negative id a group of them.
func send(pid int, s processSignal) error { return syscall.Kill(pid, s) }

// detach gives the command a process group of its own, and another user if as is
// one.
func detach(cmd *exec.Cmd, as *credential) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: as}
}

// giveToUser gives the folder and everything in it to the user that the server
// runs as. The watchdog, which runs as the same user, can then remove it.
func (h folder) giveToUser() error {
	if h.as == nil {
		return nil
	}
	err := filepath.WalkDir(h.dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(h.as.Uid), int(h.as.Gid))
	})
	if err != nil {
		return fmt.Errorf("give a private server's folder to its user: %w", err)
	}
	return nil
}

// serverUser is the user that private servers run as; nil: ours.
func serverUser() (*credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	return otherUser("postgres", "nobody")
}

// otherUser is the user that root starts servers as: the first of the names in
// the user database, where initdb looks itself up.
func otherUser(names ...string) (*credential, error) {
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if uidErr == nil && gidErr == nil {
			return &credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, fmt.Errorf("root may not run a private server, and none of the users %v exists", names)
}
