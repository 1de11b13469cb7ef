package main

import (
	"net/http"
	"strings"
	"testing"

	"dialer/internal/cli"
	"dialer/internal/testkit/require"
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

// A call that a program orders is counted like the calls of campaigns.
func TestCallOfTheAPIIsCounted(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	code, out, errOut := dialer(t, "token", "add", "--name", "crm", "--role", "operator", "--database-url", l.db.URL)
	if code != cli.ExitOK {
		t.Fatalf("token add: exit %d, said %s", code, errOut)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	address := l.dials(t)
	awaitHTTP(t, "http://"+address+"/readyz")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/api/v1/calls",
		strings.NewReader(`{"to": "+`+person(0)+`", "say": "Hello."}`))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+lines[len(lines)-1])
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		t.Fatalf("POST calls: %s", response.Status)
	}
	_, metrics := get(t, "http://"+address+"/metrics", nil)
	for _, want := range []string{`dialer_gates_total{result="passed"} 1`, `dialer_posts_total{outcome="created",refusal=""} 1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}
