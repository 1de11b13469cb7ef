package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const repository = "../.."

// Every marker in the repository is well formed, makes another program and
// names a test that exists.
func TestMarkers(t *testing.T) {
	t.Parallel()
	guards, err := findGuards(repository)
	if err != nil {
		t.Error(err)
	}
	if n := len(guards); n < 100 {
		t.Errorf("only %d guards", n)
	}
	for sentence := range replacements {
		if !slices.ContainsFunc(guards, func(g guard) bool { return g.sentence == sentence }) {
			t.Errorf("replacements.txt has a text for %q, which is no guard", sentence)
		}
	}
}

const testBody = "package a\n\nimport \"testing\"\n\nfunc TestHeld(t *testing.T) {\n\tif Even(1) {\n\t\tt.Fail()\n\t}\n}\n\nfunc TestLax(t *testing.T) {\n\tif !Even(2) {\n\t\tt.Fail()\n\t}\n}\n"

// module writes a little module with one package: its file a.go, a test that
// protects Even, and a test that does not.
func module(t *testing.T, source string) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module little\n\ngo 1.26\n", "a/a.go": source, "a/a_test.go": testBody,
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestApplyGuard(t *testing.T) {
	t.Parallel()
	root := module(t, `package a

func Even(n int) bool {
	//guard:true a.TestHeld: even numbers only
	//guard:true a.TestLax: no test protects this
	//guard:value(nonsense) a.TestHeld: not a program
	return n%2 == 0
}
`)
	var out strings.Builder
	err := run(t.Context(), []string{"-root", root}, &out, &out)
	if got, want := out.String(), "| even numbers only | `a/a.go` | `TestHeld` |"; strings.Count(got, "`") != 4 || !strings.Contains(got, want) {
		t.Errorf("printed %q, want one row, %q", got, want)
	}
	if err == nil || !strings.Contains(err.Error(), "TestLax in a passes") || !strings.Contains(err.Error(), "does not build") {
		t.Errorf("got %v, want the guard without protection, and the mutant that does not build", err)
	}
}

func TestGoActions(t *testing.T) {
	t.Parallel()
	const marked = "//guard:%s a.TestHeld: x\n"
	tests := []struct{ action, source, want string }{
		{"drop", "%sf()\nreturn", "\nreturn"},
		{"drop", "%sif a {\n\tf()\n} else {\n\tg()\n}\ng()", "\ng()"},
		{"drop", "f(\n%sa,\nb)", "f(\n\nb)"},
		{"drop", "switch {\n%scase a:\n\tf()\ncase b:\n}", "switch {\ncase b:\n}"},
		{"negate", "%sif err := f(); err != nil {\n}", "if err := f(); (!(err != nil)) {\n}"},
		{"negate", "%sfor a {\n}", "for (!(a)) {\n}"},
		{"true", "%sreturn a &&\n\tb", "return (true || (a &&\n\tb))"},
		{"false", "switch {\n%scase a || b:\n}", "switch {\ncase (false && (a || b)):\n}"},
		{"false", "return a &&\n%sb == 1 && c", "return a &&\n(false && (b == 1)) && c"},
		{"value(0)", "%sx := a + b // as ever", "x := 0 // as ever"},
		{"value(a, b)", "%sx, y = f(), g()", "x, y = a, b"},
		{"value(f(g))", "%sf(h)", "f(g)"},
		{"value({})", "x = m{\n%sk: {a: true},\n}", "x = m{\nk: {},\n}"},
		{"value(2)", "%sconst x = 1", "const x = 2"},
		{"value(2)", "const (\n%sx = 1\n)", "const (\nx = 2\n)"},
		{"value(0)", "f(\n%sg(1),\n2)", "f(\n0,\n2)"},
		{"value(a[:0])", "%sfor range a {\n}", "for range a[:0] {\n}"},
		{"value(f)", "%sdefer g()", ""},
		{"value(f())", "%sdefer g()", "defer f()"},
		{"value(0)", "%s\nx := 1", ""},
		{"value(1)", "%sx := 1", ""},
		{"negate", "%sx, y := a, b", ""},
		{"drop", "x := a &&\n%sb", ""},
		{"drop", "%s// nothing here", ""},
		{"true", "%sfor {\n}", ""},
	}
	for _, test := range tests {
		wrap := func(s string) string { return "package a\n\nfunc x() {\n" + s + "\n}\n" }
		source := wrap(strings.Replace(test.source, "%s", strings.Replace(marked, "%s", test.action, 1), 1))
		found, err := goGuards("a.go", []byte(source))
		if test.want == "" {
			if err == nil {
				t.Errorf("%s in %q: got no error", test.action, test.source)
			}
			continue
		}
		if err != nil || len(found) != 1 {
			t.Errorf("%s in %q: %v", test.action, test.source, err)
			continue
		}
		got := strings.Replace(string(found[0].places[0].change.apply([]byte(source))), strings.Replace(marked, "%s", test.action, 1), "", 1)
		if !slices.Equal(tokens([]byte(got)), tokens([]byte(wrap(test.want)))) {
			t.Errorf("%s in %q: got %q, want %q", test.action, test.source, got, wrap(test.want))
		}
	}
}

func TestSQLActions(t *testing.T) {
	t.Parallel()
	const two = "the hours are checked for the token's end"
	const source = "SELECT a\n-- guard:drop a.TestHeld: one\n  -- guard:value a.TestHeld: " + two + "\n  AND c = 0 -- why\nLIMIT 1\n"
	tests := []struct {
		name, before, after string
		find                func(string, []byte) ([]guard, error)
	}{
		{"a.sql", "", "", func(name string, source []byte) ([]guard, error) { return sqlGuards(name, source, 0, len(source)) }},
		{"a.go", "package a\n\nconst x = `", "`\n", goGuards},
	}
	for _, test := range tests {
		whole := test.before + source + test.after
		found, err := test.find(test.name, []byte(whole))
		if err != nil || len(found) != 2 {
			t.Fatalf("%s: found %d: %v", test.name, len(found), err)
		}
		for i, want := range []string{"  ", "  " + replacements[two][0]} {
			if got, want := string(found[i].places[0].change.apply([]byte(whole))), strings.Replace(whole, "  AND c = 0 -- why", want, 1); got != want {
				t.Errorf("%s: got %q, want %q", test.name, got, want)
			}
		}
	}
}

func TestWrongMarkers(t *testing.T) {
	t.Parallel()
	for want, source := range map[string]string{
		"is not of the form":           "//guard:drip a.TestHeld: x\nf()",
		"guard:drop a.TestHeld is not": "//guard:drop a.TestHeld\nf()",
		"without a space":              "// guard:drop a.TestHeld: x\nf()",
		"no statement":                 "//guard:drop a.TestHeld: x",
		"there is no TestNone in a":    "//guard:drop a.TestNone: x\nf()",
		"there is no TestHeld in b":    "//guard:drop b.TestHeld: x\nf()",
		"also the sentence of a guard": "//guard:drop a.TestHeld: x\n//guard:drop a.TestLax: x\nf()",
		"the mutant is the same":       "f(`\n-- guard:drop a.TestHeld: x\n-- only a comment\n`)",
		"no line follows":              "f(`\n-- guard:drop a.TestHeld: x`)",
		"in SQL use drop":              "f(`\n-- guard:negate a.TestHeld: x\nSELECT 1`)",
		"in SQL use drop, or":          "f(`\n-- guard:value(2) a.TestHeld: x\nSELECT 1`)",
		"on a line of its own":         "f(`\nSELECT 1 -- guard:drop a.TestHeld: x\n`)",
		"has its text in":              "f(`\n-- guard:value a.TestHeld: no such sentence\nSELECT 1`)",
	} {
		_, err := findGuards(module(t, "package a\n\nfunc x() {\n"+source+"\n}\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error with %q", source, err, want)
		}
	}
	if _, err := goGuards("a_test.go", []byte("package a\n\n//guard:drop a.TestHeld: x\nvar y = 1\n")); err == nil {
		t.Error("a marker in a test was taken")
	}
}

// The places of a behaviour are taken away together; nothing else may share a
// sentence.
func TestMergePlacesOfABehaviour(t *testing.T) {
	t.Parallel()
	at := func(dir, test, file string, from int) guard {
		return guard{sentence: "one", dir: dir, test: test, places: []place{{file, edit{from: from, to: from + 1, text: "X"}}}}
	}
	merged, errs := merge([]guard{at(judge, "Calm", "a", 1), at(judge, "Calm", "b", 0), at(judge, "Calm", "a", 3)}, packageTests{root: "."})
	if len(merged) != 1 || len(errs) > 0 || !slices.Equal(merged[0].files(), []string{"a", "b"}) {
		t.Fatalf("%+v, %v", merged, errs)
	}
	if got := string(merged[0].changed("a", []byte("abcde"))); got != "aXcXe" {
		t.Errorf("a is changed to %s", got)
	}
	for _, wrong := range [][]guard{
		{at(judge, "Calm", "a", 1), at(judge, "Unheard", "b", 0)},
		{at(judge, "Calm", "a", 1), at("test/mutants", "TestMergePlacesOfABehaviour", "b", 0)},
		{at(judge, "Nowhere", "a", 1)},
	} {
		if _, errs := merge(wrong, packageTests{root: "../.."}); len(errs) == 0 {
			t.Errorf("%+v is taken", wrong)
		}
	}
}
