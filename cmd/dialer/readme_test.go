package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dialer/internal/cli"
	"dialer/internal/testkit/require"
)

// README's table of settings is what `dialer run -h` prints, in both
// directions, with the defaults.
func TestReadmeListsTheSettings(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(readme), "## Settings")
	table, _, _ = strings.Cut(table, "\n## ")
	if !found {
		t.Fatal("README.md has no section Settings")
	}
	_, help, _ := dialer(t, "run", "--help")
	setting := regexp.MustCompile(`(?:DATABASE|REDIS|VONAGE|DIALER)_[A-Z_]+`)
	listed, printed := map[string]bool{}, map[string]bool{}
	for _, name := range setting.FindAllString(table, -1) {
		listed[name] = true
	}
	for _, name := range setting.FindAllString(help, -1) {
		printed[name] = true
	}
	for name := range listed {
		if !printed[name] {
			t.Errorf("README lists %s, which run -h does not know", name)
		}
	}
	for name := range printed {
		if !listed[name] {
			t.Errorf("run -h names %s, which README does not list", name)
		}
	}
	for _, row := range strings.Split(table, "\n") {
		cells := strings.Split(row, "|")
		if len(cells) < 4 || !setting.MatchString(cells[1]) {
			continue
		}
		value, literal := strings.CutPrefix(strings.TrimSpace(cells[2]), "`")
		if value = strings.TrimSuffix(value, "`"); literal && !strings.Contains(help, value) {
			t.Errorf("README gives %s the default %s, run -h does not", strings.TrimSpace(cells[1]), value)
		}
	}
}

// Each `dialer ...` and `enqueue ...` in README's table of commands exists.
func TestReadmeListsTheCommands(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	row := regexp.MustCompile("(?m)^\\| `dialer ([a-z]+)([^`]*)`((?:, `[a-z]+`)*)")
	rows := row.FindAllStringSubmatch(string(readme), -1)
	if len(rows) < 9 {
		t.Fatalf("%d rows of commands found in README.md, want at least 9", len(rows))
	}
	for _, r := range rows {
		commands := [][]string{strings.Fields(r[1] + r[2])}
		for _, other := range regexp.MustCompile("`([a-z]+)`").FindAllStringSubmatch(r[3], -1) {
			commands = append(commands, []string{r[1], other[1]})
		}
		for _, words := range commands {
			args := append(commandWords(words), "--help")
			if code, out, errOut := dialer(t, args...); code != cli.ExitOK || !strings.HasPrefix(out, "Usage: dialer "+strings.Join(args[:len(args)-1], " ")) {
				t.Errorf("README lists `dialer %s`: exit %d, %q %q", strings.Join(words, " "), code, out, errOut)
			}
		}
	}
}

// commandWords are the words of a command before its first argument.
func commandWords(words []string) []string {
	end := slices.IndexFunc(words, func(word string) bool { return !plainWord.MatchString(word) })
	if end < 0 {
		end = len(words)
	}
	return slices.Clone(words[:end])
}

var plainWord = regexp.MustCompile(`^[a-z]+$`)
