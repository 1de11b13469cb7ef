package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"dialer/campaign"
	"dialer/internal/cli"
	"dialer/internal/progress"
)

// maxTold is how many refused rows of standard input are shown; there is no
// file beside it into which they could go.
const maxTold = 20

// refused is where refused rows go: a file, or, for standard input without
// --rejects, the terminal.
//
// The file is written under another name first and takes its own at the end,
// so that a run that breaks off leaves the file of the run before it whole. What
// a killed run left under the other name, the next one removes.
type refused struct {
	path   string // "" for the terminal
	out    io.Writer
	file   *os.File // nil before the first refused row
	direct bool     // path is a device or a pipe, and is written as it is
	told   int
}

func newRefused(f flags, stderr io.Writer) (*refused, error) {
	r := &refused{path: rejectsPath(f), out: stderr}
	if r.path == "" {
		return r, nil
	}
	if folder, err := os.Stat(filepath.Dir(r.path)); err != nil || !folder.IsDir() {
		return nil, cli.Mistyped{Err: fmt.Errorf("--rejects: there is no folder %s", filepath.Dir(r.path))}
	}
	info, err := os.Stat(r.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return r, nil
	case err != nil:
		return nil, fmt.Errorf("--rejects: %w", err)
	case info.IsDir():
		return nil, cli.Mistyped{Err: fmt.Errorf("--rejects %s is a folder", r.path)}
	}
	r.direct = !info.Mode().IsRegular()
	if input, err := os.Stat(f.File); err == nil && os.SameFile(info, input) {
		return nil, cli.Mistyped{Err: errors.New("--rejects would overwrite the CSV itself")}
	}
	return r, nil
}

// sweep removes what killed runs left.
func (r *refused) sweep() {
	if r.path != "" && !r.direct {
		sweepUnfinished(r.path)
	}
}

// rejectsPath is beside the CSV: people.rejects.csv for people.csv.
func rejectsPath(f flags) string {
	if f.Rejects != "" || f.File == stdinName {
		return f.Rejects
	}
	name := f.File
	if ext := filepath.Ext(name); strings.EqualFold(ext, ".csv") {
		name = strings.TrimSuffix(name, ext)
	}
	return name + ".rejects.csv"
}

// writer is nil where refused rows are only told.
func (r *refused) writer() io.Writer {
	if r.path == "" {
		return nil
	}
	return r
}

// Write makes the file at the first refused row: no such row, no file.
func (r *refused) Write(b []byte) (int, error) {
	if r.file == nil {
		if err := r.create(); err != nil {
			return 0, err
		}
	}
	return r.file.Write(b)
}

func (r *refused) create() (err error) {
	if r.direct {
		r.file, err = os.OpenFile(r.path, os.O_WRONLY, 0)
		return err
	}
	r.file, err = createUnfinished(r.path)
	return err
}

// tell shows the first refused rows where there is no file for them. The
// record itself is not shown: it holds a number.
func (r *refused) tell(row campaign.RowError) {
	r.told++
	if r.path != "" || r.told > maxTold {
		return
	}
	fmt.Fprintln(r.out, place(row)+": "+row.Reason)
}

// place is where in the file a refused row is.
func place(row campaign.RowError) string {
	if row.Column == "" {
		return fmt.Sprintf("line %d", row.Line)
	}
	return fmt.Sprintf("line %d, %s", row.Line, row.Column)
}

// keep gives the file its name, and says where the refused rows are.
func (r *refused) keep() (where string, err error) {
	switch {
	case r.told == 0:
		return "", nil
	case r.path == "":
		return r.more(), nil
	}
	if err := r.finish(); err != nil {
		return "", fmt.Errorf("write refused rows: %w", err)
	}
	return fmt.Sprintf("%s not added: see %s\n", progress.Count(r.told, "row"), r.path), nil
}

// finish gives the file its name while it is still held: closed under the other
// one, another run might take it for a left one.
func (r *refused) finish() error {
	if !r.direct {
		if err := r.file.Sync(); err != nil {
			return err
		}
		if err := os.Rename(r.file.Name(), r.path); err != nil {
			return err
		}
	}
	file := r.file
	r.file = nil
	return file.Close()
}

func (r *refused) more() string {
	if r.told <= maxTold {
		return ""
	}
	return fmt.Sprintf("%d more refused rows are not shown; the same command with --rejects FILE writes them all\n", r.told-maxTold)
}

// discard removes what keep did not keep.
func (r *refused) discard() {
	if r.file == nil {
		return
	}
	if !r.direct {
		os.Remove(r.file.Name())
	}
	r.file.Close()
}
