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

// takeAway runs the tests on the unchanged program, if it is told to, and then for each
// guard the test that must fail without it. It prints one row for each guard, and returns
// an error that names the guards whose tests still passed.
func takeAway(ctx context.Context, root string, guards []guard, first bool, out io.Writer) error {
	scratch, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	c := &chaos{root: root, scratch: scratch}
	if first {
		if err := errors.Join(unchanged(ctx, root, guards), c.unchanged(ctx, guards)); err != nil {
			return err
		}
	}
	fmt.Fprintln(out, "| guard | taken away in | the test that fails | seconds |\n|---|---|---|---|")
	var errs []error
	for _, g := range guards {
		if ctx.Err() != nil {
			break
		}
		begun := time.Now()
		found, err := "", error(nil)
		if g.behaviour() {
			found, err = c.try(ctx, g)
		} else {
			found, err = try(ctx, root, scratch, g)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintf(out, "| %s | `%s` | `%s`%s | %.0f |\n", g.sentence, strings.Join(g.files(), "`, `"), g.test, found, time.Since(begun).Seconds())
	}
	return errors.Join(append(errs, ctx.Err())...)
}

// unchanged runs every named test on the unchanged program, because a test that fails
// anyway shows nothing.
func unchanged(ctx context.Context, root string, guards []guard) error {
	tests := map[string][]string{}
	for _, g := range guards {
		if !g.behaviour() && !slices.Contains(tests[g.dir], g.test) {
			tests[g.dir] = append(tests[g.dir], g.test)
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

// try tests the program without the guard. It returns after how many histories the test
// failed, if the test says so. It is an error if the test passes or if the mutant does
// not compile.
func try(ctx context.Context, root, scratch string, g guard) (history string, err error) {
	overlay, err := writeOverlay(root, scratch, g)
	if err != nil {
		return "", err
	}
	r, err := goTest(ctx, root, g.dir, []string{g.test}, "-overlay", overlay)
	switch {
	case err != nil:
		return "", err
	case r.passed:
		return "", fmt.Errorf("%s: taken away in %s, and %s in %s passes", g.sentence, g.files(), g.test, g.dir)
	case !slices.Contains(r.failed, g.test):
		return "", fmt.Errorf("%s: the mutant does not build, or another test fails than %s in %s:\n%s", g.sentence, g.test, g.dir, r.output)
	case wrongSQL.MatchString(r.output):
		return "", fmt.Errorf("%s: the mutant is no SQL that Postgres takes, so that %s fails says nothing:\n%s", g.sentence, g.test, r.output)
	}
	if n := historyNumber.FindStringSubmatch(r.output); n != nil {
		history = ", history " + n[1]
	}
	return history, nil
}

// wrongSQL matches the errors of pgx and Postgres for an invalid statement: a syntax
// error, a name, function or type that does not fit, or an unused argument.
var wrongSQL = regexp.MustCompile(`SQLSTATE (42601|42703|42P01|42883|42804|42704|42P18)|not found in sql query|not present in StrictNamedArgs`)

// historyNumber is how test/histories reports the history that failed.
var historyNumber = regexp.MustCompile(`histories_test\.go:\d+: history (\d+):`)

// writeOverlay writes the changed files, and the list that makes the go command
// read them instead of the originals.
func writeOverlay(root, scratch string, g guard) (string, error) {
	replace := map[string]string{}
	for i, name := range g.files() {
		original, err := filepath.Abs(filepath.Join(root, name))
		if err != nil {
			return "", err
		}
		source, err := os.ReadFile(original)
		if err != nil {
			return "", err
		}
		replace[original] = filepath.Join(scratch, fmt.Sprintf("%d-%s", i, filepath.Base(name)))
		if err := os.WriteFile(replace[original], g.changed(name, source), 0o600); err != nil {
			return "", err
		}
	}
	overlay := filepath.Join(scratch, "overlay.json")
	list, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return "", err
	}
	return overlay, os.WriteFile(overlay, list, 0o600)
}

// result is the result of one run of go test.
type result struct {
	passed bool
	failed []string // tests, without subtests
	output string
}

// goTest runs the named tests of one package.
func goTest(ctx context.Context, root, dir string, tests []string, flags ...string) (result, error) {
	args := append([]string{"test", "-json", "-count=1", "-vet=off", "-timeout=10m", "-run", "^(" + strings.Join(tests, "|") + ")$"}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, "./"+dir)...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	printed, err := cmd.Output()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended || ctx.Err() != nil {
		return result{}, errors.Join(err, ctx.Err())
	}
	r := parseResult(printed)
	r.passed = err == nil
	r.output += stderr.String()
	return r, nil
}

// parseResult reads the events of go test -json.
func parseResult(printed []byte) (r result) {
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
