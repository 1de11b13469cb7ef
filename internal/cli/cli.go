// Package cli is shared by all our commands: signals, the command line, exit codes and
// the form of error messages. It knows nothing about the commands' work.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"syscall"
	"time"

	_ "time/tzdata" // zones exist in an image from scratch too

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	ExitOK     = 0
	ExitFailed = 1
	ExitUsage  = 2
)

var (
	// ErrUsage marks an error of the caller, for example a missing setting.
	ErrUsage = errors.New("usage")
	// ErrFailed ends a command that already printed what is wrong.
	ErrFailed = errors.New("failed")
	// ErrHelpShown ends a command that only printed its help.
	ErrHelpShown = errors.New("the help was shown")
)

// ArgumentError is an error in the command line itself. Nothing was done, and
// the message points to the help.
type ArgumentError struct {
	Err     error
	Command string // for example "campaign show", as far as it was recognized
}

func (e ArgumentError) Error() string { return e.Err.Error() }

func (e ArgumentError) Unwrap() error { return e.Err }

// Main is the main function of a program. It ends the process with the code that
// run returns. The context ends on SIGINT and SIGTERM.
func Main(run func(context.Context) int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx)
	stop()
	os.Exit(code)
}

// Program is one executable.
type Program struct {
	Name        string
	Description string // a sentence, for the help
	Out         io.Writer
	Err         io.Writer
	// Getenv reads the variables that stand in for flags; nil: os.Getenv.
	Getenv func(string) string
	// DotEnv is a file with variables that Getenv does not have; "": none.
	DotEnv string

	file map[string]string // its content
}

// Parse reads the arguments into the grammar, a pointer to a struct with kong's
// tags, and returns the chosen command. The error is ErrHelpShown, an
// ArgumentError, or about the grammar itself. Parse prints only the help.
func (p Program) Parse(grammar any, args []string, options ...kong.Option) (chosen *kong.Context, err error) {
	if p.DotEnv != "" {
		if p.file, err = readDotEnv(p.DotEnv); err != nil {
			return nil, ArgumentError{err, ""}
		}
	}
	parser, err := kong.New(grammar, append([]kong.Option{
		kong.Name(p.Name),
		kong.Description(p.Description),
		kong.Vars{"version": versionText(p.Name)},
		kong.Writers(p.Out, p.Err),
		kong.Exit(func(int) { panic(ErrHelpShown) }), // stops the parser
		kong.Help(printHelp),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.Resolvers(kong.ResolverFunc(p.resolve)),
		kong.TypeMapper(reflect.TypeFor[time.Time](), kong.MapperFunc(readTime)),
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
		if r := recover(); r == ErrHelpShown {
			chosen, err = nil, ErrHelpShown
		} else if r != nil {
			panic(r)
		}
	}()
	if chosen, err = parser.Parse(args); err != nil {
		return nil, ArgumentError{withVariables(err), commandOf(err)}
	}
	if err := repeated(chosen); err != nil {
		return nil, ArgumentError{err, strings.Join(commands(chosen.Path), " ")}
	}
	return chosen, nil
}

// readTime reads a flag that is a time. Its error shows an example.
func readTime(ctx *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := ctx.Scan.PopValueInto("time", &text); err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return fmt.Errorf("%q: want a time with its offset, such as 2027-01-31T09:00:00Z or 2027-01-31T09:00:00+01:00", text)
	}
	target.Set(reflect.ValueOf(at))
	return nil
}

// repeated reports flags that take one value but were given several, because it would be
// a guess which one counts.
func repeated(chosen *kong.Context) error {
	var errs []error
	given := map[*kong.Flag]int{}
	for _, step := range chosen.Path {
		flag := step.Flag
		if flag == nil || step.Resolved || flag.IsSlice() || flag.IsMap() || flag.IsCounter() {
			continue
		}
		given[flag]++
		//guard:false internal/cli.TestRepeatedFlags: of two values for one flag none is dropped in silence
		if given[flag] == 2 {
			errs = append(errs, fmt.Errorf("--%s is given more than once: give it once", flag.Name))
		}
	}
	return errors.Join(errs...)
}

// withVariables adds to an error about flags the variables that stand in for them.
func withVariables(err error) error {
	wrong, ok := errors.AsType[*kong.ParseError](err)
	missing, isMissing := strings.CutPrefix(err.Error(), "missing flags: ")
	if !ok || wrong.Context == nil || !isMissing {
		return err
	}
	variables := false
	for _, flag := range wrong.Context.Flags() {
		if len(flag.Envs) > 0 && strings.Contains(missing, flag.Summary()) {
			missing = strings.Replace(missing, flag.Summary(), flag.Summary()+" ("+flag.Envs[0]+")", 1)
			variables = true
		}
	}
	if variables {
		missing += "; or a " + DotEnv + " here that has them: `dialer init` writes one"
	}
	return missingFlags{err, "missing flags: " + missing}
}

// missingFlags replaces the parser's shorter error.
type missingFlags struct {
	error
	text string
}

func (m missingFlags) Error() string { return m.text }

func (m missingFlags) Unwrap() error { return m.error }

// commandOf is the command whose arguments were wrong, or "".
func commandOf(err error) string {
	wrong, ok := errors.AsType[*kong.ParseError](err)
	if !ok || wrong.Context == nil {
		return ""
	}
	return strings.Join(commands(wrong.Context.Path), " ")
}

// commands are the names of the commands that were recognized.
func commands(path []*kong.Path) (names []string) {
	for _, step := range path {
		if step.Command != nil {
			names = append(names, step.Command.Name)
		}
	}
	return names
}

// resolve reads a flag from the variables in its env tag. The value of a flag with the
// tag secret may also be in a file whose path is in NAME_FILE. The environment, in either
// form, wins over the file of settings.
func (p Program) resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		value, set := p.lookup(name)
		path, asFile := "", false
		if flag.Tag.Has("secret") {
			path, asFile = p.lookup(name + "_FILE")
		}
		if !set && !asFile {
			value, set = p.file[name]
			set = set && value != ""
			path = p.file[name+"_FILE"]
			if !flag.Tag.Has("secret") {
				path = ""
			}
		} else if set && path == "" && p.Getenv == nil {
			return nil, nil // the parser reads the process's environment itself
		}
		switch {
		case path != "" && value != "":
			return nil, fmt.Errorf("both %s and %s_FILE are set: unset one", name, name)
		case path != "" && flag.Tag.Get("secret") == "path":
			return path, nil
		case path != "":
			return readSecret(name, path)
		case set:
			return value, nil
		}
	}
	return nil, nil
}

// lookup reads an environment variable.
func (p Program) lookup(name string) (value string, set bool) {
	if p.Getenv == nil {
		return os.LookupEnv(name)
	}
	value = p.Getenv(name)
	return value, value != ""
}

// maxSecret bounds the file of a secret.
const maxSecret = 64 << 10

// readSecret reads the file that NAME_FILE names, without the line break at its
// end. Its errors leave out the path, because somebody may have put the secret there.
func readSecret(name, path string) (string, error) {
	text, err := os.ReadFile(path)
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		err = failed.Err
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("the file that %s_FILE names cannot be read: %w", name, err)
	case len(text) > maxSecret:
		return "", fmt.Errorf("the file that %s_FILE names is larger than 64 KiB", name)
	}
	return strings.TrimRight(strings.TrimPrefix(string(text), "\uFEFF"), "\r\n"), nil
}

// unbind stops the parser from reading the process's environment.
func unbind(parser *kong.Kong) error {
	return kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			flag.Tag.Envs = nil
		}
		return next(nil)
	})
}

// Exit prints the error, if there is one, and returns the exit code.
func (p Program) Exit(err error) int {
	if err == nil || errors.Is(err, ErrHelpShown) {
		return ExitOK
	}
	if errors.Is(err, ErrFailed) {
		return ExitFailed
	}
	fmt.Fprintf(p.Err, "%s: %v\n", p.Name, err)
	if e, ok := errors.AsType[ArgumentError](err); ok {
		fmt.Fprintf(p.Err, "Try '%s --help'.\n", strings.TrimSpace(p.Name+" "+e.Command))
		return ExitUsage
	}
	if errors.Is(err, ErrUsage) {
		return ExitUsage
	}
	return ExitFailed
}
