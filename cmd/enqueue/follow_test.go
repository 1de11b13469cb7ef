package main

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"

	"dialer/internal/cli"
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
		ended <- enqueue(ctx, flagsFor(db, "--follow", "-"), cli.Console{
			In: strings.NewReader(people(3)), Out: in, Err: io.Discard, Getenv: func(string) string { return "" },
		})
		in.Close()
	}()
	lines := bufio.NewScanner(out)
	last := ""
	for lines.Scan() {
		if last = lines.Text(); strings.Contains(last, "people done") {
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
