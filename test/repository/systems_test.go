package repository

import (
	"go/build/constraint"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// The programs are built for Linux, macOS and Windows (`make systems` builds all
// six). Features of only some systems are used in files that say so.
func TestOnlyUnixFilesUseUnix(t *testing.T) {
	t.Parallel()
	// These names of package syscall exist on every system that we build for.
	everywhere := map[string]bool{"SIGTERM": true, "EADDRINUSE": true, "ECONNREFUSED": true, "ENOENT": true, "RawConn": true}
	for _, file := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") || strings.HasPrefix(file, "test/") || strings.HasPrefix(file, "internal/testkit/") || onlySomeSystems(t, file) {
			continue
		}
		source := read(t, file)
		for _, spec := range parse(t, file).Imports {
			if path, err := strconv.Unquote(spec.Path.Value); err != nil || path != "syscall" {
				continue
			}
			for _, use := range strings.Split(source, "syscall.")[1:] {
				name := use
				if end := strings.IndexFunc(use, func(r rune) bool { return !(r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9') }); end >= 0 {
					name = use[:end]
				}
				if !everywhere[name] {
					t.Errorf("%s uses syscall.%s, which not every system has: put it into a file with //go:build unix", file, name)
				}
			}
		}
	}
}

// onlySomeSystems reports a build constraint that leaves Windows out.
func onlySomeSystems(t *testing.T, file string) bool {
	t.Helper()
	for line := range strings.Lines(read(t, file)) {
		if !constraint.IsGoBuild(line) {
			continue
		}
		expr, err := constraint.Parse(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		return !expr.Eval(func(tag string) bool { return tag == "windows" })
	}
	return false
}

// The packages with files for one system compile for Windows, which differs most.
// Building all programs for all systems would take minutes without a cache.
func TestSystems(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("go", "build", "./internal/cli", "./internal/embedded")
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
