package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type grammar struct {
	Count int `default:"3" env:"TALLY_COUNT" help:"How many."`
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		want grammar
		out  string // on standard output
		err  error
	}{
		{nil, grammar{3}, "", nil},
		{[]string{"--count", "4"}, grammar{4}, "", nil},
		{[]string{"--help"}, grammar{}, "How many", ErrHelpShown},
		{[]string{"-h", "--count", "4"}, grammar{}, "Usage: tally", ErrHelpShown},
		{[]string{"--count", "many"}, grammar{}, "", ArgumentError{}},
		{[]string{"--number", "4"}, grammar{}, "", ArgumentError{}},
	} {
		var g grammar
		var out, errOut bytes.Buffer
		chosen, err := Program{Name: "tally", Description: "Counts.", Out: &out, Err: &errOut}.Parse(&g, test.args)
		_, isArgument := errors.AsType[ArgumentError](err)
		_, wanted := errors.AsType[ArgumentError](test.err)
		if isArgument != wanted || !wanted && err != test.err || (chosen != nil) != (err == nil) {
			t.Errorf("%q: got %v", test.args, err)
		}
		if err == nil && g != test.want {
			t.Errorf("%q: got %+v, want %+v", test.args, g, test.want)
		}
		if !strings.Contains(out.String(), test.out) || test.out == "" && out.Len() > 0 || errOut.Len() > 0 {
			t.Errorf("%q: printed %q and %q", test.args, &out, &errOut)
		}
	}
}

func TestParseReadsOnlyGetenv(t *testing.T) {
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

type single struct {
	To   string   `help:"Where to."`
	Loud bool     `help:"Aloud."`
	Word []string `help:"What."`
	At   struct {
		When time.Time `help:"When."`
	} `cmd:"" help:"Says it."`
}

func TestRepeatedFlags(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"at --to a --word x --word y":      "",
		"at --to a --to b":                 "--to is given more than once",
		"--to a at --to a":                 "--to is given more than once",
		"at --loud --loud":                 "--loud is given more than once",
		"at --when 2027-01-31T09:00:00Z":   "",
		"at --when 2027-01-31":             "such as 2027-01-31T09:00:00Z",
		"at --when=tomorrow --to a --to b": "tomorrow",
	} {
		var g single
		_, err := Program{Name: "tally", Getenv: func(string) string { return "" }}.Parse(&g, strings.Fields(args))
		_, isArgument := errors.AsType[ArgumentError](err)
		if want == "" && err != nil || want != "" && (!isArgument || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "2006") {
			t.Errorf("%s: %v shows how Go writes a layout", args, err)
		}
	}
}

func TestParseInvalidGrammar(t *testing.T) {
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
		out  string
	}{
		{nil, ExitOK, ""},
		{ErrHelpShown, ExitOK, ""},
		{ErrFailed, ExitFailed, ""},
		{fmt.Errorf("count: %w", away), ExitFailed, "tally: count: the database is away\n"},
		{fmt.Errorf("%w: --count is odd", ErrUsage), ExitUsage, "tally: usage: --count is odd\n"},
		{fmt.Errorf("flags: %w", ArgumentError{Err: away}), ExitUsage, "tally: flags: the database is away\nTry 'tally --help'.\n"},
		{ArgumentError{Err: away, Command: "count all"}, ExitUsage, "tally: the database is away\nTry 'tally count all --help'.\n"},
	} {
		var errOut bytes.Buffer
		if code := (Program{Name: "tally", Err: &errOut}).Exit(test.err); code != test.code || errOut.String() != test.out {
			t.Errorf("%v: exit %d, printed %q, want %d and %q", test.err, code, &errOut, test.code, test.out)
		}
	}
}

type secretGrammar struct {
	Word string   `env:"TALLY_WORD" secret:""`
	List []string `env:"TALLY_LIST" secret:""`
	Key  string   `env:"TALLY_KEY" secret:"path"`
	Open string   `env:"TALLY_OPEN"`
}

// A secret may be in a file, as an orchestrator mounts it.
func TestSecretsFromFiles(t *testing.T) {
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key := file("PEM")
	for _, test := range []struct {
		name string
		env  map[string]string
		want secretGrammar
		says string // "": no error
	}{
		{"a file", map[string]string{"TALLY_WORD_FILE": file("open sesame\r\n")}, secretGrammar{Word: "open sesame"}, ""},
		{"a BOM", map[string]string{"TALLY_WORD_FILE": file("\uFEFFsesame")}, secretGrammar{Word: "sesame"}, ""},
		{"a list", map[string]string{"TALLY_LIST_FILE": file("new,old\n")}, secretGrammar{List: []string{"new", "old"}}, ""},
		{"a file that is read again", map[string]string{"TALLY_KEY_FILE": key}, secretGrammar{Key: key}, ""},
		{"no secret", map[string]string{"TALLY_OPEN_FILE": file("x")}, secretGrammar{}, ""},
		{"both", map[string]string{"TALLY_WORD": "hunter2", "TALLY_WORD_FILE": file("x")}, secretGrammar{}, "TALLY_WORD_FILE"},
		{"no file", map[string]string{"TALLY_WORD_FILE": "hunter2"}, secretGrammar{}, "TALLY_WORD_FILE"},
	} {
		for source := range 2 {
			var g secretGrammar
			p := Program{Name: "tally", Getenv: func(name string) string { return test.env[name] }}
			if source == 1 { // the process's own environment
				p.Getenv = nil
				for name, value := range test.env {
					t.Setenv(name, value)
				}
			}
			_, err := p.Parse(&g, nil)
			for name := range test.env {
				os.Unsetenv(name)
			}
			switch {
			case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "hunter2")):
				t.Errorf("%s: %v, want an error with %s and without the secret", test.name, err, test.says)
			case test.says == "" && (err != nil || fmt.Sprint(g) != fmt.Sprint(test.want)):
				t.Errorf("%s: %+v, %v, want %+v", test.name, g, err, test.want)
			}
		}
	}
}
