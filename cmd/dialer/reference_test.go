package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"dialer/internal/cli"
)

// update writes the references again: go test ./cmd/... -run Reference -update
var update = flag.Bool("update", false, "write docs/commands.md, docs/enqueue.md and docs/settings.md anew")

// keepReference compares a page with what it should be, or writes it.
func keepReference(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s is not what the flags say (%v): go test ./cmd/... -run Reference -update", path, err)
	}
}

// helpOf is the help of a command, without the environment of the person who runs the
// tests.
func helpOf(t *testing.T, words ...string) string {
	t.Helper()
	code, out, errOut := dialer(t, append(words, "--help")...)
	if code != cli.ExitOK {
		t.Fatalf("dialer %q --help: exit %d, %s", words, code, errOut)
	}
	return strings.TrimRight(out, "\n") + "\n"
}

// docs/commands.md has every command with its help.
func TestReferenceOfCommands(t *testing.T) {
	t.Parallel()
	var page, contents strings.Builder
	listed := regexp.MustCompile(`(?m)^  ([a-z]+(?: [a-z]+)*)(?: [<\[(][^\n]*?| --?[^\n]*?)?(?:  +|$)`)
	help := helpOf(t)
	_, commands, _ := strings.Cut(help, "\nCommands:\n")
	for _, found := range listed.FindAllStringSubmatch(commands, -1) {
		name := found[1]
		if strings.HasPrefix(name, "run ") {
			continue
		}
		fmt.Fprintf(&contents, "- [dialer %s](#dialer-%s)\n", name, strings.ReplaceAll(name, " ", "-"))
		fmt.Fprintf(&page, "\n## dialer %s\n\n```\n%s```\n", name, helpOf(t, strings.Fields(name)...))
	}
	keepReference(t, "../../docs/commands.md", "# Commands of dialer\n\nEach as `-h` shows it. [enqueue.md](enqueue.md) has the flags of `enqueue`. This page is made by a test: see\n[CONTRIBUTING.md](../CONTRIBUTING.md).\n\n"+contents.String()+page.String())
}

// docs/settings.md has every variable of `dialer run`.
func TestReferenceOfSettings(t *testing.T) {
	t.Parallel()
	var rows strings.Builder
	for _, s := range settingsOf(reflect.TypeFor[runCommand]()) {
		name := "`" + s.variable + "`"
		if s.secret {
			name += ", `" + s.variable + "_FILE`"
		}
		byDefault := ""
		if s.byDefault != "" {
			byDefault = "`" + s.byDefault + "`"
		}
		help := strings.TrimSuffix(strings.ReplaceAll(s.help, " (default: ${default})", ""), ".")
		fmt.Fprintf(&rows, "| %s | `--%s` | %s | %s |\n", name, s.flag, byDefault, strings.ReplaceAll(help, "|", "\\|"))
	}
	keepReference(t, "../../docs/settings.md", `# Settings

Each is a flag of `+"`dialer run`"+`, and most of them of other commands too. A flag wins over the variable of the environment,
and that over `+"`.env`"+` in the working directory. A variable with _FILE names a file with the secret, as an orchestrator mounts
it. `+"`dialer init`"+` writes a `+"`.env`"+`, and `+"`dialer doctor`"+` checks all of it. This page is made by a test: see
[CONTRIBUTING.md](../CONTRIBUTING.md).

| variable | flag | default | what it is |
|---|---|---|---|
`+rows.String()+"\n`DIALER_BY` is who does something, for the audit; without it the user who is logged in.\n")
}

type setting struct {
	variable, flag, byDefault, help string
	secret                          bool
}

// settingsOf reads the tags of a command's flags, also of those that it embeds.
func settingsOf(of reflect.Type) (list []setting) {
	for i := range of.NumField() {
		field := of.Field(i)
		switch variable := field.Tag.Get("env"); {
		case field.Anonymous:
			list = append(list, settingsOf(field.Type)...)
		case variable != "":
			_, secret := field.Tag.Lookup("secret")
			list = append(list, setting{variable, cmp.Or(field.Tag.Get("name"), strings.ToLower(field.Name)), field.Tag.Get("default"), field.Tag.Get("help"), secret})
		}
	}
	return list
}
