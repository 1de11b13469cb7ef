package embedded

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	as *credential
	// kept: the folder and its data stay when the server ends.
	kept bool
	// env are extra variables of this server.
	env []string
}

// postgresFolder is the folder in Options.Data, or a temporary one.
func (m machine) postgresFolder() (folder, error) {
	if m.data == "" {
		return m.newFolder("postgres")
	}
	as, err := serverUser()
	if err != nil {
		return folder{}, err
	}
	h := folder{dir: keptDir(m.data), as: as, kept: true}
	if err := h.mayBeKept(); err != nil {
		return folder{}, err
	}
	if err := os.MkdirAll(filepath.Dir(h.dir), 0o755); err != nil {
		return folder{}, err
	}
	if err := os.Mkdir(h.dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return folder{}, err
	}
	return h, h.giveToUser()
}

// CheckData reports whether a folder cannot be Options.Data. It creates nothing.
func CheckData(data string) error {
	as, err := serverUser()
	if err != nil {
		return err
	}
	return folder{dir: keptDir(data), as: as}.mayBeKept()
}

func (h folder) mayBeKept() error {
	if !filepath.IsAbs(h.dir) || len(h.dir) > longestFolder {
		return fmt.Errorf("%s cannot hold a Postgres: its path must be absolute and have %d bytes at most", h.dir, longestFolder)
	}
	parent := filepath.Dir(h.dir)
	for _, err := os.Stat(parent); errors.Is(err, fs.ErrNotExist); _, err = os.Stat(parent) {
		parent = filepath.Dir(parent)
	}
	if h.as != nil && !openToAll(parent) {
		return fmt.Errorf("%s cannot hold a Postgres: for root it runs as another user, who may not enter %s; take a folder such as /var/lib/dialer", h.dir, parent)
	}
	return nil
}

func keptDir(data string) string { return filepath.Join(data, "postgres") }

// KeptURL is the URL of a database of a private Postgres that keeps its data in
// Options.Data.
func KeptURL(data, database string) string { return socketURL(keptDir(data), database) }

func (m machine) newFolder(name string) (folder, error) {
	as, err := serverUser()
	if err != nil {
		return folder{}, err
	}
	dir, err := os.MkdirTemp(m.tempDir(as != nil), "dialer-"+name+"-")
	if err != nil {
		return folder{}, fmt.Errorf("make a folder for a private %s: %w", name, err)
	}
	h := folder{dir: dir, as: as, env: m.env}
	if err := h.giveToUser(); err != nil {
		return folder{}, errors.Join(err, h.remove())
	}
	return h, nil
}

func (h folder) remove() error {
	if h.kept {
		return nil
	}
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
