// Command chaos proves the dialer's promises the hard way: it runs real
// `dialer run` processes on a Postgres and a Redis of its own against a
// simulated provider, kills and pauses them, crashes the servers, cuts
// connections and loses webhooks, and then holds the books against the
// provider's ledger. It is not for any server that somebody needs.
package main

import (
	"context"
	"io"
	"os"

	"dialer/internal/cli"
)

func main() {
	cli.Main(func(ctx context.Context) int { return run(ctx, os.Args[1:], os.Stdout, os.Stderr) })
}

// run is the whole program but for the process around it.
func run(ctx context.Context, args []string, out, errOut io.Writer) (code int) {
	chaos := cli.Program{
		Name:        "chaos",
		Description: "Runs campaigns while everything around the dialer breaks, and exits 1 with the evidence if a promise breaks too.",
		Out:         out, Err: errOut,
	}
	var o options
	_, err := chaos.Parse(&o, args)
	if err == nil {
		err = play(ctx, o.withDefaults(), out)
	}
	return chaos.Exit(err)
}
