package cli

import (
	"strings"
	"testing"
)

// Flags that exclude each other are not shown as if all were needed.
func TestAlternativesInUsage(t *testing.T) {
	t.Parallel()
	var g struct {
		Send struct {
			To  string `required:"" placeholder:"NUMBER"`
			URL string `name:"url" xor:"what" required:"" placeholder:"URL"`
			Say string `xor:"what" required:"" placeholder:"TEXT"`
		} `cmd:""`
	}
	var out strings.Builder
	_, err := Program{Name: "tally", Out: &out, Getenv: func(string) string { return "" }}.Parse(&g, []string{"send", "--help"})
	const want = "Usage: tally send --to=NUMBER (--url=URL | --say=TEXT)\n"
	if err != ErrHelpShown || !strings.HasPrefix(out.String(), want) {
		t.Errorf("%v, printed %q, want %q first", err, out.String(), want)
	}
}
