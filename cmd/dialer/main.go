// Command dialer makes the calls of campaigns, records what Vonage reports about
// them, and shows what became of each person. It is the composition root: here the
// packages are wired together, and nowhere else.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"dialer/internal/cli"

	"github.com/alecthomas/kong"
)

func main() {
	cli.Main(func(ctx context.Context) int {
		return run(ctx, os.Args[1:], console{Out: os.Stdout, Err: os.Stderr, In: os.Stdin})
	})
}

// console is the terminal, or what stands in for it in a test.
type console struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

func (c console) printf(format string, args ...any) { fmt.Fprintf(c.Out, format, args...) }

func (c console) logger() *slog.Logger { return slog.New(slog.NewTextHandler(c.Err, nil)) }

// run is the whole program, without the process around it.
func run(ctx context.Context, args []string, con console) (code int) {
	dialer := cli.Program{
		Name:        "dialer",
		Description: "Makes the calls of campaigns through the Vonage Voice API: never one twice, at the account's rate, with prices equal to Vonage's.",
		Out:         con.Out, Err: con.Err,
	}
	command, err := dialer.Parse(new(commands), args,
		kong.WithHyphenPrefixedParameters(true), // a PEM text begins so; refusing it would print it
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(con),
	)
	if err == nil {
		err = command.Run()
	}
	return dialer.Exit(err)
}
