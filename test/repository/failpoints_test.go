package repository

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dialer/internal/failpoint"
	"dialer/internal/testkit/require"
)

// failpointNames lists the names that a file gives to failpoints. It is an error
// if a name is not a literal, because then this test cannot find it.
func failpointNames(file *ast.File) (names []string, err error) {
	for _, call := range calls(file, "failpoint") {
		name, found := firstText(call)
		if !found {
			err = fmt.Errorf("failpoint.%s without a literal name", calledFunction(call, "failpoint"))
		}
		names = append(names, name)
	}
	return names, err
}

// firstText is the first argument of a call that is a string literal.
func firstText(call *ast.CallExpr) (string, bool) {
	for _, argument := range call.Args {
		if literal, ok := argument.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			text, err := strconv.Unquote(literal.Value)
			return text, err == nil
		}
	}
	return "", false
}

// Each failpoint of the list is used once, and no other is used: otherwise the
// matrix would wait for a failpoint that is never reached, or miss one.
func TestFailpointsMatchList(t *testing.T) {
	t.Parallel()
	uses := map[string][]string{} // files by name
	for _, file := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") || path.Dir(file) == "internal/failpoint" {
			continue
		}
		names, err := failpointNames(parse(t, file))
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		for _, name := range names {
			uses[name] = append(uses[name], file)
		}
	}
	form := regexp.MustCompile(`^[a-z]+\.[a-z]+$`)
	for _, p := range failpoint.Points {
		if n := len(uses[p.Name]); n != 1 || !form.MatchString(p.Name) || p.When == "" {
			t.Errorf("failpoint %q (%q) is used %d times: %q", p.Name, p.When, n, uses[p.Name])
		}
		delete(uses, p.Name)
	}
	for name, files := range uses {
		t.Errorf("%q use the failpoint %q, which is missing or listed twice in internal/failpoint/points.go", files, name)
	}
}

func TestFailpointNames(t *testing.T) {
	t.Parallel()
	find := func(body string) ([]string, error) {
		file, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\nfunc f() {\n"+body+"\n}", parser.SkipObjectResolution)
		require.NoError(t, err)
		return failpointNames(file)
	}
	names, err := find(`failpoint.Hit("a.one")
		g(failpoint.AtEnd("a.two", func(tx) error { failpoint.HitIf(n > 0, "a.three"); return other.Hit("no") }))`)
	if want := []string{"a.one", "a.two", "a.three"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("got %q, %v, want %q", names, err, want)
	}
	if _, err := find("failpoint.Hit(name)"); err == nil {
		t.Error("a name that is not a literal was accepted")
	}
}
