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

// longestHome keeps the sockets in a home within the 104 bytes that macOS
// gives a socket's path.
const longestHome = 80

// home is a private server's folder: its data, its socket and its log. Only
// the server's user can enter it, which is what makes trusting every
// connection on its socket safe.
type home struct {
	dir string
	// as is the user to run the server as, nil for our own. Postgres refuses
	// to be root.
	as *syscall.Credential
}

func (m machine) newHome(name string) (home, error) {
	var as *syscall.Credential
	if os.Geteuid() == 0 {
		var err error
		if as, err = otherUser("postgres", "nobody"); err != nil {
			return home{}, err
		}
	}
	dir, err := os.MkdirTemp(m.tempDir(as != nil), "dialer-"+name+"-")
	if err != nil {
		return home{}, fmt.Errorf("make a folder for a private %s: %w", name, err)
	}
	h := home{dir: dir, as: as}
	if err := h.giveAway(); err != nil {
		return home{}, errors.Join(err, h.remove())
	}
	return h, nil
}

// giveAway makes the home and all in it the property of the user that the
// server runs as, and that removes it if we cannot.
func (h home) giveAway() error {
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

func (h home) remove() error {
	if err := os.RemoveAll(h.dir); err != nil {
		return fmt.Errorf("remove a private server's folder: %w", err)
	}
	return nil
}

// tempDir is TMPDIR where it serves: macOS has long ones, and root's may be
// closed to the user that the server runs as.
func (m machine) tempDir(otherUser bool) string {
	dir := cmp.Or(m.getenv("TMPDIR"), "/tmp")
	if len(dir) > longestHome-len("/dialer-postgres-1234567890") || otherUser && !openToAll(dir) {
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

// otherUser finds whom root starts servers as: the first of names that the
// user database has, because initdb looks itself up there.
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
