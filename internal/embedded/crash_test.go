package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dialer/internal/testkit/require"
)

func TestPostgresCrashAndStart(t *testing.T) {
	t.Parallel()
	tmp := openTempDir(t)
	s, err := Postgres(t.Context(), Options{Getenv: withoutURLs(tmp)})
	require.NoError(t, err)
	before := postmasterPID(t, s.URL)
	for range 2 {
		require.NoError(t, s.Crash())
		if askPostgres(s.URL) == nil {
			t.Error("it answers after the crash")
		}
		if _, err := os.Stat(filepath.Join(s.Dir, "data", "PG_VERSION")); err != nil {
			t.Errorf("the data is gone: %v", err)
		}
		require.NoError(t, s.Start(t.Context()))
		if err := askPostgres(s.URL); err != nil {
			t.Errorf("after Start: %v", err)
		}
		after := postmasterPID(t, s.URL)
		if after == before {
			t.Error("the server did not crash")
		}
		before = after
	}
	log, err := os.ReadFile(filepath.Join(s.Dir, "log"))
	if err != nil || !strings.Contains(string(log), "not properly shut down") {
		t.Errorf("Postgres did not have to recover (%v), so this was no crash:\n%s", err, log)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left := entries(t, tmp); len(left) > 0 || !gone(before) {
		t.Errorf("Close left %v, or the server", left)
	}
}

func TestRedisCrashAndStart(t *testing.T) {
	t.Parallel()
	tmp := openTempDir(t)
	s, err := Redis(t.Context(), Options{Getenv: withoutURLs(tmp)})
	require.NoError(t, err)
	redis := func(command, want string) {
		t.Helper()
		if got, err := askRedis(s.URL, command); err != nil || !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q, %v, want %q", command, got, err, want)
		}
	}
	again := func() {
		t.Helper()
		require.NoError(t, s.Crash())
		if _, err := askRedis(s.URL, "PING"); err == nil {
			t.Error("it answers after the crash")
		}
		require.NoError(t, s.Start(t.Context()))
	}
	redis("SET saved 1", "+OK")
	redis("SAVE", "+OK")
	redis("SET unsaved 1", "+OK")
	again()
	redis("EXISTS saved", ":1")
	redis("EXISTS unsaved", ":0")
	require.NoError(t, os.Remove(filepath.Join(s.Dir, "dump.rdb")))
	again()
	redis("DBSIZE", ":0")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left := entries(t, tmp); len(left) > 0 {
		t.Errorf("Close left %v", left)
	}
}

func TestCloseAfterCrash(t *testing.T) {
	t.Parallel()
	tmp := openTempDir(t)
	s, err := Redis(t.Context(), Options{Getenv: withoutURLs(tmp)})
	require.NoError(t, err)
	require.NoError(t, s.Crash())
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left := entries(t, tmp); len(left) > 0 {
		t.Errorf("Close left %v", left)
	}
}

func TestCrashOnlyPrivateServers(t *testing.T) {
	t.Parallel()
	s, err := Redis(t.Context(), Options{Getenv: func(string) string { return "redis://127.0.0.1:1/0" }})
	require.NoError(t, err)
	if err := s.Crash(); !errors.Is(err, errNotPrivate) {
		t.Errorf("Crash: %v", err)
	}
	if err := s.Start(t.Context()); !errors.Is(err, errNotPrivate) {
		t.Errorf("Start: %v", err)
	}
}
