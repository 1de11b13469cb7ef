package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"dialer/internal/cli"
	"dialer/internal/failpoint"
)

// inSuite is a failpoint of each part of the program. make matrix kills at
// all of them, twenty times.
var inSuite = []string{
	"claim.committed", "place.gated", "record.commit", "webhook.committed", "settle.scanned", "import.commit",
}

func TestMatrix(t *testing.T) {
	t.Parallel()
	code, out, errOut := chaos(t, "--matrix", "1", "--only", strings.Join(inSuite, ","), "--processes", "2", "--contacts", "30",
		"--calls-per-second", "20", "--queue-ahead", "1s", "--seed", "3")
	t.Log(out)
	if code != cli.ExitOK {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	for _, p := range failpoint.Points {
		if !slices.Contains(inSuite, p.Name) {
			continue
		}
		row := regexp.MustCompile(`(?m)^ +` + regexp.QuoteMeta(p.Name) + ` +[1-9]\d* +[1-9]\d* .*` + regexp.QuoteMeta(p.When))
		if !row.MatchString(out) {
			t.Errorf("the output does not say that %s was hit", p.Name)
		}
	}
	if want := "0 called twice, 0 never called, price difference 0.00000000: every promise holds"; !strings.Contains(out, want) {
		t.Errorf("the output lacks %q", want)
	}
}
