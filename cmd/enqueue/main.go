// Command enqueue turns a CSV into a campaign. It writes to Postgres only:
// `dialer run` places the calls.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	_ "time/tzdata" // zones exist in an image from scratch too
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(report(err, os.Stderr))
}

// usageError is a mistake in how the command was typed: nothing was done.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// report says what went wrong and returns the exit code, which tells a mistake
// in the command (2) from a failure (1).
func report(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "enqueue: %v\n", err)
	if _, mistyped := errors.AsType[usageError](err); !mistyped {
		return 1
	}
	fmt.Fprintln(stderr, "Try 'enqueue --help'.")
	return 2
}

// run is the whole program but for the process around it.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) error {
	var f flags
	helped, err := parse(&f, args, getenv, stdout, stderr)
	if helped || err != nil {
		return err
	}
	settings, err := f.settings()
	if err != nil {
		return usageError{err}
	}
	t := terminal{in: stdin, out: stdout, err: stderr}
	if f.DryRun {
		return dryRun(ctx, f, settings, t)
	}
	return enqueue(ctx, f, settings, t)
}

// terminal is where the command's answers go.
type terminal struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

func (t terminal) printf(format string, args ...any) { fmt.Fprintf(t.out, format, args...) }
