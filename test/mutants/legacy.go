package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// replacement is a guard in the old form, by a copy of its text. They move
// into markers with the code that they are about; add none here.
type replacement struct {
	sentence string // what is taken away
	file     string // from the repository's root
	text     string // stands in it once
	by       string // takes its place
	dir      string // of the package whose test must fail
	test     string // its name
}

func (r replacement) guard(root string) (guard, error) {
	source, err := os.ReadFile(filepath.Join(root, r.file))
	if err != nil {
		return guard{}, err
	}
	if n := bytes.Count(source, []byte(r.text)); n != 1 {
		return guard{}, fmt.Errorf("%s: the text to replace stands in %s %d times, want once: %q", r.sentence, r.file, n, r.text)
	}
	at := bytes.Index(source, []byte(r.text))
	return guard{sentence: r.sentence, file: r.file, dir: r.dir, test: r.test, change: edit{from: at, to: at + len(r.text), text: r.by}}, nil
}

var replacements = []replacement{
	// At most one POST for each attempt.

	// Nothing is sent too late.

	// Whoever may not be called is not.

	// One open attempt a number.

	// Absence is proved, not guessed.

	// A record binds to its own attempt.

	// Facts only grow.

	// The books balance.

	// Nothing is lost.

	// The pure rules, each held by random histories: see campaign/histories.

	// Who is hung up, and who never is.

	// A database that may have forgotten something.
}
