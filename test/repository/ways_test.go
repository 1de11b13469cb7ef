package repository

import (
	"go/ast"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// waysPage has the tables that follow a contact and a webhook through the code.
const waysPage = "docs/internals/architecture.md"

// step is a line of such a table: its number, a file, and a function or
// Receiver.method in it.
var step = regexp.MustCompile("(?m)^\\| [0-9.]+ \\| `([^`]+)` \\| `([^`]+)` \\|")

// TestWaysNameFunctions: a reader who follows the tables finds each function in its
// file.
func TestWaysNameFunctions(t *testing.T) {
	t.Parallel()
	steps := step.FindAllStringSubmatch(read(t, waysPage), -1)
	if len(steps) < 15 {
		t.Fatalf("found %d steps in %s: the test looks in the wrong place", len(steps), waysPage)
	}
	for _, s := range steps {
		if !declares(parse(t, filepath.FromSlash(s[1])), s[2]) {
			t.Errorf("%s: %s has no function %s", waysPage, s[1], s[2])
		}
	}
}

// declares reports whether the file has the function, or the Receiver.method.
func declares(file *ast.File, name string) bool {
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if ok && strings.TrimPrefix(receiver(f)+"."+f.Name.Name, ".") == name {
			return true
		}
	}
	return false
}

// receiver is the name of a method's type; "" for a function.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	of := f.Recv.List[0].Type
	for {
		switch e := of.(type) {
		case *ast.StarExpr:
			of = e.X
		case *ast.IndexExpr:
			of = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}
