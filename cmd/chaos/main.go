// Command chaos proves the dialer's promises the hard way: it runs real
// `dialer run` processes on a Postgres and a Redis of its own against a
// simulated carrier, kills and pauses them, crashes the servers, cuts
// connections and loses webhooks, and then holds the books against the
// carrier's ledger. It is not for any server that somebody needs.
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

// exit is how kong's -h leaves the parser.
type exit int

// run is the whole program but for the process around it.
func run(ctx context.Context, args []string, out, errOut io.Writer) (code int) {
	var o options
	parser, err := kong.New(&o,
		kong.Name("chaos"),
		kong.Description("Runs campaigns while everything around the dialer breaks, and exits 1 with the evidence if a promise breaks too."),
		kong.Writers(out, errOut),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
	)
	if err != nil {
		fmt.Fprintf(errOut, "chaos: %v\n", err)
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
		fmt.Fprintf(errOut, "chaos: %v\nTry 'chaos --help'.\n", err)
		return exitUsage
	}
	if err := play(ctx, o.withDefaults(), out); err != nil {
		if !errors.Is(err, errBroken) {
			fmt.Fprintf(errOut, "chaos: %v\n", err)
		}
		return exitBroken
	}
	return exitOK
}
