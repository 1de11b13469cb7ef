package repository

import (
	"strings"
	"testing"
)

// No test sleeps in real time: it would be slow, or fail on a busy machine.
func TestTestsDoNotSleep(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		if !strings.HasSuffix(file, "_test.go") || sleepers[file] != "" {
			continue
		}
		parsed := parse(t, file)
		simulated := false
		for _, spec := range parsed.Imports {
			simulated = simulated || spec.Path.Value == `"testing/synctest"`
		}
		for _, call := range calls(parsed, "time") {
			if calledFunction(call, "time") == "Sleep" && !simulated {
				t.Errorf("%s: time.Sleep in a test; use require.Eventually or testing/synctest", file)
			}
		}
	}
}
