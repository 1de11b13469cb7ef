// Command chaos tests the dialer's promises: it runs real `dialer run`
// processes on a Postgres and a Redis of its own against a simulated provider.
// It kills and pauses the processes, crashes the servers, cuts connections and
// loses webhooks. Then it compares the database with the provider's ledger.
// Never point it at a server that is needed.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"dialer/internal/cli"
)

func main() {
	cli.Main(func(ctx context.Context) int { return run(ctx, os.Args[1:], os.Stdout, os.Stderr) })
}

// run is the whole program without the process around it.
func run(ctx context.Context, args []string, out, errOut io.Writer) (code int) {
	chaos := cli.Program{
		Name:        "chaos",
		Description: "Runs campaigns while everything around the dialer breaks, and exits 1 with the evidence if a promise breaks too.",
		Out:         out, Err: errOut,
	}
	var o options
	_, err := chaos.Parse(&o, args)
	if err == nil {
		err = runAll(ctx, o.withDefaults(), out)
	}
	return chaos.Exit(err)
}

// runAll makes the run and prints its result. It leaves nothing behind, except the
// evidence if a promise is broken.
func runAll(ctx context.Context, o options, out io.Writer) error {
	b := &testbed{options: o}
	broken, err := runOn(ctx, b, out)
	if broken {
		err = errors.Join(err, b.keepEvidence())
	}
	err = errors.Join(err, b.close())
	if b.dir != "" && (broken || o.Keep) {
		fmt.Fprintf(out, "evidence: %s\n", b.dir)
	} else if b.dir != "" {
		err = errors.Join(err, os.RemoveAll(b.dir))
	}
	if err == nil && broken {
		return cli.ErrFailed // the output said what is broken
	}
	return err
}

// runOn reports whether a promise is broken; an error is about the run itself.
func runOn(ctx context.Context, b *testbed, out io.Writer) (broken bool, err error) {
	begun := time.Now()
	if err := b.start(ctx); err != nil {
		return false, err
	}
	fmt.Fprintf(out, "chaos:    seed %d, %d dialers, %v calls a second, faults %s, webhooks lost: %s, Postgres's clock: %s\n",
		b.Seed, b.Processes, b.CallsPerSecond, b.Faults, b.EventsLost, cmp.Or(b.PostgresClock, "the machine's"))
	r := newRun(b, out)
	if b.Matrix > 0 {
		if err := makeMatrix(ctx, r); err != nil {
			return false, err
		}
	}
	ended := r.run(ctx)
	r.status.end()
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if ended != nil && !errors.Is(ended, errUnfinished) && !errors.Is(ended, errFound) {
		return true, ended
	}
	b.dialers.stop()
	result, err := r.result(ctx, ended)
	if err != nil {
		return true, err
	}
	result.took = time.Since(begun)
	result.print(out)
	return !result.sound(), nil
}
