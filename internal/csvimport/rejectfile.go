package csvimport

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// RejectFile is the file for the rejected rows of one import.
//
// The rows go to a temporary file without a name, which Keep copies to the path
// once the import is done. So an import that fails or is killed leaves nothing
// behind, and the file of the import before it stays as it was.
type RejectFile struct {
	path   string
	direct bool     // path is a device or a pipe, which is written directly
	file   *os.File // nil before the first rejected row
}

// RejectsPath is where the rejected rows of a CSV go by default: people.csv has
// people.rejects.csv.
func RejectsPath(csv string) string {
	if ext := filepath.Ext(csv); strings.EqualFold(ext, ".csv") {
		csv = strings.TrimSuffix(csv, ext)
	}
	return csv + ".rejects.csv"
}

// NewRejectFile checks that a file can be created at path, or replaced there. It does not
// create the file yet. csv is the imported file, which must not be overwritten.
func NewRejectFile(path, csv string) (*RejectFile, error) {
	if folder, err := os.Stat(filepath.Dir(path)); err != nil || !folder.IsDir() {
		return nil, fmt.Errorf("there is no folder %s", filepath.Dir(path))
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return &RejectFile{path: path}, nil
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a folder", path)
	}
	if input, err := os.Stat(csv); err == nil && os.SameFile(info, input) {
		return nil, errors.New("it would overwrite the CSV itself")
	}
	return &RejectFile{path: path, direct: !info.Mode().IsRegular()}, nil
}

// Write creates the file at the first rejected row: without one there is no
// file.
func (r *RejectFile) Write(b []byte) (int, error) {
	if r.file == nil {
		if err := r.create(); err != nil {
			return 0, err
		}
	}
	return r.file.Write(b)
}

func (r *RejectFile) create() (err error) {
	if r.direct {
		r.file, err = os.OpenFile(r.path, os.O_WRONLY, 0)
		return err
	}
	if r.file, err = r.createTemp(); err != nil {
		return err
	}
	_ = os.Remove(r.file.Name()) // where an open file cannot be removed, Close does it
	return nil
}

func (r *RejectFile) createTemp() (*os.File, error) {
	return os.CreateTemp(filepath.Dir(r.path), "."+filepath.Base(r.path)+".*")
}

// Keep puts the rejected rows at the path. If there are none, an existing file stays.
func (r *RejectFile) Keep() error {
	if r.file == nil || r.direct {
		return nil
	}
	if _, err := r.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	named, err := r.createTemp()
	if err != nil {
		return err
	}
	defer os.Remove(named.Name()) // by then it has its own name, unless something failed
	if _, err := io.Copy(named, r.file); err != nil {
		return errors.Join(err, named.Close())
	}
	if err := errors.Join(named.Sync(), named.Close()); err != nil {
		return err
	}
	return os.Rename(named.Name(), r.path)
}

// Close drops what Keep did not keep.
func (r *RejectFile) Close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	if !r.direct {
		_ = os.Remove(r.file.Name()) // see create
	}
	return err
}
