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
	"time"
)

// startParent runs this binary as a parent of servers in tmp.
func startParent(t *testing.T, tmp string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), parentVar+"=1", "TMPDIR="+tmp)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd, bufio.NewScanner(out)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after a minute, not yet: %s", what)
		}
	}
}

func gone(pid int) bool { return syscall.Kill(pid, 0) == syscall.ESRCH }

// postmasterPID reads the first line of the server's own pid file.
func postmasterPID(t *testing.T, dsn string) int {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(u.Query().Get("host"), "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestServersDieWithTheirParent(t *testing.T) {
	t.Parallel()
	tmp := openTempDir(t)
	parent, out := startParent(t, tmp)
	if !out.Scan() {
		t.Fatalf("the parent said nothing: %v", out.Err())
	}
	var f family
	if err := json.Unmarshal(out.Bytes(), &f); err != nil {
		t.Fatal(err)
	}
	pid := postmasterPID(t, f.Postgres)

	// Ctrl-C reaches the parent's group, and must not reach the servers.
	if err := syscall.Kill(-parent.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := askPostgres(f.Postgres); err != nil {
		t.Errorf("Postgres after Ctrl-C: %v", err)
	}
	if _, err := askRedis(f.Redis, "PING"); err != nil {
		t.Errorf("Redis after Ctrl-C: %v", err)
	}

	if err := syscall.Kill(-parent.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Postgres is gone", func() bool { return gone(pid) })
	eventually(t, "Redis is gone", func() bool { _, err := askRedis(f.Redis, "PING"); return err != nil })
	eventually(t, "the folders are gone", func() bool { return len(entries(t, tmp)) == 0 })
}

// A parent may also be killed while it is still preparing the server.
func TestNothingIsLeftOfAStartThatWasKilled(t *testing.T) {
	t.Parallel()
	tmp := openTempDir(t)
	parent, _ := startParent(t, tmp)
	eventually(t, "initdb is at work", func() bool { return len(entries(t, tmp+"/dialer-postgres-*/data")) > 0 })
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the folder is gone", func() bool { return len(entries(t, tmp)) == 0 })
}

// Temporary folders are swept by others too.
func TestTheGuardEndsAServerThatLostItsFolder(t *testing.T) {
	t.Parallel()
	m := thisMachine(Options{Getenv: withoutURLs(openTempDir(t))})
	h, err := m.newHome("test")
	if err != nil {
		t.Fatal(err)
	}
	p, err := h.start("TERM", "/bin", "sleep", "300")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.remove(); err != nil {
		t.Fatal(err)
	}
	if err := p.leash.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the guard and its server have ended", func() bool {
		select {
		case <-p.done:
			return true
		default:
			return false
		}
	})
}
