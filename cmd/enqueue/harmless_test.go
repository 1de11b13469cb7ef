package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dialer/internal/cli"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// A stranger may have made the file, so its name, its columns and its values must not
// control the screen.
func TestFilesAreShownHarmless(t *testing.T) {
	t.Parallel()
	const evil = "x\x1b[2J\u009b31m\u202ey\u2066\x07z"
	db := testkit.New(t)
	file := filepath.Join(t.TempDir(), evil+".csv")
	quoted := `"` + evil + "\nFORGED\"" // line breaks are part of a cell
	require.NoError(t, os.WriteFile(file, []byte("phone,"+quoted+",zone\n07700 900001,"+quoted+",\n"+quoted+","+quoted+",\n07700 900002,b,"+quoted+"\n"), 0o600))
	say := "Hello {{" + evil + "\nFORGED}}"
	for _, args := range [][]string{
		{"--dry-run"}, {"--database-url", db.URL}, {"--database-url", db.URL, "--name", evil}, {"--database-url", db.URL, "--name", evil, "--attempts", "1"},
		{"--database-url", db.URL, "--rejects", file + ".rejects"},
	} {
		var out, errOut bytes.Buffer
		con := cli.Console{In: strings.NewReader(""), Out: &out, Err: &errOut, Getenv: func(string) string { return "" }}
		args = append([]string{"--from", "442079460000", "--default-country", "GB", "--say", say}, args...)
		if !strings.Contains(strings.Join(args, " "), "--name") {
			args = append(args, "--name", "water")
		}
		run(t.Context(), append(args, file), con)
		for _, acts := range []string{"\x1b", "\u009b", "\u202e", "\u2066", "\x07", "\nFORGED"} {
			for _, text := range []string{out.String(), errOut.String()} {
				if i := strings.Index(text, acts); i >= 0 {
					t.Errorf("%q prints %q: %q", args[6:], acts, text[max(0, i-40):min(len(text), i+20)])
				}
			}
		}
		if out.Len()+errOut.Len() == 0 {
			t.Errorf("%q prints nothing", args[6:])
		}
	}
}
