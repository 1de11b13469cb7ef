// Command enqueue turns a CSV into a campaign. It writes to Postgres only:
// `dialer run` makes the calls.
package main

import (
	"context"
	"os"

	"dialer/internal/cli"
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
	if f.DryRun {
		return dryRun(ctx, f, settings, con)
	}
	return importCSV(ctx, f, settings, con)
}
