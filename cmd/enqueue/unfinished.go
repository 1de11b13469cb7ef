package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// unfinishedEnd ends the name of a file of refused rows that is being written:
// .people.rejects.csv.123.unfinished for people.rejects.csv.
const unfinishedEnd = ".unfinished"

// errHeld: another run holds the file.
var errHeld = errors.New("another run holds the file")

// createUnfinished makes a file that takes path's name later, and holds it until
// it is closed, so that another run can tell it from one that a killed run left.
func createUnfinished(path string) (*os.File, error) {
	for range 100 {
		f, err := os.CreateTemp(filepath.Dir(path), unfinishedBegin(path)+"*"+unfinishedEnd)
		if err != nil {
			return nil, err
		}
		// Where files cannot be held, none is removed either.
		if !errors.Is(hold(f), errHeld) && stands(f) {
			return f, nil
		}
		f.Close() // another run took it for a left one before it was held
	}
	return nil, errHeld
}

func unfinishedBegin(path string) string { return "." + filepath.Base(path) + "." }

// sweepUnfinished removes what killed runs left of their refused rows for path.
// What cannot be removed stays: the run does not depend on it.
func sweepUnfinished(path string) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return
	}
	for _, entry := range entries {
		if entry.Type().IsRegular() && isUnfinished(entry.Name(), path) {
			removeLeft(filepath.Join(filepath.Dir(path), entry.Name()))
		}
	}
}

// isUnfinished: a run for path gives its file this name.
func isUnfinished(name, path string) bool {
	rest, begins := strings.CutPrefix(name, unfinishedBegin(path))
	digits, ends := strings.CutSuffix(rest, unfinishedEnd)
	return begins && ends && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// removeLeft removes a file that nobody holds.
func removeLeft(name string) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if hold(f) == nil {
		_ = os.Remove(name)
	}
}

// stands reports whether the file still has its name.
func stands(f *os.File) bool {
	own, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(f.Name())
	return err == nil && os.SameFile(own, named)
}
