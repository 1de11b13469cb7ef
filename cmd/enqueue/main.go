// Command enqueue turns a CSV into a campaign. It writes to Postgres only:
// `dialer run` makes the calls.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"dialer/campaign"
	"dialer/internal/cli"
	"dialer/internal/csvimport"
)

func main() {
	cli.Main(func(ctx context.Context) int { return run(ctx, os.Args[1:], cli.System()) })
}

// run is the whole program, without the process around it.
func run(ctx context.Context, args []string, con cli.Console) (code int) {
	con = con.Harmless()
	return program(con).Exit(enqueue(ctx, args, con))
}

func program(con cli.Console) cli.Program {
	return con.Program("enqueue", "Turns a CSV of people into a campaign of phone calls.")
}

func enqueue(ctx context.Context, args []string, con cli.Console) error {
	var f flags
	if err := parse(&f, args, program(con)); err != nil {
		return err
	}
	settings, err := f.settings()
	if err != nil {
		return cli.ArgumentError{Err: err}
	}
	in, err := openInput(f.File, con.In)
	if err != nil {
		return err
	}
	defer in.Close()
	job := job{flags: f, settings: settings, options: f.options(), in: in, con: con}
	switch {
	case f.DryRun:
		return job.dryRun(ctx)
	case f.Test != "":
		return job.testCall(ctx)
	}
	return job.importFile(ctx)
}

// job is one file that is shown or imported, with the same flags.
type job struct {
	flags    flags
	settings campaign.Settings
	options  csvimport.Options
	in       io.Reader
	con      cli.Console
}

// openInput opens the file, or uses standard input for "-".
func openInput(path string, stdin io.Reader) (io.ReadCloser, error) {
	if path == stdinName {
		return io.NopCloser(stdin), nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a folder, not a CSV", path)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}
