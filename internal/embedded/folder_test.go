package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dialer/internal/testkit/require"
)

func TestTempDir(t *testing.T) {
	t.Parallel()
	open := openTempDir(t)
	closed := filepath.Join(open, "closed")
	require.NoError(t, os.MkdirAll(filepath.Join(closed, "within"), 0o700))
	require.NoError(t, os.Chmod(filepath.Join(closed, "within"), 0o777))
	tests := map[string]struct {
		tmpdir    string
		otherUser bool
		want      string
	}{
		"none":                     {"", false, "/tmp"},
		"open":                     {open, true, open},
		"ours":                     {closed, false, closed},
		"closed to the other":      {closed, true, "/tmp"},
		"open within a closed one": {closed + "/within", true, "/tmp"},
		"too long for a socket":    {open + strings.Repeat("/long", 12), false, "/tmp"},
		"missing":                  {open + "/missing", true, "/tmp"},
		"long but not too long":    {open + "/" + strings.Repeat("x", 50-len(open)), false, open + "/" + strings.Repeat("x", 50-len(open))},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := machine{getenv: environment(map[string]string{"TMPDIR": test.tmpdir})}
			if got := m.tempDir(test.otherUser); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestOtherUser(t *testing.T) {
	t.Parallel()
	if u, err := otherUser("nobody-of-this-name", "nobody"); err != nil || u.Uid == 0 {
		t.Errorf("got %+v, %v, want nobody", u, err)
	}
	if u, err := otherUser("nobody-of-this-name"); err == nil {
		t.Errorf("got %+v, want an error", u)
	}
}

func TestFailedStart(t *testing.T) {
	t.Parallel()
	bin := filepath.Join(openTempDir(t), "bin")
	for name, script := range map[string]string{
		"initdb":       "mkdir \"$2\"",
		"postgres":     "echo FATAL: no memory; exit 1",
		"redis-server": "echo FATAL: no memory; exit 1",
	} {
		program(t, bin, name)
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	}
	tmp := openTempDir(t)
	m := thisMachine(Options{Getenv: environment(map[string]string{"PATH": bin, "TMPDIR": tmp})})
	_, pgErr := m.postgres(t.Context(), false)
	_, redisErr := m.redis(t.Context(), true)
	for _, err := range []error{pgErr, redisErr} {
		if !errors.Is(err, errEnded) || !strings.Contains(err.Error(), "no memory") {
			t.Errorf("got %v, want errEnded with the output", err)
		}
	}
	if left := entries(t, tmp); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}
