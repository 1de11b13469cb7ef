package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dialer/internal/cli"
	"dialer/voice"
)

// init writes settings that work, for the owner only, and never twice.
func TestInit(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} { // for root, Postgres runs as another user, who must have access
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	code, out, errOut := dialer(t, "init", "--data", "data")
	if code != cli.ExitOK || !strings.Contains(out, "dialer run") {
		t.Fatalf("exit %d, %q, %q", code, out, errOut)
	}
	for _, path := range []string{cli.DotEnv, simulatorKey} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want it for the owner only", path, info.Mode(), err)
		}
	}
	if _, err := voice.ParsePrivateKey(simulatorKey); err != nil {
		t.Error(err)
	}
	written, err := os.ReadFile(cli.DotEnv)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"DIALER_DATA", "DATABASE_URL", "VONAGE_API_URL", "VONAGE_APPLICATION_ID", "VONAGE_PRIVATE_KEY", "VONAGE_SIGNATURE_SECRET"} {
		if !strings.Contains(string(written), "\n"+name+"=") {
			t.Errorf(".env has no %s:\n%s", name, written)
		}
	}
	var run runCommand
	con := console{Getenv: func(string) string { return "" }, DotEnv: cli.DotEnv}
	if _, err := con.Program("run", "").Parse(&run, nil); err != nil {
		t.Fatal(err)
	}
	if err := run.validate(); err != nil || len(run.Secrets[0]) < goodSecret || !filepath.IsAbs(run.Data) {
		t.Errorf("the settings do not work: %v", err)
	}
	if code, _, errOut := dialer(t, "init"); code != cli.ExitFailed || !strings.Contains(errOut, "nothing was changed") {
		t.Errorf("again: exit %d, %q", code, errOut)
	}
	if again, err := os.ReadFile(cli.DotEnv); err != nil || string(again) != string(written) {
		t.Errorf("the second init changed the file: %v", err)
	}
}
