// Package repository tests rules about the repository as a whole: imports,
// failpoints, benchmarks, waiting in tests, and the files for Docker.
package repository

import (
	"fmt"
	"os"
	"testing"
)

// TestMain runs the tests in the repository's root. All file names start there.
func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
