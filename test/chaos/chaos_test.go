package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"dialer/internal/cli"
	"dialer/internal/testkit/require"
	"dialer/test/fleet"
)

// asProgram makes the test binary the program itself.
const asProgram = "CHAOS_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	code := m.Run()
	if built.folder != "" {
		os.RemoveAll(built.folder)
	}
	os.Exit(code)
}

// built are dialer and enqueue, which all tests share.
var built struct {
	once   sync.Once
	folder string
	err    error
}

// program is the path of dialer or enqueue.
func program(t *testing.T, name string) string {
	t.Helper()
	built.once.Do(func() {
		if built.folder, built.err = os.MkdirTemp("", "chaos-programs-"); built.err == nil {
			built.err = fleet.Build(t.Context(), built.folder, "", "dialer", "enqueue")
		}
	})
	require.NoError(t, built.err)
	return filepath.Join(built.folder, name)
}

func chaos(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), args, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// A short run with all faults.
func TestChaos(t *testing.T) {
	t.Parallel()
	code, out, errOut := chaos(t, "--dialer", program(t, "dialer"), "--enqueue", program(t, "enqueue"),
		"--kills", "8", "--pauses", "2", "--redis-losses", "3", "--postgres-crashes", "1", "--cuts", "6", "--acts", "12", "--wording", "other",
		"--gap", "170ms", "--contacts", "80", "--queue-ahead", "2s", "--seed", "3")
	t.Log(out)
	if code != cli.ExitOK {
		t.Fatalf("exit %d: %s", code, errOut)
	}
	for _, want := range []string{
		"kill -9 8,", "pause 2,", redisFlush + " 1", redisEmpty + " 1", redisOld + " 1", postgresCrash + " 1", "cut after COMMIT 6", "operators: 12 acts",
		"0 called twice, 0 never called, price difference 0.00000000: every promise holds", "fields compared, 0 findings", "seed 3,",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q", want)
		}
	}
	match := regexp.MustCompile(`a fault on \d+ POSTs \((\d+)`).FindStringSubmatch(out)
	if match == nil {
		t.Fatal("the output does not say how many POSTs had a fault")
	}
	if percent, err := strconv.Atoi(match[1]); err != nil || percent < 15 {
		t.Errorf("%s %% of the POSTs had a fault, want about a quarter", match[1])
	}
}

// script stands for the dialer.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dialer")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755))
	return path
}

func TestBrokenPromiseKeepsEvidence(t *testing.T) {
	t.Parallel()
	failing := script(t, fmt.Sprintf(`
if [ "$1" = verify ]; then
	echo "BROKEN I1: one example"
	exit 1
fi
exec %s "$@"
`, program(t, "dialer")))
	code, out, errOut := chaos(t, "--dialer", failing, "--enqueue", program(t, "enqueue"), "--kills", "0", "--contacts", "5", "--faults", "none", "--events-lost", "0", "--processes", "1", "--queue-ahead", "1s")
	if code != cli.ExitFailed {
		t.Errorf("exit %d, want %d: %s%s", code, cli.ExitFailed, out, errOut)
	}
	for _, want := range []string{"BROKEN I1: one example", "BROKEN:", "NOT every promise holds"} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	_, dir, found := strings.Cut(out, "evidence: ")
	if dir = strings.TrimSpace(dir); !found {
		t.Fatalf("the output does not name the evidence:\n%s", out)
	}
	defer os.RemoveAll(dir)
	for _, file := range []string{"dialer-1.log", "ledger.ndjson", "postgres/PG_VERSION"} {
		if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestUnfinishedRunIsBroken(t *testing.T) {
	t.Parallel()
	crashed := filepath.Join(t.TempDir(), "crashed")
	idle := script(t, fmt.Sprintf(`
[ "$1" = run ] || exit 0
[ -e %[1]s ] || { touch %[1]s; exit 3; }
trap 'exit 0' TERM
while :; do sleep 0.1; done
`, crashed))
	code, out, _ := chaos(t, "--dialer", idle, "--enqueue", idle, "--kills", "0", "--contacts", "5", "--deadline", "2s", "--processes", "1")
	if code != cli.ExitFailed {
		t.Errorf("exit %d, want %d", code, cli.ExitFailed)
	}
	for _, want := range []string{errUnfinished.Error(), "5 contacts to go", "dialer-1 ended by itself: exit status 3"} {
		if !strings.Contains(out, want) {
			t.Errorf("the output lacks %q:\n%s", want, out)
		}
	}
	if _, dir, found := strings.Cut(out, "evidence: "); found {
		os.RemoveAll(strings.TrimSpace(dir))
	}
}

// Also after kill -9.
func TestNoProcessOutlivesTheRunner(t *testing.T) {
	t.Parallel()
	tmp, err := os.MkdirTemp("/tmp", "chaos")
	require.NoError(t, err)
	defer os.RemoveAll(tmp)
	require.NoError(t, os.Chmod(tmp, 0o777))
	pids := filepath.Join(t.TempDir(), "pids")
	sleeper := script(t, fmt.Sprintf("[ \"$1\" = run ] || exit 0\necho $$ >>%s\nexec sleep 300\n", pids))
	cmd := exec.Command(os.Args[0], "--dialer", sleeper, "--enqueue", sleeper, "--contacts", "5", "--processes", "2")
	cmd.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+tmp,
		"DATABASE_URL=postgres://127.0.0.1:1/never", "REDIS_URL=redis://127.0.0.1:1/0") // it must not use these
	require.NoError(t, cmd.Start())
	var running []string
	require.Eventually(t, "two dialers run", func() bool {
		text, _ := os.ReadFile(pids)
		running = strings.Fields(string(text))
		return len(running) == 2
	})
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	for _, text := range running {
		pid, err := strconv.Atoi(text)
		if err != nil || pid < 2 {
			t.Fatalf("pid %q", text)
		}
		require.Eventually(t, "the dialer has ended", func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
	}
	require.Eventually(t, "the folders are gone", func() bool {
		left, err := os.ReadDir(tmp)
		return err == nil && len(left) == 0 || errors.Is(err, fs.ErrNotExist)
	})
}

func TestInvalidFlags(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ says, args string }{
		{"--contacts", "--contacts 0"},
		{"counts need --kills", "--pauses 3"},
		{"--events-lost", "--events-lost 2"},
		{"--dialer", "--dialer /nowhere/dialer"},
		{"--gap", "--gap 1us"},
	} {
		code, _, errOut := chaos(t, strings.Fields(test.args)...)
		if code != cli.ExitUsage || !strings.Contains(errOut, test.says) {
			t.Errorf("%s: exit %d, said %q; want exit 2 and %q", test.args, code, errOut, test.says)
		}
	}
	if code, out, _ := chaos(t, "--help"); code != cli.ExitOK || !strings.Contains(out, "--redis-losses") {
		t.Errorf("--help: exit %d, %s", code, out)
	}
}
