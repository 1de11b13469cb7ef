// Command dialer places the calls of campaigns, records what the carrier says
// of them, and answers what became of each person. It is the composition
// root: here the packages are wired together, and nowhere else.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	_ "time/tzdata" // zones exist in an image from scratch too

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], console{Out: os.Stdout, Err: os.Stderr, In: os.Stdin})
	stop()
	os.Exit(code)
}

// console is the terminal, or what stands in for it in a test.
type console struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

func (c console) printf(format string, args ...any) { fmt.Fprintf(c.Out, format, args...) }

func (c console) logger() *slog.Logger { return slog.New(slog.NewTextHandler(c.Err, nil)) }

// Exit codes: what a script can tell apart.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// run is the whole program but for the process around it.
func run(ctx context.Context, args []string, con console) (code int) {
	parser, err := kong.New(new(commands),
		kong.Name("dialer"),
		kong.Description("Places the calls of campaigns on the Vonage Voice API: each person once, at the account's pace, with the books balanced."),
		kong.Writers(con.Out, con.Err),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.WithHyphenPrefixedParameters(true), // a PEM text begins so; refusing it would print it
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(con),
	)
	if err != nil {
		fmt.Fprintf(con.Err, "dialer: %v\n", err)
		return exitFailed
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
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(con.Err, "dialer: %v\nTry 'dialer --help'.\n", err)
		return exitUsage
	}
	return exitCode(con, command.Run())
}

// exit is how kong's -h leaves the parser.
type exit int

// errFailed ends a command whose output already said what is wrong.
var errFailed = errors.New("failed")

func exitCode(con console, err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFailed):
		return exitFailed
	case errors.Is(err, errUsage):
		fmt.Fprintf(con.Err, "dialer: %v\n", err)
		return exitUsage
	default:
		fmt.Fprintf(con.Err, "dialer: %v\n", err)
		return exitFailed
	}
}
