package main

import (
	"flag"
	"os"
	"testing"
)

// update writes the reference anew: go test ./cmd/... -run Reference -update
var update = flag.Bool("update", false, "write docs/enqueue.md anew")

// docs/enqueue.md is what -h prints.
func TestReferenceOfEnqueue(t *testing.T) {
	t.Parallel()
	const path = "../../docs/enqueue.md"
	want := "# enqueue\n\nAs `-h` shows it. [csv.md](csv.md) says what a CSV may look like. This page is made by a test: see\n[CONTRIBUTING.md](../CONTRIBUTING.md).\n\n```\n" +
		command(t, nil, "-h").ok(t).out + "```\n"
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s is not what the flags say (%v): go test ./cmd/... -run Reference -update", path, err)
	}
}
