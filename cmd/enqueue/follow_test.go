package main

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"

	"dialer/internal/testkit"
)

func TestFollowInterrupted(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		none := func(string) string { return "" }
		ended <- run(ctx, flagsFor(db, "--follow", "-"), none, strings.NewReader(people(3)), in, io.Discard)
		in.Close()
	}()
	lines := bufio.NewScanner(out)
	last := ""
	for lines.Scan() {
		if last = lines.Text(); strings.Contains(last, "people to go") {
			interrupt()
		}
	}
	if err := <-ended; err != nil || !strings.Contains(last, "The campaign continues") {
		t.Errorf("%v and %q, want no failure and that the campaign continues", err, last)
	}
	if got := campaigns(t, db); len(got) != 1 || got[0] != "water running" {
		t.Errorf("campaigns %v, want it running", got)
	}
}
