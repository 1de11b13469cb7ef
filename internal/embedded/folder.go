package embedded

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// longestFolder keeps a socket's path within the 104 bytes that macOS allows.
const longestFolder = 80

// folder is a private server's folder: its data, its socket and its log. Only
// the server's user can enter it, so it is safe to trust every connection on the
// socket.
type folder struct {
	dir string
	// as is the user that the server runs as; nil: ours. Postgres refuses to
	// run as root.
	as *syscall.Credential
}

func (m machine) newFolder(name string) (folder, error) {
	var as *syscall.Credential
	if os.Geteuid() == 0 {
		var err error
		if as, err = otherUser("postgres", "nobody"); err != nil {
			return folder{}, err
		}
	}
	dir, err := os.MkdirTemp(m.tempDir(as != nil), "dialer-"+name+"-")
	if err != nil {
		return folder{}, fmt.Errorf("make a folder for a private %s: %w", name, err)
	}
	h := folder{dir: dir, as: as}
	if err := h.giveToUser(); err != nil {
		return folder{}, errors.Join(err, h.remove())
	}
	return h, nil
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

func (h folder) remove() error {
	if err := os.RemoveAll(h.dir); err != nil {
		return fmt.Errorf("remove a private server's folder: %w", err)
	}
	return nil
}

// tempDir is TMPDIR, or /tmp if that is too long (macOS) or closed to the user
// that the server runs as (root's).
func (m machine) tempDir(otherUser bool) string {
	dir := cmp.Or(m.getenv("TMPDIR"), "/tmp")
	if len(dir) > longestFolder-len("/dialer-postgres-1234567890") || otherUser && !openToAll(dir) {
		return "/tmp"
	}
	return dir
}

// openToAll reports whether every user may pass through dir and its parents.
func openToAll(dir string) bool {
	for {
		info, err := os.Stat(dir)
		if err != nil || info.Mode()&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
		dir = filepath.Dir(dir)
	}
}

// otherUser is the user that root starts servers as: the first of the names in
// the user database, where initdb looks itself up.
func otherUser(names ...string) (*syscall.Credential, error) {
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if uidErr == nil && gidErr == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, fmt.Errorf("root may not run a private server, and none of the users %v exists", names)
}
