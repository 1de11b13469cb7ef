package main

import (
	"strings"
	"testing"

	"dialer/internal/cli"
	"dialer/internal/testkit"
)

func TestEventsPrune(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	db.Exec(t, `CREATE TABLE events_20250102 PARTITION OF events FOR VALUES FROM ('2025-01-02T00:00:00Z') TO ('2025-01-03T00:00:00Z')`)
	prune := func(args ...string) (int, string, string) {
		return dialer(t, append([]string{"events", "prune", "--database-url", db.URL}, args...)...)
	}
	for _, step := range []struct {
		flags []string
		want  string
	}{
		{[]string{"--older-than", "90d", "--dry-run"}, "2025-01-02  would be dropped\n"},
		{[]string{"--older-than", "90d"}, "2025-01-02  dropped\n"},
		{[]string{"--older-than", "90d"}, "no day is that old\n"},
	} {
		if code, out, errOut := prune(step.flags...); code != cli.ExitOK || out != step.want {
			t.Errorf("%v: exit %d, %q %q, want %q", step.flags, code, out, errOut, step.want)
		}
	}
	for _, age := range []string{"2d", "90", "90h", "-5d", "x"} {
		if code, _, errOut := prune("--older-than", age); code != cli.ExitUsage || !strings.Contains(errOut, "such as 90d") {
			t.Errorf("--older-than %s: exit %d, %q", age, code, errOut)
		}
	}
}
