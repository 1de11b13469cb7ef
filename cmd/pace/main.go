// Command pace measures how much of the account's rate a fleet uses, and
// whether the carrier ever sees more: it runs 1, 2 and 4 real `dialer run`
// processes on a Postgres and a Redis of its own against a simulated carrier
// that notes when each request for a call arrives.
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

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Exit codes: what a script can tell apart.
const (
	exitOK     = 0
	exitBroken = 1
	exitUsage  = 2
)

// errOver: some second at the carrier held more than the rate.
var errOver = errors.New("the rate was exceeded")

// exit is how kong's -h leaves the parser.
type exit int

// run is the whole program but for the process around it.
func run(ctx context.Context, args []string, out, errOut io.Writer) (code int) {
	var o options
	parser, err := kong.New(&o,
		kong.Name("pace"),
		kong.Description("Measures the share of the account's rate that a fleet uses, and exits 1 if any sliding second at the carrier held more than the rate."),
		kong.Writers(out, errOut),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
	)
	if err != nil {
		fmt.Fprintf(errOut, "pace: %v\n", err)
		return exitBroken
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case exit:
			code = int(r)
		default:
			panic(r)
		}
	}()
	if _, err := parser.Parse(args); err != nil {
		fmt.Fprintf(errOut, "pace: %v\nTry 'pace --help'.\n", err)
		return exitUsage
	}
	if err := measureAll(ctx, o, out); err != nil {
		fmt.Fprintf(errOut, "pace: %v\n", err)
		return exitBroken
	}
	return exitOK
}

// measureAll measures one fleet after the other and prints a line for each.
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
