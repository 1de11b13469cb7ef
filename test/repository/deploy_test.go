package repository

import (
	"cmp"
	"go/ast"
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

// The Dockerfile and the compose file cannot run in the tests, where there may be
// no container engine. These tests compare them with the program.

// flags are the flags of cmd/dialer and the variables that they fall back on,
// from the struct tags that the parser reads.
func flags(t *testing.T) (names, variables []string) {
	t.Helper()
	for _, file := range goFiles(t) {
		if filepath.Dir(file) != filepath.FromSlash("cmd/dialer") || strings.HasSuffix(file, "_test.go") {
			continue
		}
		ast.Inspect(parse(t, file), func(n ast.Node) bool {
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

func TestDeploymentSettingsExist(t *testing.T) {
	t.Parallel()
	_, known := flags(t)
	setting := regexp.MustCompile(`\b(?:DIALER|VONAGE)_[A-Z_]+|\b(?:DATABASE|REDIS)_URL\b`)
	for _, file := range []string{"docker-compose.yml", "Dockerfile"} {
		for _, name := range setting.FindAllString(read(t, file), -1) {
			if !slices.Contains(known, strings.TrimSuffix(name, "_FILE")) {
				t.Errorf("%s names the setting %s, which no flag of cmd/dialer reads", file, name)
			}
		}
	}
}

// blocks splits the services of the compose file by their names. The file is ours
// and is indented by two spaces, so this needs no YAML library.
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
	// What each service must have.
	want := map[string][]string{
		"postgres":  {"image: postgres:17", "pg_isready"},
		"redis":     {"image: redis:7", `"--maxmemory-policy", "noeviction"`, `"--save", ""`},
		"dialer":    {`command: ["run"]`, "/healthz", "stop_grace_period", "condition: service_healthy"},
		"simulator": {`command: ["simulate"`, "healthcheck", `user: "65533:65532"`, "read_only: true"},
		"keys":      {"openssl genrsa", "chmod 0400 /keys/private.pem", "network_mode: none"},
	}
	got := map[string][]string{}
	for name, text := range blocks(t) {
		got[name] = slices.DeleteFunc(slices.Clone(want[name]), func(part string) bool { return !strings.Contains(text, part) })
	}
	if d := diff.Diff(want, got); d != "" {
		t.Errorf("docker-compose.yml (-want +got):\n%s", d)
	}
}

func TestComposeFlagsExist(t *testing.T) {
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

// Docker Compose itself reads the file, where it is installed.
func TestComposeConfig(t *testing.T) {
	t.Parallel()
	if exec.Command("docker", "compose", "version").Run() != nil {
		t.Skip("no docker compose here")
	}
	// Without any .env, also where a person has one for programs on this machine.
	cmd := exec.Command("docker", "compose", "--env-file", "/dev/null", "config", "--quiet")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// .dockerignore excludes everything that it does not name, so a new top-level
// package must be added there.
func TestDockerfileSources(t *testing.T) {
	t.Parallel()
	included := regexp.MustCompile(`(?m)^!(\S+)$`).FindAllStringSubmatch(read(t, ".dockerignore"), -1)
	sent := []string{"go.mod", "go.sum"}
	for pkg := range packages {
		if top, _, _ := strings.Cut(pkg, "/"); top != "test" && !slices.Contains(sent, top) {
			sent = append(sent, top)
		}
	}
	var got []string
	for _, match := range included {
		got = append(got, match[1])
	}
	slices.Sort(sent)
	slices.Sort(got)
	if d := diff.Diff(sent, got); d != "" {
		t.Errorf(".dockerignore (-needed +included):\n%s", d)
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
