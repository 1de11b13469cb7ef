package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// mutant is the program without one guard.
type mutant struct {
	guard string // what is taken away
	file  string // from the repository's root
	text  string // that stands in it once
	by    string // what takes its place
	dir   string // of the package whose test must fail
	test  string // its name
}

// apply returns the file without the guard.
func (m mutant) apply(root string) ([]byte, error) {
	source, err := os.ReadFile(filepath.Join(root, m.file))
	if err != nil {
		return nil, err
	}
	if n := bytes.Count(source, []byte(m.text)); n != 1 {
		return nil, fmt.Errorf("%s: the text to replace stands in %s %d times, want once: %q", m.guard, m.file, n, m.text)
	}
	return bytes.Replace(source, []byte(m.text), []byte(m.by), 1), nil
}

// hunt runs the tests as they are, and then for each mutant the one that must
// fail. It prints a row a mutant, and returns an error that names those that
// nothing noticed.
func hunt(ctx context.Context, root string, list []mutant, out io.Writer) error {
	scratch, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	if err := unchanged(ctx, root, list); err != nil {
		return err
	}
	fmt.Fprintln(out, "| guard | taken away in | the test that fails | seconds |\n|---|---|---|---|")
	var errs []error
	for _, m := range list {
		begun := time.Now()
		found, err := try(ctx, root, scratch, m)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintf(out, "| %s | `%s` | `%s`%s | %.0f |\n", m.guard, m.file, m.test, found, time.Since(begun).Seconds())
	}
	return errors.Join(errs...)
}

// unchanged runs every test that is to fail on the program as it is: a test
// that fails anyway shows nothing.
func unchanged(ctx context.Context, root string, list []mutant) error {
	tests := map[string][]string{}
	for _, m := range list {
		if !slices.Contains(tests[m.dir], m.test) {
			tests[m.dir] = append(tests[m.dir], m.test)
		}
	}
	for dir, names := range tests {
		r, err := goTest(ctx, root, dir, names)
		if err != nil {
			return err
		}
		if !r.passed {
			return fmt.Errorf("%s: the tests fail on the program as it is:\n%s", dir, r.output)
		}
	}
	return nil
}

// try tests the program without the guard, and returns how many histories it
// took where the test says so. An error says that nothing noticed, or that the
// mutant is none.
func try(ctx context.Context, root, scratch string, m mutant) (found string, err error) {
	changed, err := m.apply(root)
	if err != nil {
		return "", err
	}
	overlay, err := writeOverlay(root, scratch, m.file, changed)
	if err != nil {
		return "", err
	}
	r, err := goTest(ctx, root, m.dir, []string{m.test}, "-overlay", overlay)
	switch {
	case err != nil:
		return "", err
	case r.passed:
		return "", fmt.Errorf("%s: taken away in %s, and %s in %s passes", m.guard, m.file, m.test, m.dir)
	case !slices.Contains(r.failed, m.test):
		return "", fmt.Errorf("%s: the mutant does not build, or another test fails than %s in %s:\n%s", m.guard, m.test, m.dir, r.output)
	}
	if n := history.FindStringSubmatch(r.output); n != nil {
		found = ", history " + n[1]
	}
	return found, nil
}

// history is how the simulation of package histories names what it found.
var history = regexp.MustCompile(`histories_test\.go:\d+: history (\d+):`)

// writeOverlay writes the changed file and the list that makes the go command
// read it in the place of the one that stands there.
func writeOverlay(root, scratch, file string, changed []byte) (string, error) {
	standing, err := filepath.Abs(filepath.Join(root, file))
	if err != nil {
		return "", err
	}
	instead, overlay := filepath.Join(scratch, filepath.Base(file)), filepath.Join(scratch, "overlay.json")
	list, err := json.Marshal(map[string]map[string]string{"Replace": {standing: instead}})
	if err != nil {
		return "", err
	}
	return overlay, errors.Join(os.WriteFile(instead, changed, 0o600), os.WriteFile(overlay, list, 0o600))
}

// result is what came of a run of tests.
type result struct {
	passed bool
	failed []string // tests, subtests left out
	output string
}

// goTest runs the named tests of one package.
func goTest(ctx context.Context, root, dir string, tests []string, flags ...string) (result, error) {
	args := append([]string{"test", "-json", "-count=1", "-vet=off", "-timeout=10m", "-run", "^(" + strings.Join(tests, "|") + ")$"}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, "./"+dir)...)
	cmd.Dir = root
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	printed, err := cmd.Output()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended || ctx.Err() != nil {
		return result{}, errors.Join(err, ctx.Err())
	}
	r := read(printed)
	r.passed = err == nil
	r.output += complaints.String()
	return r, nil
}

// read takes the events of go test -json apart.
func read(printed []byte) (r result) {
	lines := bufio.NewScanner(bytes.NewReader(printed))
	lines.Buffer(nil, 1<<24)
	var text strings.Builder
	for lines.Scan() {
		var e struct{ Action, Test, Output string }
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		text.WriteString(e.Output)
		if e.Action == "fail" && e.Test != "" && !strings.Contains(e.Test, "/") {
			r.failed = append(r.failed, e.Test)
		}
	}
	r.output = text.String()
	return r
}
