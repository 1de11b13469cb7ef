package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dialer/internal/cli"
	"dialer/internal/embedded"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/internal/testkit/testkey"
)

// built is the folder of the built programs; "" before.
var built string

func TestMain(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(built) // a folder of the system's temporary ones
	os.Exit(code)
}

// build builds both programs, once for this test binary.
var build = sync.OnceValues(func() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "dialer-bin-*"); err != nil {
		return "", err
	}
	built = dir
	cmd := exec.Command("go", "build", "-o", dir, "dialer/cmd/dialer", "dialer/cmd/enqueue")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return dir, nil
})

// programs are the built programs with the environment that README describes.
type programs struct {
	dir string
	env []string
}

func (p programs) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(p.dir, name), args...)
	cmd.Env = append(os.Environ(), p.env...)
	return cmd
}

// run runs a program to its end and returns what it printed.
func (p programs) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := p.command(ctx, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// start starts a server program, and returns a function that ends it and returns how it
// ended. ready is a URL that answers when it serves.
func (p programs) start(t *testing.T, ready, name string, args ...string) (stop func() error) {
	t.Helper()
	cmd := p.command(context.Background(), name, args...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	stop = sync.OnceValue(func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		return cmd.Wait()
	})
	t.Cleanup(func() {
		_ = stop()
		if t.Failed() {
			t.Logf("%s %s said:\n%s", name, args[0], log.String())
		}
	})
	awaitHTTP(t, ready)
	return stop
}

// awaitHTTP waits until a URL answers with 200.
func awaitHTTP(t *testing.T, url string) {
	t.Helper()
	require.Eventually(t, url+" answers", func() bool {
		response, err := http.Get(url)
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

// freeAddress is a loopback address that was free a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := embedded.FreeAddress()
	require.NoError(t, err)
	return address
}

// TestProgramsTogether follows README with separate processes: a provider, two dialers,
// an import that is followed, and the commands afterwards.
func TestProgramsTogether(t *testing.T) {
	t.Parallel()
	dir, err := build()
	require.NoError(t, err)
	redis := testkit.Redis(t)
	provider, first, second := freeAddress(t), freeAddress(t), freeAddress(t) // each dialer's is its admin listener's
	key := testkey.File(t)
	p := programs{dir: dir, env: []string{
		"DATABASE_URL=" + testkit.New(t).URL, "REDIS_URL=" + redis,
		"VONAGE_API_URL=http://" + provider + "/v1", "VONAGE_APPLICATION_ID=app", "VONAGE_PRIVATE_KEY=" + key,
		"VONAGE_SIGNATURE_SECRET=a-secret-of-the-account", "DIALER_PUBLIC_URL=", "DIALER_CALLS_PER_SECOND=20",
		"DIALER_SETTLE_AFTER=2s", "DIALER_RECONCILE_EVERY=1s",
	}}
	p.start(t, "http://"+provider+"/ledger/summary", "dialer", "simulate", "--listen", provider, "--public-key", key, "--speed", "50", "--calls-per-second", "20")
	stopFirst := p.start(t, "http://"+first+"/readyz", "dialer", "run", "--listen", "127.0.0.1:0", "--admin-listen", first)
	stopSecond := p.start(t, "http://"+second+"/readyz", "dialer", "run", "--listen", "127.0.0.1:0", "--admin-listen", second)

	file := filepath.Join(t.TempDir(), "people.csv")
	require.NoError(t, os.WriteFile(file, []byte(people), 0o600))
	enqueue := []string{
		"--name", "outage-7", "--from", "447700900100", "--hours", "00:00-24:00", "--attempts", "1",
		"--say", "Hello {{name}}, the water is off.", file,
	}
	if out := p.run(t, "enqueue", append([]string{"--dry-run"}, enqueue...)...); !strings.Contains(out, "Hello Ann") {
		t.Errorf("enqueue --dry-run: %s", out)
	}
	if out := p.run(t, "enqueue", append([]string{"--follow"}, enqueue...)...); !strings.Contains(out, "3 added") || !strings.Contains(out, "ended:") {
		t.Errorf("enqueue --follow: %s", out)
	}
	if out := p.run(t, "enqueue", enqueue...); !strings.Contains(out, "0 added") {
		t.Errorf("enqueue again: %s", out)
	}
	if out := p.run(t, "dialer", "report", "outage-7"); !strings.Contains(out, "3  calls") {
		t.Errorf("report: %s", out)
	}
	if out := p.run(t, "dialer", "why", "447700900101"); !strings.Contains(out, "attempt 1") {
		t.Errorf("why: %s", out)
	}
	if out := p.run(t, "dialer", "verify", "--ledger", "http://"+provider); !strings.Contains(out, "verify: 3 calls at Vonage, 3 attempts here, 0 called twice, 0 never called, price difference 0.00000000") {
		t.Errorf("verify: %s", out)
	}
	for _, stop := range []func() error{stopFirst, stopSecond} {
		if err := stop(); err != nil {
			t.Errorf("SIGTERM: %v, want a clean end", err)
		}
	}
}

// TestDemo runs README's first command, the demo.
func TestDemo(t *testing.T) { // it runs alone: its clock is twenty times too fast
	code, out, errOut := dialer(t, "demo")
	if code != cli.ExitOK {
		t.Fatalf("exit %d\n%s\n%s", code, out, errOut)
	}
	for _, says := range []string{"0 called twice, 0 never called, price difference 0.00000000: every promise holds", "10 duplicates, 29 refused", "27 requests were lost or unclear on purpose, 27 found out", "nobody called twice, nobody forgotten, price equal"} {
		if !strings.Contains(out, says) {
			t.Errorf("the demo did not say %q:\n%s", says, out)
		}
	}
}
