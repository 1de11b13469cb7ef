// Command enqueue turns a CSV into a campaign. It writes to Postgres only:
// `dialer run` places the calls.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"dialer/internal/cli"
)

func main() {
	cli.Main(func(ctx context.Context) int {
		err := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
		return program(os.Getenv, os.Stdout, os.Stderr).Exit(err)
	})
}

func program(getenv func(string) string, stdout, stderr io.Writer) cli.Program {
	return cli.Program{
		Name:        "enqueue",
		Description: "Turns a CSV of people into a campaign of phone calls.",
		Out:         stdout, Err: stderr, Getenv: getenv,
	}
}

// run is the whole program, without the process around it.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) error {
	var f flags
	if err := parse(&f, args, program(getenv, stdout, stderr)); err != nil {
		return err
	}
	settings, err := f.settings()
	if err != nil {
		return cli.ArgumentError{Err: err}
	}
	t := terminal{in: stdin, out: stdout, err: stderr}
	if f.DryRun {
		return dryRun(ctx, f, settings, t)
	}
	return importCSV(ctx, f, settings, t)
}

// terminal is what the command reads from and prints to.
type terminal struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

func (t terminal) printf(format string, args ...any) { fmt.Fprintf(t.out, format, args...) }
