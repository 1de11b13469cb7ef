// Package benchtest runs a benchmark inside a test, once and at the size that
// the test gives it: so a broken benchmark is noticed before somebody needs its figure.
package benchtest

import (
	"flag"
	"sync"
	"testing"
)

var running sync.Mutex // there is one -benchtime in a process

// Once runs the benchmark's loop once. Only `go test -bench` shows the benchmark's
// messages when it fails.
func Once(t *testing.T, bench func(*testing.B)) {
	t.Helper()
	if !once(bench) {
		t.Error("the benchmark fails; run it with go test -bench to see why")
	}
}

func once(bench func(*testing.B)) (passed bool) {
	running.Lock()
	defer running.Unlock()
	benchtime := flag.Lookup("test.benchtime").Value
	before := benchtime.String()
	_ = benchtime.Set("1x")                      // is well formed
	defer func() { _ = benchtime.Set(before) }() // as it was
	testing.Benchmark(func(b *testing.B) {
		defer func() { passed = !b.Failed() }() // after a b.Fatal too
		bench(b)
	})
	return passed
}
