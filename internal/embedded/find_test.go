package embedded

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dialer/internal/testkit/require"
)

// program creates an executable file.
func program(t *testing.T, root, name string) {
	t.Helper()
	file := filepath.Join(root, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\n"), 0o755))
}

// relative is the path of a file relative to the working directory.
func relative(t *testing.T, file string) string {
	t.Helper()
	here, err := os.Getwd()
	require.NoError(t, err)
	name, err := filepath.Rel(here, file)
	require.NoError(t, err)
	return name
}

func environment(variables map[string]string) func(string) string {
	return func(name string) string { return variables[name] }
}

func TestFindPostgres(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		files    []string
		relative bool
		want     string
	}{
		"nothing":                   {nil, false, ""},
		"on PATH":                   {[]string{"bin/postgres", "bin/initdb", "lib/17/bin/postgres", "lib/17/bin/initdb"}, false, "bin"},
		"the newest":                {[]string{"lib/9.6/bin/postgres", "lib/9.6/bin/initdb", "lib/17/bin/postgres", "lib/17/bin/initdb"}, false, "lib/17/bin"},
		"a client only":             {[]string{"lib/15/bin/postgres", "lib/15/bin/initdb", "lib/17/bin/psql"}, false, "lib/15/bin"},
		"half a server":             {[]string{"bin/postgres", "lib/17/bin/initdb"}, false, ""},
		"a relative PATH is unsafe": {[]string{"bin/postgres", "bin/initdb"}, true, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			for _, file := range test.files {
				program(t, root, file)
			}
			path := filepath.Join(root, "bin")
			if test.relative {
				path = relative(t, path)
			}
			m := machine{getenv: environment(map[string]string{"PATH": path}), postgresDirs: []string{root + "/lib/*/bin"}}
			got, err := m.findPostgres()
			if (err != nil) != (test.want == "") {
				t.Fatalf("error %v", err)
			}
			if want := filepath.Join(root, test.want); test.want != "" && got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestFindPostgresLink(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	program(t, root, "lib/15/bin/postgres")
	program(t, root, "lib/15/bin/initdb")
	require.NoError(t, os.Mkdir(filepath.Join(root, "bin"), 0o755))
	require.NoError(t, os.Symlink(filepath.Join(root, "lib/15/bin/postgres"), filepath.Join(root, "bin/postgres")))
	m := machine{getenv: environment(map[string]string{"PATH": filepath.Join(root, "bin")})}
	got, err := m.findPostgres()
	if want := filepath.Join(root, "lib/15/bin"); err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func TestFindRedis(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		files []string
		want  string
	}{
		"nothing":             {nil, ""},
		"on PATH":             {[]string{"bin/redis-server", "opt/redis-server"}, "bin/redis-server"},
		"valkey on PATH":      {[]string{"bin/valkey-server", "opt/redis-server"}, "bin/valkey-server"},
		"in the usual folder": {[]string{"opt/valkey-server"}, "opt/valkey-server"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			for _, file := range test.files {
				program(t, root, file)
			}
			m := machine{getenv: environment(map[string]string{"PATH": root + "/bin"}), redisDirs: []string{root + "/opt"}}
			got, err := m.findRedis()
			if (err != nil) != (test.want == "") {
				t.Fatalf("error %v", err)
			}
			if want := filepath.Join(root, test.want); test.want != "" && got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestMissingServersErrorSaysWhatToType(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"apt-get": {"apt-get install -y postgresql", "apt-get install -y redis-server"},
		"brew":    {"brew install postgresql", "brew install redis"},
		"docker":  {"docker run", "docker run"},
		"none":    {"docker run", "docker run"},
	}
	for tool, want := range tests {
		t.Run(tool, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			program(t, root, tool)
			m := machine{getenv: environment(nil), installer: findInstaller(root)}
			_, pgErr := m.postgres(t.Context(), false)
			_, redisErr := m.redis(t.Context(), false)
			for i, err := range []error{pgErr, redisErr} {
				if err == nil || !strings.Contains(err.Error(), want[i]) {
					t.Errorf("got %v, want %q in it", err, want[i])
				}
			}
		})
	}
}

func TestRedisInProcessFallback(t *testing.T) {
	t.Parallel()
	logged := ""
	m := machine{getenv: environment(nil), log: func(s string) { logged = s }}
	s, err := m.redis(t.Context(), true)
	require.NoError(t, err)
	defer s.Close()
	if s.Origin != "in-process" || !strings.Contains(logged, "inside this process") {
		t.Errorf("origin %s, logged %q", s.Origin, logged)
	}
	if got, err := askRedis(s.URL, "PING"); err != nil || !strings.HasPrefix(got, "+PONG") {
		t.Errorf("got %q, %v", got, err)
	}
}
