package embedded

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"

	"dialer/internal/testkit/require"
)

// TestServersInUse is what scripts/servers runs: it prints the servers for the
// tests, or everything that is missing.
func TestServersInUse(t *testing.T) {
	t.Parallel()
	logged := ""
	o := Options{Log: func(s string) { logged += s; t.Log(s) }}
	for _, find := range []func(context.Context, Options) (*Server, error){Postgres, Redis} {
		logged = ""
		s, err := find(t.Context(), o)
		if err != nil {
			t.Error(err)
			continue
		}
		if s.URL == "" || !strings.Contains(logged, s.Origin) {
			t.Errorf("logged %q, without %q", logged, s.Origin)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestVariablesNameServers(t *testing.T) {
	t.Parallel()
	o := Options{Getenv: func(name string) string {
		return map[string]string{"DATABASE_URL": "postgres://db/x", "REDIS_URL": "redis://r:1"}[name]
	}}
	pg, err := Postgres(t.Context(), o)
	if err != nil || pg.URL != "postgres://db/x" || pg.Origin != "DATABASE_URL" {
		t.Errorf("got %+v, %v", pg, err)
	}
	rd, err := Redis(t.Context(), o)
	if err != nil || rd.URL != "redis://r:1" || rd.Origin != "REDIS_URL" {
		t.Errorf("got %+v, %v", rd, err)
	}
	if err := errors.Join(pg.Close(), rd.Close()); err != nil {
		t.Error(err)
	}
}

func TestPrivatePostgres(t *testing.T) {
	t.Parallel()
	tmp := openTempDir(t)
	s, err := Postgres(t.Context(), Options{Getenv: withoutURLs(tmp)})
	require.NoError(t, err)
	if err := askPostgres(s.URL); err != nil {
		t.Errorf("ask %s: %v", s.URL, err)
	}
	homes := entries(t, tmp)
	if len(homes) != 1 {
		t.Fatalf("folders %v, want one", homes)
	}
	if info, err := os.Stat(homes[0]); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v, %v: others may connect", info.Mode(), err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if left := entries(t, tmp); len(left) > 0 {
		t.Errorf("Close left %v", left)
	}
	if askPostgres(s.URL) == nil {
		t.Error("it still answers after Close")
	}
}

func TestPrivateRedis(t *testing.T) {
	t.Parallel()
	tmp := openTempDir(t)
	s, err := Redis(t.Context(), Options{Getenv: withoutURLs(tmp)})
	require.NoError(t, err)
	for command, want := range map[string]string{
		"PING":                        "+PONG",
		"CONFIG GET maxmemory-policy": "noeviction",
		"CONFIG GET appendonly":       "$2\r\nno",
		"CONFIG GET bind":             "127.0.0.1\r\n",
	} {
		if got, err := askRedis(s.URL, command); err != nil || !strings.Contains(got, want) {
			t.Errorf("%s: got %q, %v, want %q", command, got, err, want)
		}
	}
	if got, err := askRedis(s.URL, "SET ours 1"); err != nil || got != "+OK\r\n" {
		t.Fatalf("SET: got %q, %v", got, err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if left := entries(t, tmp); len(left) > 0 {
		t.Errorf("Close left %v", left)
	}
	// Another server may have the port by now, but not the data that was stored here.
	if got, err := askRedis(s.URL, "GET ours"); err == nil && got == "$1\r\n1\r\n" {
		t.Error("it still answers after Close")
	}
}

func TestRedisTriesAnotherPort(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	tries := 0
	port := func() (int, error) {
		if tries++; tries == 1 {
			return taken.Addr().(*net.TCPAddr).Port, nil
		}
		return freePort()
	}
	m := thisMachine(Options{Getenv: withoutURLs(openTempDir(t))})
	bin, err := m.findRedis()
	require.NoError(t, err)
	s, err := m.privateRedis(t.Context(), bin, port)
	require.NoError(t, err)
	if got, err := askRedis(s.URL, "PING"); err != nil || !strings.HasPrefix(got, "+PONG") || tries < 2 {
		t.Errorf("got %q, %v after %d tries", got, err, tries)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestInProcessRedisExpiresKeys(t *testing.T) {
	t.Parallel()
	s, err := inProcessRedis()
	require.NoError(t, err)
	if got, err := askRedis(s.URL, "SET lease 1 PX 20"); err != nil || !strings.HasPrefix(got, "+OK") {
		t.Fatalf("got %q, %v", got, err)
	}
	require.Eventually(t, "the key is gone", func() bool {
		got, err := askRedis(s.URL, "EXISTS lease")
		return err == nil && strings.HasPrefix(got, ":0")
	})
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
