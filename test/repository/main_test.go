// Package repository holds rules about the repository as a whole: who may
// import whom, where failpoints are, what is shipped.
package repository

import (
	"fmt"
	"os"
	"testing"
)

// TestMain runs the tests in the repository's root, from which all of them
// name their files.
func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
