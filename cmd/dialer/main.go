// Command dialer makes the calls of campaigns, records Vonage's reports about them, and
// shows how each person ended. It is the composition root: only here the packages are
// wired together.
package main

import (
	"context"
	"os"

	"dialer/internal/campaignflags"
	"dialer/internal/cli"

	"github.com/alecthomas/kong"
)

func main() {
	cli.Main(func(ctx context.Context) int { return run(ctx, os.Args[1:], cli.System()) })
}

type console = cli.Console

// run is the whole program, without the process around it.
func run(ctx context.Context, args []string, con console) (code int) {
	con = con.Harmless()
	program := con.Program("dialer", "Makes the calls of campaigns through the Vonage Voice API: never one twice, at the account's rate, with prices equal to Vonage's.")
	command, err := program.Parse(new(commands), args,
		kong.WithHyphenPrefixedParameters(true), // a PEM text begins so; refusing it would print it
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(con),
		kong.Vars(campaignflags.Vars()),
	)
	if err == nil {
		err = command.Run()
	}
	return program.Exit(err)
}
