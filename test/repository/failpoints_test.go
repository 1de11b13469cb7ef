package repository

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dialer/internal/failpoint"
)

// sites finds where a file passes failpoints: the names that it gives them. A
// name that is not written out cannot be found, and is an error.
func sites(file string, source []byte) (names []string, err error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", file, err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		function, ok := call.Fun.(*ast.SelectorExpr)
		if from, named := selected(function); !ok || !named || from != "failpoint" {
			return true
		}
		name, found := nameOf(call)
		if !found {
			err = fmt.Errorf("%s: failpoint.%s without a name that is written out", file, function.Sel.Name)
		}
		names = append(names, name)
		return true
	})
	return names, err
}

func selected(e *ast.SelectorExpr) (string, bool) {
	if e == nil {
		return "", false
	}
	from, ok := e.X.(*ast.Ident)
	if !ok {
		return "", false
	}
	return from.Name, true
}

// nameOf is the call's argument that is a text.
func nameOf(call *ast.CallExpr) (string, bool) {
	for _, argument := range call.Args {
		if literal, ok := argument.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			name, err := strconv.Unquote(literal.Value)
			return name, err == nil
		}
	}
	return "", false
}

// Every failpoint is passed in one place, and every place passes one that is
// listed: else the matrix would count on a point that is not there, or leave
// one out.
func TestFailpointsAreWhereTheListSays(t *testing.T) {
	t.Parallel()
	places := map[string][]string{}
	for _, file := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") || path.Dir(file) == "failpoint" {
			continue
		}
		source, err := os.ReadFile(filepath.FromSlash(file))
		if err != nil {
			t.Fatal(err)
		}
		names, err := sites(file, source)
		if err != nil {
			t.Error(err)
		}
		for _, name := range names {
			places[name] = append(places[name], file)
		}
	}
	form := regexp.MustCompile(`^[a-z]+\.[a-z]+$`)
	for _, p := range failpoint.Points {
		if n := len(places[p.Name]); n != 1 || !form.MatchString(p.Name) || p.When == "" {
			t.Errorf("failpoint %q (%q) is passed in %d places: %q", p.Name, p.When, n, places[p.Name])
		}
		delete(places, p.Name)
	}
	for name, files := range places {
		t.Errorf("%q pass the failpoint %q, which is not in failpoint/points.go or is there twice", files, name)
	}
}

func TestSites(t *testing.T) {
	t.Parallel()
	source := `package x
func f() {
	failpoint.Hit("a.one")
	g(failpoint.AtEnd("a.two", func(tx) error { failpoint.HitIf(n > 0, "a.three"); return other.Hit("no") }))
}`
	names, err := sites("x.go", []byte(source))
	if want := []string{"a.one", "a.two", "a.three"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("got %q, %v, want %q", names, err, want)
	}
	if _, err := sites("x.go", []byte("package x\nfunc f() { failpoint.Hit(name) }")); err == nil {
		t.Error("a name that is not written out was taken")
	}
}
