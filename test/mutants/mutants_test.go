package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// The list does not rot: each text still stands once in its file, what takes
// its place makes another program, and the test that must fail exists.
func TestMutantsFit(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, m := range mutants {
		if names[m.guard] {
			t.Errorf("%s is named twice", m.guard)
		}
		names[m.guard] = true
		changed, err := m.apply(root)
		if err != nil {
			t.Error(err)
			continue
		}
		if m.text == m.by {
			t.Errorf("%s: nothing is changed", m.guard)
		}
		if filepath.Ext(m.file) == ".go" {
			if _, err := parser.ParseFile(token.NewFileSet(), m.file, changed, parser.SkipObjectResolution); err != nil {
				t.Errorf("%s: %v", m.guard, err)
			}
		}
		if !hasTest(t, m.dir, m.test) {
			t.Errorf("%s: there is no %s in %s", m.guard, m.test, m.dir)
		}
	}
	if len(names) < 30 {
		t.Errorf("only %d guards", len(names))
	}
}

func hasTest(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`(?m)^func ` + regexp.QuoteMeta(name) + `\(t \*testing\.T\)`)
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if declared.Match(source) {
			return true
		}
	}
	return false
}

// little is a module with a guard, a test that holds it, and one that does not.
func little(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":      "module little\n\ngo 1.26\n",
		"a/a.go":      "package a\n\nfunc Even(n int) bool { return n%2 == 0 }\n",
		"a/a_test.go": "package a\n\nimport \"testing\"\n\nfunc TestHeld(t *testing.T) {\n\tif Even(1) {\n\t\tt.Fail()\n\t}\n}\n\nfunc TestLax(t *testing.T) {\n\tif !Even(2) {\n\t\tt.Fail()\n\t}\n}\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestHunt(t *testing.T) {
	t.Parallel()
	dir := little(t)
	held := mutant{"even numbers only", "a/a.go", "n%2 == 0", "true", "a", "TestHeld"}
	lax, broken := held, held
	lax.test = "TestLax"
	broken.by = "nonsense"
	var out strings.Builder
	err := hunt(t.Context(), dir, []mutant{held, lax, broken}, &out)
	if got, want := out.String(), "| even numbers only | `a/a.go` | `TestHeld` |"; strings.Count(got, "`") != 4 || !strings.Contains(got, want) {
		t.Errorf("printed %q, want one row, %q", got, want)
	}
	if err == nil || !strings.Contains(err.Error(), "TestLax in a passes") || !strings.Contains(err.Error(), "does not build") {
		t.Errorf("got %v, want the guard that nothing holds, and the mutant that is none", err)
	}
}

func TestTextThatIsNotThere(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"no such text", "n"} {
		if _, err := (mutant{guard: "x", file: "a/a.go", text: text}).apply(little(t)); err == nil {
			t.Errorf("%q does not stand once, and was not noticed", text)
		}
	}
}
