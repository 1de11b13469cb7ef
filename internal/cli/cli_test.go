package cli

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

type grammar struct {
	Count int `default:"3" env:"TALLY_COUNT" help:"How many."`
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		want grammar
		says string // on standard output
		err  error
	}{
		{nil, grammar{3}, "", nil},
		{[]string{"--count", "4"}, grammar{4}, "", nil},
		{[]string{"--help"}, grammar{}, "How many", ErrHelped},
		{[]string{"-h", "--count", "4"}, grammar{}, "Usage: tally", ErrHelped},
		{[]string{"--count", "many"}, grammar{}, "", Mistyped{}},
		{[]string{"--number", "4"}, grammar{}, "", Mistyped{}},
	} {
		var g grammar
		var out, errOut bytes.Buffer
		chosen, err := Program{Name: "tally", Description: "Counts.", Out: &out, Err: &errOut}.Parse(&g, test.args)
		_, mistyped := errors.AsType[Mistyped](err)
		_, wanted := errors.AsType[Mistyped](test.err)
		if mistyped != wanted || !wanted && err != test.err || (chosen != nil) != (err == nil) {
			t.Errorf("%q: got %v", test.args, err)
		}
		if err == nil && g != test.want {
			t.Errorf("%q: got %+v, want %+v", test.args, g, test.want)
		}
		if !strings.Contains(out.String(), test.says) || test.says == "" && out.Len() > 0 || errOut.Len() > 0 {
			t.Errorf("%q: says %q and %q", test.args, &out, &errOut)
		}
	}
}

func TestParseReadsTheGivenEnvironmentAlone(t *testing.T) {
	t.Setenv("TALLY_COUNT", "5")
	for _, test := range []struct {
		getenv func(string) string
		args   []string
		want   int
	}{
		{nil, nil, 5},
		{func(string) string { return "" }, nil, 3},
		{func(name string) string { return map[string]string{"TALLY_COUNT": "7"}[name] }, nil, 7},
		{func(string) string { return "7" }, []string{"--count", "4"}, 4},
	} {
		var g grammar
		if _, err := (Program{Name: "tally", Getenv: test.getenv}).Parse(&g, test.args); err != nil || g.Count != test.want {
			t.Errorf("got %d, %v, want %d", g.Count, err, test.want)
		}
	}
}

func TestParseSaysThatAGrammarIsNone(t *testing.T) {
	t.Parallel()
	_, err := Program{Name: "tally"}.Parse(grammar{}, nil) // not a pointer
	if code := (Program{Name: "tally", Err: new(bytes.Buffer)}).Exit(err); err == nil || code != ExitFailed {
		t.Errorf("exit %d after %v, want a failure", code, err)
	}
}

func TestExit(t *testing.T) {
	t.Parallel()
	away := errors.New("the database is away")
	for _, test := range []struct {
		err  error
		code int
		says string
	}{
		{nil, ExitOK, ""},
		{ErrHelped, ExitOK, ""},
		{ErrFailed, ExitFailed, ""},
		{fmt.Errorf("count: %w", away), ExitFailed, "tally: count: the database is away\n"},
		{fmt.Errorf("%w: --count is odd", ErrUsage), ExitUsage, "tally: usage: --count is odd\n"},
		{fmt.Errorf("flags: %w", Mistyped{Err: away}), ExitUsage, "tally: flags: the database is away\nTry 'tally --help'.\n"},
		{Mistyped{Err: away, Command: "count all"}, ExitUsage, "tally: the database is away\nTry 'tally count all --help'.\n"},
	} {
		var errOut bytes.Buffer
		if code := (Program{Name: "tally", Err: &errOut}).Exit(test.err); code != test.code || errOut.String() != test.says {
			t.Errorf("%v: exit %d, says %q, want %d and %q", test.err, code, &errOut, test.code, test.says)
		}
	}
}
