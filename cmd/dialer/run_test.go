package main

import (
	"strings"
	"testing"

	"dialer/internal/cli"
)

// A mistyped setting is named before the database is asked: there is none here.
func TestRunChecksCountriesFirst(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	for _, flag := range []string{"--countries", "--default-country"} {
		code, _, errOut := dialer(t, "run", "--redis-url", "redis://127.0.0.1:1", "--database-url", "postgres://127.0.0.1:1/none", "--public-url", l.hooks,
			"--signature-secret", "the-secret-of-the-account", "--api-url", l.api, "--application-id", "app", "--private-key", l.key, flag, "XX")
		if code != cli.ExitUsage || !strings.Contains(errOut, flag) {
			t.Errorf("%s XX: exit %d, said %s", flag, code, errOut)
		}
	}
}
