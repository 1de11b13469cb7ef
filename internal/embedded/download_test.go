package embedded

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"dialer/internal/testkit/require"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// packDownload puts an archive of programs into the cache, as a download would.
// The programs call the Postgres of this machine.
func packDownload(t *testing.T, cache string) {
	t.Helper()
	arch, known := map[string]string{"amd64": "amd64", "arm64": "arm64v8"}[runtime.GOARCH]
	if _, err := exec.LookPath("xz"); err != nil || !known {
		t.Skip("needs xz, on a processor that Postgres is built for")
	}
	if _, err := os.Stat("/etc/alpine-release"); err == nil {
		t.Skip("Alpine's archive has another name")
	}
	bin, err := thisMachine(Options{}).findPostgres()
	require.NoError(t, err)
	root := t.TempDir()
	for _, name := range []string{"initdb", "postgres", "pg_ctl"} {
		program(t, root, "bin/"+name)
		script := fmt.Sprintf("#!/bin/sh\nexec %s/%s \"$@\"\n", bin, name)
		require.NoError(t, os.WriteFile(filepath.Join(root, "bin", name), []byte(script), 0o755))
	}
	archive := fmt.Sprintf("%s/embedded-postgres-binaries-%s-%s-%s.txz", cache, runtime.GOOS, arch, embeddedpostgres.V18)
	if out, err := exec.Command("tar", "-C", root, "-cJf", archive, "bin").CombinedOutput(); err != nil {
		t.Fatalf("tar: %v: %s", err, out)
	}
}

func owner(t *testing.T, file string) uint32 {
	t.Helper()
	info, err := os.Stat(file)
	require.NoError(t, err)
	return info.Sys().(*syscall.Stat_t).Uid
}

func TestPostgresFromADownload(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()) // for the log that the library leaves
	tmp, cache := openTempDir(t), t.TempDir()
	packDownload(t, cache)
	m := thisMachine(Options{Getenv: environment(map[string]string{"TMPDIR": tmp})})
	m.postgresDirs, m.downloadCache = nil, cache
	s, err := m.postgres(t.Context(), true)
	require.NoError(t, err)
	if err := askPostgres(s.URL); err != nil {
		t.Error(err)
	}
	if !strings.HasPrefix(s.Origin, tmp) {
		t.Errorf("origin %s, want one in %s", s.Origin, tmp)
	}
	// Otherwise the watchdog, which runs as the server's user, could not remove them.
	if got, want := owner(t, s.Origin), owner(t, filepath.Dir(filepath.Dir(s.Origin))); got != want {
		t.Errorf("the programs belong to user %d and the folder to %d", got, want)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left := entries(t, tmp); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

func TestFailedDownload(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()) // for the log that the library leaves
	tmp, cache := openTempDir(t), t.TempDir()
	packDownload(t, cache)
	archives := entries(t, cache)
	require.NoError(t, os.WriteFile(archives[0], []byte("no archive"), 0o644))
	m := thisMachine(Options{Getenv: environment(map[string]string{"TMPDIR": tmp})})
	m.postgresDirs, m.downloadCache = nil, cache
	_, err := m.postgres(t.Context(), true)
	if err == nil || !strings.Contains(err.Error(), m.installer.postgres) {
		t.Errorf("got %v, want %q in it", err, m.installer.postgres)
	}
	if left := entries(t, tmp); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}
