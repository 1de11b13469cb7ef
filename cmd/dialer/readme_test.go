package main

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"dialer/internal/embedded"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/internal/testkit/testkey"
)

// pages are the documents whose commands are run, line by line, on a clean copy.
var pages = []string{"README.md", "docs/start.md"}

// skipped are commands that other tests run, or that a person runs by hand.
var skipped = regexp.MustCompile(`^make (demo|test|build)\b`)

var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// commandsOf are the commands of a page, in order.
func commandsOf(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile("../../" + page)
	require.NoError(t, err)
	var script strings.Builder
	for _, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
		for line := range strings.Lines(block[1]) {
			if !skipped.MatchString(line) {
				script.WriteString(line)
			}
		}
	}
	return script.String()
}

// Every command of README and docs/start.md works when it is pasted, in a copy of
// the repository, with an empty HOME and nothing set but where the programs may
// listen. `make docs-test` does it as an ordinary user too.
func TestDocumentedCommands(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds both programs, and waits for real servers")
	}
	bin := openDir(t)
	build := exec.Command("go", "build", "-o", bin+"/", "dialer/cmd/dialer", "dialer/cmd/enqueue")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	users := []string{""}
	if os.Getenv("DOCS_TEST_USER") != "" {
		users = append(users, os.Getenv("DOCS_TEST_USER"))
	}
	for _, page := range pages {
		for _, user := range users {
			t.Run(page+" "+user, func(t *testing.T) {
				t.Parallel()
				pasteAll(t, page, bin, user)
			})
		}
	}
}

// openDir is a folder with a path that is short enough for sockets. Every user may enter
// it, because for root Postgres runs as another user.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "docs")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o777))
	return dir
}

// pasteAll runs the page's commands, as the user if there is one.
func pasteAll(t *testing.T, page, bin, user string) {
	home := openDir(t)
	copyOf := filepath.Join(home, "copy")
	require.NoError(t, os.MkdirAll(filepath.Join(copyOf, "docs"), 0o777))
	require.NoError(t, os.Chmod(copyOf, 0o777))
	require.NoError(t, os.Symlink(bin, filepath.Join(copyOf, "bin")))
	require.NoError(t, os.CopyFS(filepath.Join(copyOf, "docs/examples"), os.DirFS("../../docs/examples")))
	script := strings.Replace(commandsOf(t, page), "dialer init --account", accountInstead(t)+"dialer init --account", 1)
	argv := []string{"bash", "-c", "set -euo pipefail -m\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n" + script}
	if user != "" {
		group, err := exec.Command("id", "-g", user).Output()
		require.NoError(t, err)
		argv = append([]string{"setpriv", "--reuid", user, "--regid", strings.TrimSpace(string(group)), "--clear-groups"}, argv...)
	}
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Dir = copyOf
	cmd.Env = append([]string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "EDITOR=true", "TMPDIR=/tmp"}, addresses(t)...)
	cmd.WaitDelay = 20 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, says := range []string{" added", "ended: ", "rows of the CSV", "price"} {
		if !strings.Contains(string(out), says) {
			t.Errorf("nothing said %q:\n%s", says, out)
		}
	}
}

// addresses are free addresses, as variables: other programs use the usual ones.
func addresses(t *testing.T) (env []string) {
	t.Helper()
	env = append(env, "DIALER_RECONCILE_EVERY=1s") // prices come as soon as calls end
	for _, name := range []string{"DIALER_LISTEN", "DIALER_ADMIN_LISTEN", "DIALER_SIMULATOR_LISTEN"} {
		address, err := embedded.FreeAddress()
		require.NoError(t, err)
		env = append(env, name+"="+address)
		if name == "DIALER_SIMULATOR_LISTEN" {
			env = append(env, "VONAGE_API_URL=http://"+address+"/v1")
		}
	}
	return env
}

// accountInstead exports the settings that a person would write into .env for an account:
// here those of the simulator, and of the tests' Postgres and Redis.
func accountInstead(t *testing.T) string {
	t.Helper()
	key, err := os.ReadFile(testkey.File(t))
	require.NoError(t, err)
	database := testkit.Empty(t)
	at, err := url.Parse(database)
	require.NoError(t, err)
	if folder := at.Query().Get("host"); strings.HasPrefix(folder, "/") {
		require.NoError(t, os.Chmod(folder, 0o711)) // the tests' own Postgres: another user may ask it too
	}
	return fmt.Sprintf("wait\nexport DATABASE_URL='%s' REDIS_URL='%s' VONAGE_APPLICATION_ID=app VONAGE_PRIVATE_KEY='%s' VONAGE_SIGNATURE_SECRET=0123456789abcdef0123456789abcdef\n"+
		"export DIALER_PUBLIC_URL=http://$DIALER_LISTEN\ndialer simulate --speed 20 &\n", database, testkit.Redis(t), key)
}
