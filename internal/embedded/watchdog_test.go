package embedded

import (
	"bufio"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"dialer/internal/testkit/require"
)

// startParent runs this binary as a parent of servers in tmp.
func startParent(t *testing.T, tmp string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), parentVar+"=1", "TMPDIR="+tmp)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd, bufio.NewScanner(out)
}

func gone(pid int) bool { return syscall.Kill(pid, 0) == syscall.ESRCH }

// postmasterPID reads the first line of the server's own pid file.
func postmasterPID(t *testing.T, dsn string) int {
	t.Helper()
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(u.Query().Get("host"), "data", "postmaster.pid"))
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	require.NoError(t, err)
	return pid
}

func TestServersEndWithTheirParent(t *testing.T) {
	t.Parallel()
	tmp := openTempDir(t)
	parent, out := startParent(t, tmp)
	if !out.Scan() {
		t.Fatalf("the parent printed nothing: %v", out.Err())
	}
	var urls serverURLs
	require.NoError(t, json.Unmarshal(out.Bytes(), &urls))
	pid := postmasterPID(t, urls.Postgres)

	// Ctrl-C signals the parent's process group, but not the servers.
	require.NoError(t, syscall.Kill(-parent.Process.Pid, syscall.SIGINT))
	if err := askPostgres(urls.Postgres); err != nil {
		t.Errorf("Postgres after Ctrl-C: %v", err)
	}
	if _, err := askRedis(urls.Redis, "PING"); err != nil {
		t.Errorf("Redis after Ctrl-C: %v", err)
	}

	require.NoError(t, syscall.Kill(-parent.Process.Pid, syscall.SIGKILL))
	require.Eventually(t, "Postgres is gone", func() bool { return gone(pid) })
	require.Eventually(t, "Redis is gone", func() bool { _, err := askRedis(urls.Redis, "PING"); return err != nil })
	require.Eventually(t, "the folders are gone", func() bool { return len(entries(t, tmp)) == 0 })
}

func TestParentKilledDuringStart(t *testing.T) {
	t.Parallel()
	tmp := openTempDir(t)
	parent, _ := startParent(t, tmp)
	require.Eventually(t, "initdb runs", func() bool { return len(entries(t, tmp+"/dialer-postgres-*/data")) > 0 })
	require.NoError(t, parent.Process.Kill())
	require.Eventually(t, "the folder is gone", func() bool { return len(entries(t, tmp)) == 0 })
}

// The system may clean up temporary folders.
func TestWatchdogEndsServerWithoutFolder(t *testing.T) {
	t.Parallel()
	m := thisMachine(Options{Getenv: withoutURLs(openTempDir(t))})
	h, err := m.newFolder("test")
	require.NoError(t, err)
	p, err := h.start("TERM", "/bin", "sleep", "300")
	require.NoError(t, err)
	require.Eventually(t, "the server runs", func() bool { return h.serverPID() != noProcess })
	require.NoError(t, h.remove())
	require.NoError(t, p.pipe.Close())
	require.Eventually(t, "the watchdog and its server have ended", func() bool {
		select {
		case <-p.done:
			return true
		default:
			return false
		}
	})
}
