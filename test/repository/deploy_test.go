package repository

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	diff "github.com/google/go-cmp/cmp"
)

// What is shipped to run the program elsewhere cannot be run here, where
// there may be no container engine. These tests hold it to the program.

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// flags are what the commands of cmd/dialer take: names, and the variables
// that stand in for them. They are read from the tags that the parser reads.
func flags(t *testing.T) (names, variables []string) {
	t.Helper()
	for _, file := range goFiles(t) {
		if filepath.Dir(file) != filepath.FromSlash("cmd/dialer") || strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if field, ok := n.(*ast.Field); ok && field.Tag != nil && len(field.Names) == 1 {
				tag := reflect.StructTag(strings.Trim(field.Tag.Value, "`"))
				names = append(names, cmp.Or(tag.Get("name"), strings.ToLower(field.Names[0].Name)))
				variables = append(variables, tag.Get("env"))
			}
			return true
		})
	}
	if len(names) < 10 {
		t.Fatalf("found only %q in cmd/dialer", names)
	}
	return names, variables
}

func TestDeploymentNamesSettingsThatExist(t *testing.T) {
	t.Parallel()
	_, known := flags(t)
	setting := regexp.MustCompile(`\b(?:DIALER|VONAGE)_[A-Z_]+|\b(?:DATABASE|REDIS)_URL\b`)
	for _, file := range []string{"docker-compose.yml", "Dockerfile", "scripts/dotenv"} {
		for _, name := range setting.FindAllString(read(t, file), -1) {
			if !slices.Contains(known, name) {
				t.Errorf("%s names the setting %s, which no flag of cmd/dialer reads", file, name)
			}
		}
	}
}

// blocks splits the services of the compose file by their names. The file is
// ours and keeps to two spaces, so that no YAML library is needed.
func blocks(t *testing.T) map[string]string {
	t.Helper()
	_, services, _ := strings.Cut(read(t, "docker-compose.yml"), "\nservices:\n")
	services, _, _ = strings.Cut(services, "\nvolumes:\n")
	found := map[string]string{}
	names := regexp.MustCompile(`(?m)^  ([a-z]+):\n`)
	for _, at := range names.FindAllStringSubmatchIndex(services, -1) {
		rest := services[at[1]:]
		if next := names.FindStringIndex(rest); next != nil {
			rest = rest[:next[0]]
		}
		found[services[at[2]:at[3]]] = rest
	}
	return found
}

func TestComposeServices(t *testing.T) {
	t.Parallel()
	// What each service cannot do without.
	want := map[string][]string{
		"postgres":  {"image: postgres:17", "pg_isready"},
		"redis":     {"image: redis:7", `"--maxmemory-policy", "noeviction"`, `"--save", ""`},
		"dialer":    {`command: ["run"]`, "/healthz", "stop_grace_period", "condition: service_healthy"},
		"simulator": {`profiles: ["simulator"]`, `command: ["simulate"`},
		"keys":      {`profiles: ["simulator"]`, "openssl genrsa"},
	}
	got := map[string][]string{}
	for name, text := range blocks(t) {
		got[name] = slices.DeleteFunc(slices.Clone(want[name]), func(part string) bool { return !strings.Contains(text, part) })
	}
	if d := diff.Diff(want, got); d != "" {
		t.Errorf("docker-compose.yml (-want +got):\n%s", d)
	}
}

func TestComposeUsesFlagsThatExist(t *testing.T) {
	t.Parallel()
	known, _ := flags(t)
	command := regexp.MustCompile(`command: \["(?:run|simulate)"[^\]]*\]`)
	for _, line := range command.FindAllString(read(t, "docker-compose.yml"), -1) {
		for _, match := range regexp.MustCompile(`"--([a-z-]+)"`).FindAllStringSubmatch(line, -1) {
			if !slices.Contains(known, match[1]) {
				t.Errorf("docker-compose.yml uses --%s, which cmd/dialer does not have", match[1])
			}
		}
	}
}

// Compose itself reads the file, on a machine that has it.
func TestComposeConfig(t *testing.T) {
	t.Parallel()
	if exec.Command("docker", "compose", "version").Run() != nil {
		t.Skip("no docker compose here")
	}
	env := filepath.Join(t.TempDir(), "env")
	written, err := exec.Command("scripts/dotenv").Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(env, written, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, profile := range []string{"", "simulator"} {
		cmd := exec.Command("docker", "compose", "--env-file", env, "--profile", profile, "config", "--quiet")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("profile %q: %v: %s", profile, err, out)
		}
	}
}

// The image's context lets through only what .dockerignore names, so a new
// package must be added there.
func TestDockerfileFindsItsSources(t *testing.T) {
	t.Parallel()
	let := regexp.MustCompile(`(?m)^!(\S+)$`).FindAllStringSubmatch(read(t, ".dockerignore"), -1)
	sent := []string{"go.mod", "go.sum"}
	for pkg := range packages {
		if top, _, _ := strings.Cut(pkg, "/"); top != "test" && !slices.Contains(sent, top) {
			sent = append(sent, top)
		}
	}
	var got []string
	for _, match := range let {
		got = append(got, match[1])
	}
	slices.Sort(sent)
	slices.Sort(got)
	if d := diff.Diff(sent, got); d != "" {
		t.Errorf(".dockerignore (-needed +let through):\n%s", d)
	}
	dockerfile := read(t, "Dockerfile")
	for _, source := range regexp.MustCompile(`\./cmd/[a-z]+`).FindAllString(dockerfile, -1) {
		if _, err := os.Stat(filepath.Join(source, "main.go")); err != nil {
			t.Errorf("Dockerfile builds %s: %v", source, err)
		}
		built := "/out/" + filepath.Base(source)
		if !strings.Contains(dockerfile, built) {
			t.Errorf("Dockerfile builds %s and does not copy %s", source, built)
		}
	}
	if !strings.Contains(dockerfile, `ENTRYPOINT ["/usr/local/bin/dialer"]`) {
		t.Error("Dockerfile does not start the dialer")
	}
}
