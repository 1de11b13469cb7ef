package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"dialer/internal/cli"
	"dialer/internal/testkit/testkey"
)

// dialer runs the program in this process and returns what it printed.
func dialer(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	return dialerCtx(t, t.Context(), "", args...)
}

func dialerCtx(t *testing.T, ctx context.Context, in string, args ...string) (code int, out, errOut string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(ctx, args, console{In: strings.NewReader(in), Out: &stdout, Err: &stderr})
	return code, stdout.String(), stderr.String()
}

func TestHelpNamesEveryCommandAndSetting(t *testing.T) {
	t.Parallel()
	code, out, _ := dialer(t, "--help")
	if code != cli.ExitOK {
		t.Errorf("--help: exit %d, want 0", code)
	}
	for _, command := range []string{
		"run", "demo", "simulate", "migrate up", "migrate status", "lock show", "lock release", "campaign list", "campaign show", "campaign pause",
		"campaign resume", "campaign stop", "campaign export", "contact show", "contact update", "contact cancel", "call show", "call list", "call create", "call hangup", "call mute", "call unmute", "call earmuff", "call unearmuff",
		"call transfer", "call stream", "call talk", "call dtmf", "suppress add", "suppress remove", "suppress import", "suppress list", "why", "alarms list", "alarms resolve", "report", "audit", "user add", "user list", "user remove", "token add", "token list", "token remove", "hook add", "hook list", "hook remove", "hook failed", "hook resend", "hook rotate", "events prune", "verify",
	} {
		if !strings.Contains(out, "\n  "+command+" ") {
			t.Errorf("--help does not list %q:\n%s", command, out)
		}
	}
	_, out, _ = dialer(t, "run", "--help")
	for _, setting := range []string{
		"DATABASE_URL", "REDIS_URL", "VONAGE_API_URL", "VONAGE_APPLICATION_ID", "VONAGE_PRIVATE_KEY", "VONAGE_SIGNATURE_SECRET",
		"DIALER_PUBLIC_URL", "DIALER_LISTEN", "DIALER_ADMIN_LISTEN", "DIALER_ADMIN_TOKEN", "DIALER_CALLS_PER_SECOND", "DIALER_REQUESTS_PER_SECOND", "DIALER_SETTLE_AFTER",
		"DIALER_RECONCILE_EVERY", "DIALER_TOKEN_LIFE", "https://api.nexmo.com/v1", "127.0.0.1:8080", "127.0.0.1:8081", "2m", "1m", "30s",
	} {
		if !strings.Contains(out, setting) {
			t.Errorf("run --help does not name %s:\n%s", setting, out)
		}
	}
}

func TestCommandMistakes(t *testing.T) {
	t.Parallel()
	key := testkey.File(t)
	good := []string{
		"run", "--database-url", "postgres:///nowhere", "--redis-url", "redis://127.0.0.1:1/0",
		"--application-id", "app", "--private-key", key, "--signature-secret", "the-secret-of-the-account",
	}
	for _, test := range []struct {
		name string
		args []string
		says string
	}{
		{"no command", nil, "expected one of"},
		{"a flag that does not exist", append(good, "--budget", "3"), "unknown flag --budget"},
		{"a URL that is none", append(good, "--api-url", "api.nexmo.com"), "--api-url"},
		{"a token life below Vonage's least", append(good, "--token-life", "5s"), "--token-life (DIALER_TOKEN_LIFE) must be at least 30s"},
		{"no calls", append(good, "--calls-per-second", "0"), "--calls-per-second"},
		{"two mistakes at once", append(good, "--calls-per-second", "0", "--settle-after", "0s"), "--settle-after"},
		{"a number that is none", []string{"why", "12ab", "--database-url", "postgres:///nowhere"}, "digits only"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			code, _, errOut := dialer(t, test.args...)
			if code != cli.ExitUsage || !strings.Contains(errOut, test.says) {
				t.Errorf("exit %d, said %q; want exit 2 and a word of %q", code, errOut, test.says)
			}
		})
	}
}

func TestShortTokenLifeOnlyOnLoopback(t *testing.T) {
	t.Parallel()
	p := paceFlags{CallsPerSecond: 3, RequestsPerSecond: 15, SettleAfter: leastTokenLife, ReconcileEvery: leastTokenLife, TokenLife: leastTokenLife / 10}
	if err := p.validate("http://127.0.0.1:8090/v1"); err != nil {
		t.Errorf("for the simulator: %v, want no error", err)
	}
	if err := p.validate("http://localhost:8090/v1"); err != nil {
		t.Errorf("for the simulator by name: %v, want no error", err)
	}
	for _, url := range []string{"https://api.nexmo.com/v1", "http://127.0.0.1.example.com/v1", "http://localhost.example.com/v1"} {
		if err := p.validate(url); err == nil {
			t.Errorf("for %s: no error, want one", url)
		}
	}
}

func TestPrivateKeyIsNotShown(t *testing.T) {
	t.Parallel()
	secret := "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----"
	_, out, errOut := dialer(t, "run", "--database-url", "postgres:///nowhere", "--redis-url", "redis://127.0.0.1:1/0",
		"--application-id", "app", "--private-key", secret, "--signature-secret", "the-secret-of-the-account")
	if !strings.Contains(errOut, "VONAGE_PRIVATE_KEY") || strings.Contains(out+errOut, "c2VjcmV0") {
		t.Errorf("said %q, want the setting's name and nothing of the key", errOut)
	}
}

// Settings that would start and then always fail, or that could be guessed or overheard,
// are refused with the setting's name and the reason, without the secret.
func TestSettingsThatCannotWork(t *testing.T) {
	t.Parallel()
	key := testkey.File(t)
	try := func(changes map[string]string) (code int, said string) {
		settings := map[string]string{
			"DATABASE_URL": "postgres://user:hunter2@127.0.0.1:1/nowhere?connect_timeout=1", "REDIS_URL": "redis://127.0.0.1:1/0", "VONAGE_APPLICATION_ID": "app",
			"VONAGE_PRIVATE_KEY": key, "VONAGE_SIGNATURE_SECRET": "0123456789abcdef0123456789abcdef", "DIALER_PUBLIC_URL": "https://dialer.example.com",
		}
		for name, value := range changes {
			settings[name] = value
		}
		var stderr strings.Builder
		con := console{In: strings.NewReader(""), Out: &stderr, Err: &stderr, Getenv: func(name string) string { return settings[name] }}
		return run(t.Context(), []string{"run"}, con), stderr.String()
	}
	const secret, app, url, api, token = "VONAGE_SIGNATURE_SECRET", "VONAGE_APPLICATION_ID", "DIALER_PUBLIC_URL", "VONAGE_API_URL", "DIALER_ADMIN_TOKEN"
	for _, test := range []struct{ setting, value, says string }{
		{secret, "hunter2", "can be guessed"},
		{secret, "h", "can be guessed"},
		{secret, ",0123456789abcdef", "is empty"},
		{secret, "hunter2-hunter2-hunter2\n", "a line break"},
		{secret, "hunter2 hunter2 hunter2", "a blank"},
		{secret, `"hunter2-hunter2-hunter2"`, "a quote"},
		{secret, "0123456789abcdef,'hunter2-hunter2-hunter2'", "number 2"},
		{app, "app\n", "a line break"},
		{app, `"app"`, "a quote"},
		{token, "hunter2-hunter2-hunter2\n", "a line break"},
		{url, "http://dialer.example.com", "DIALER_ALLOW_HTTP"},
		{url, "https://me:hunter2@dialer.example.com", "no user"},
		{url, "https://dialer.example.com/?a=hunter2", "no query"},
		{api, "http://api.example.com/v1", "DIALER_ALLOW_HTTP"},
		{api, "http://192.0.2.1/v1", "DIALER_ALLOW_HTTP"},
		{api, "https://me:hunter2@api.example.com/v1", "no user"},
		{"DIALER_OIDC_ISSUER", "http://login.example.com", "plain http"},
		{"DIALER_OIDC_CLIENT_ID", "dialer", "DIALER_OIDC_ISSUER"},
	} {
		code, said := try(map[string]string{test.setting: test.value})
		if code != cli.ExitUsage || !strings.Contains(said, test.setting) || !strings.Contains(said, test.says) || strings.Contains(said, "hunter2") {
			t.Errorf("%s=%q: exit %d, said %q; want 2, the setting's name, %q and nothing of the secret", test.setting, test.value, code, said, test.says)
		}
	}
	for name, changes := range map[string]map[string]string{
		"as they should be":   {},
		"http on loopback":    {api: "http://127.0.0.1:9/v1", url: "http://localhost:8080"},
		"http that is wanted": {api: "http://192.0.2.1/v1", url: "http://dialer:8080", "DIALER_ALLOW_HTTP": "true"},
		"a short secret":      {secret: "hunter2-hunter2-hunter2"},
		"logins elsewhere":    {"DIALER_OIDC_ISSUER": "https://login.example.com", "DIALER_OIDC_CLIENT_ID": "dialer", "DIALER_OIDC_ROLES": "ops=operator,root=admin", "DIALER_ADMIN_URL": "https://dialer.example.com"},
	} {
		code, said := try(changes)
		if code != cli.ExitFailed || !strings.Contains(said, "open database") || strings.Contains(said, "hunter2") {
			t.Errorf("%s: exit %d, said %q; want the database to be the first trouble", name, code, said)
		}
		if warned := strings.Contains(said, "VONAGE_SIGNATURE_SECRET is short"); warned != (name == "a short secret") {
			t.Errorf("%s: said %q", name, said)
		}
	}
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, said := try(nil); !strings.Contains(said, "chmod 600") {
		t.Errorf("a key that everybody can read: said %q, want a warning", said)
	}
}
