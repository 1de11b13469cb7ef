package main

import (
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/internal/testkit/testkey"
	"dialer/voice/voicesim"
)

// shell runs a script with the built programs, and returns what it printed.
func (p programs) shell(t *testing.T, script string, env ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-euc", script)
	cmd.Env = append(append(os.Environ(), p.env...), append(env, "PATH="+p.dir+":"+os.Getenv("PATH"))...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	return string(out)
}

// TestAPIDocs runs the commands of docs/api.md, and its script that adds a reminder
// and gets the confirmation.
func TestAPIDocs(t *testing.T) {
	t.Parallel()
	dir, err := build()
	require.NoError(t, err)
	admin, key := freeAddress(t), testkey.File(t)
	public, err := readPublicKey(key)
	require.NoError(t, err)
	scripts := map[string][]voicesim.Script{}
	for number, digit := range map[string]string{"447700900121": "1", "447700900122": "2"} {
		scripts[number] = []voicesim.Script{{Outcome: "answered", Ring: time.Second, Talk: time.Minute, Digits: []string{digit}}}
	}
	sim, err := voicesim.New(voicesim.Config{
		PublicKey: public, ApplicationID: "app", SignatureSecret: []byte("a-secret-of-the-account"), APIKey: simulatedAPIKey,
		Outcomes: voicesim.Outcomes{ByNumber: scripts}, Speed: 20,
	})
	require.NoError(t, err)
	provider := httptest.NewServer(sim)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := sim.Close(ctx); err != nil {
			t.Error(err)
		}
		provider.CloseClientConnections()
		provider.Close()
	})
	p := programs{dir: dir, env: []string{
		"DATABASE_URL=" + testkit.New(t).URL, "REDIS_URL=" + testkit.Redis(t), "VONAGE_API_URL=" + provider.URL + "/v1", "VONAGE_APPLICATION_ID=app",
		"VONAGE_PRIVATE_KEY=" + key, "VONAGE_SIGNATURE_SECRET=a-secret-of-the-account", "DIALER_PUBLIC_URL=", "DIALER_CALLS_PER_SECOND=10",
	}}
	p.start(t, "http://"+admin+"/readyz", "dialer", "run", "--listen", "127.0.0.1:0", "--admin-listen", admin)

	page, err := os.ReadFile("../../docs/api.md")
	require.NoError(t, err)
	script := ""
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		script += block[1]
	}
	if strings.Count(script, "curl") < 9 {
		t.Fatalf("docs/api.md has too few examples:\n%s", script)
	}
	script = strings.ReplaceAll(script, "http://127.0.0.1:8081", "http://"+admin) + "\necho \"$TOKEN\"\n"
	out := p.shell(t, script)
	for _, says := range []string{
		`"campaign":"dental"`, `"key":"p17"`, `"reason":"cancelled_by_request"`, `"added":1`, `"refused":1`, `"version":2`, `"wrong":"Please press 1 or 2."`, `lacks its area code`, `"next_cursor":null`, `"because":"`,
	} {
		if !strings.Contains(out, says) {
			t.Errorf("the examples did not answer %s:\n%s", says, out)
		}
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	environment := []string{"TOKEN=" + lines[len(lines)-1], "API=http://" + admin + "/api/v1"}
	for number, want := range map[string]string{"+447700900121": "confirmed", "+447700900122": "cancelled"} {
		if got := p.shell(t, "sh ../../docs/examples/reminder.sh dental p"+number[10:]+" "+number+" Ann '2036-12-03 10:00'", environment...); strings.TrimSpace(got) != want {
			t.Errorf("%s: %q, want %q", number, got, want)
		}
	}
	sameFigures(t, p, environment, admin, "dental")
	sameSplits(t, p, environment, admin, "dental")
	if n := strings.Count(readText(t, "../../docs/examples/reminder.sh"), "\n"); n > 21 {
		t.Errorf("the script has %d lines", n)
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}
