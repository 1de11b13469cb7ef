// Package cli starts and ends a command: the signals, the command line, the
// exit codes and the form of what is said on a mistake. What a command does is
// the command's.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	_ "time/tzdata" // zones exist in an image from scratch too

	"github.com/alecthomas/kong"
)

// Exit codes: what a script can tell apart.
const (
	ExitOK     = 0
	ExitFailed = 1
	ExitUsage  = 2
)

var (
	// ErrUsage marks a mistake in how the program was called.
	ErrUsage = errors.New("usage")
	// ErrFailed ends a command whose output already said what is wrong.
	ErrFailed = errors.New("failed")
	// ErrHelped ends a command that was asked for its help alone.
	ErrHelped = errors.New("the help was asked for")
)

// Mistyped is a mistake in the command line itself: nothing was done, and the
// help tells how it is written.
type Mistyped struct {
	Err     error
	Command string // below the program's name, as far as it was recognized
}

func (m Mistyped) Error() string { return m.Err.Error() }

func (m Mistyped) Unwrap() error { return m.Err }

// Main is a program's main function. It ends the process with the code that run
// returns, whose context is done once somebody interrupts or terminates it.
func Main(run func(context.Context) int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx)
	stop()
	os.Exit(code)
}

// Program is what a person starts by its name.
type Program struct {
	Name        string
	Description string // a sentence, for the help
	Out         io.Writer
	Err         io.Writer
	// Getenv is where flags find the variables that stand in for them; nil: in
	// the process's environment.
	Getenv func(string) string
}

// Parse reads the arguments into the grammar, a pointer to a struct as kong has
// it, and returns the command that was chosen. The error is ErrHelped, or a
// Mistyped, or says that the grammar is none. Nothing of it is printed but the
// help.
func (p Program) Parse(grammar any, args []string, options ...kong.Option) (chosen *kong.Context, err error) {
	parser, err := kong.New(grammar, append([]kong.Option{
		kong.Name(p.Name),
		kong.Description(p.Description),
		kong.Writers(p.Out, p.Err),
		kong.Exit(func(int) { panic(ErrHelped) }), // the parser goes no further
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.Resolvers(kong.ResolverFunc(p.resolve)),
	}, options...)...)
	if err != nil {
		return nil, err
	}
	if p.Getenv != nil {
		if err := unbind(parser); err != nil {
			return nil, err
		}
	}
	defer func() {
		if r := recover(); r == ErrHelped {
			chosen, err = nil, ErrHelped
		} else if r != nil {
			panic(r)
		}
	}()
	if chosen, err = parser.Parse(args); err != nil {
		return nil, Mistyped{err, commandOf(err)}
	}
	return chosen, nil
}

// commandOf is the command whose arguments were wrong; empty: none was found.
func commandOf(err error) string {
	wrong, ok := errors.AsType[*kong.ParseError](err)
	if !ok || wrong.Context == nil {
		return ""
	}
	var names []string
	for _, step := range wrong.Context.Path {
		if step.Command != nil {
			names = append(names, step.Command.Name)
		}
	}
	return strings.Join(names, " ")
}

// resolve gives a flag the fallback that its env tag names.
func (p Program) resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if p.Getenv == nil {
			break // the parser reads the process's environment itself
		}
		if value := p.Getenv(name); value != "" {
			return value, nil
		}
	}
	return nil, nil
}

// unbind keeps the parser from reading the process's environment.
func unbind(parser *kong.Kong) error {
	return kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			flag.Tag.Envs = nil
		}
		return next(nil)
	})
}

// Exit says what went wrong, if anything, and returns the exit code, which
// tells a mistake in the command from a failure.
func (p Program) Exit(err error) int {
	if err == nil || errors.Is(err, ErrHelped) {
		return ExitOK
	}
	if errors.Is(err, ErrFailed) {
		return ExitFailed
	}
	fmt.Fprintf(p.Err, "%s: %v\n", p.Name, err)
	if m, mistyped := errors.AsType[Mistyped](err); mistyped {
		fmt.Fprintf(p.Err, "Try '%s --help'.\n", strings.TrimSpace(p.Name+" "+m.Command))
		return ExitUsage
	}
	if errors.Is(err, ErrUsage) {
		return ExitUsage
	}
	return ExitFailed
}
