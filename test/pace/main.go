// Command pace measures how much of the account's rate a fleet uses, and
// whether Vonage ever sees more: it runs 1, 2 and 4 real `dialer run`
// processes on a Postgres and a Redis of its own against a simulated provider
// that logs when each request for a call arrives.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"dialer/internal/cli"
)

func main() {
	cli.Main(func(ctx context.Context) int { return run(ctx, os.Args[1:], os.Stdout, os.Stderr) })
}

// errOver means that Vonage got more requests in some second than the rate allows.
var errOver = errors.New("the rate was exceeded")

// run is the whole program without the process around it.
func run(ctx context.Context, args []string, out, errOut io.Writer) (code int) {
	pace := cli.Program{
		Name:        "pace",
		Description: "Measures the share of the account's rate that the dialers use, and exits 1 if Vonage got more than the rate in any sliding second.",
		Out:         out, Err: errOut,
	}
	var o options
	_, err := pace.Parse(&o, args)
	if err == nil {
		err = measureAll(ctx, o, out)
	}
	return pace.Exit(err)
}

// measureAll prints a line for each rate and number of processes.
func measureAll(ctx context.Context, o options, out io.Writer) error {
	bench, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	defer bench.close()
	fmt.Fprintf(out, "%d processors, load %s\n%s\n", o.processors(), load(), header)
	over := false
	for _, perSecond := range o.Rates {
		for _, processes := range o.Processes {
			r, err := bench.measure(ctx, perSecond, processes)
			if err != nil {
				return fmt.Errorf("%d processes at %v a second: %w", processes, perSecond, err)
			}
			fmt.Fprintln(out, r)
			over = over || r.over > 0
		}
	}
	if over {
		return errOver
	}
	return nil
}
