// Package require ends a test that cannot continue. It imports nothing of ours, so
// that every package's own tests can use it.
package require

import (
	"testing"
	"time"
)

// NoError ends the test if there is an error. Like t.Fatal it belongs to the
// test's own goroutine.
func NoError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const (
	patience = 2 * time.Minute // only a test that fails waits so long
	interval = 10 * time.Millisecond
)

// Eventually waits until something that other goroutines or processes do is
// done.
func Eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("the test ends before: %s", what)
		case <-tick.C:
		}
	}
}
