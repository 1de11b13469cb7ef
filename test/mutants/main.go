// Command mutants shows that the tests protect the guards that the promises
// rest on. It takes away one guard after the other and runs the test that must
// then fail. It exits 1 if a guard can be taken away and nothing fails. No file
// is changed: the go command reads the mutant through -overlay.
//
// A guard is marked where it stands, by a comment on the line above:
//
//	//guard:ACTION pkg.TestName: what the guard keeps
//
// pkg is the folder of the test's package, such as internal/pace. The action is
// about the outermost statement, case, key: value or operand that begins on the
// next line:
//
//	drop          deletes it
//	negate        negates the condition of an if, a for, a case, a return or an assignment, or the operand itself
//	true, false   replaces that condition
//	value(TEXT)   replaces what is assigned, returned, called, ranged over or the value of a key
//	value         the same, with the text that replacements.txt has for the sentence;
//	              value2 with the second one, where a sentence has several guards
//
// Where chaos.RUN stands for the test, the guard is a behaviour: the dialer and
// enqueue are built without it, and the judge of test/chaos must find it in a
// short run, by nothing but the calls and the records. Places with one sentence
// are changed together.
//
// In SQL, in files and in raw strings of Go, the comment is -- guard:drop or
// -- guard:value, and is about the next line as a whole.
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
	"slices"
	"strings"
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
	expression := flags.String("run", "", "only the guards whose sentences, files or tests match this expression")
	behaviours := flags.Bool("behaviours", false, "only behaviours, which the judge of test/chaos must find")
	unchanged := flags.Bool("unchanged", true, "first see that each test and run finds nothing in the program as it is")
	root := flags.String("root", ".", "the folder of the repository")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := regexp.Compile(*expression)
	if err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	guards, wrong := findGuards(*root)
	guards = slices.DeleteFunc(guards, func(g guard) bool {
		return *behaviours && !g.behaviour() || !chosen.MatchString(g.sentence+" "+strings.Join(g.files(), " ")+" "+g.dir+"."+g.test)
	})
	if len(guards) == 0 {
		return errors.Join(wrong, fmt.Errorf("-run %q: no guard matches", *expression))
	}
	return errors.Join(wrong, takeAway(ctx, *root, guards, *unchanged, out))
}
