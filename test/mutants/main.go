// Command mutants shows that the tests hold the guards that the promises rest
// on: it takes away one guard after the other and runs the test that must then
// fail. The files stay as they are; the go command is given others in their
// place. It exits 1 if a guard can be taken away and nothing fails.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, errOut io.Writer) error {
	flags := flag.NewFlagSet("mutants", flag.ContinueOnError)
	flags.SetOutput(errOut)
	which := flags.String("run", "", "only the guards whose names, files or tests match this expression")
	root := flags.String("root", ".", "the folder of the repository")
	if err := flags.Parse(args); err != nil {
		return err
	}
	asked, err := regexp.Compile(*which)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	var chosen []mutant
	for _, m := range mutants {
		if asked.MatchString(m.guard + " " + m.file + " " + m.dir + "." + m.test) {
			chosen = append(chosen, m)
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("-run %q: no guard is called so", *which)
	}
	return hunt(ctx, *root, chosen, out)
}
