package repository

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// Every benchmark is gone through by a test of its package: as it is, or by a
// function of its name, bench for Benchmark, that takes the size.
func TestEveryBenchmarkIsTried(t *testing.T) {
	t.Parallel()
	var benchmarks []string
	tried := map[string]bool{} // by folder and name
	for _, file := range goFiles(t) {
		if !strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Dir(file) + " "
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "Benchmark") {
				benchmarks = append(benchmarks, folder+f.Name.Name)
			}
		}
		for _, name := range triedIn(parsed) {
			tried[folder+name] = true
		}
	}
	if len(benchmarks) < 10 {
		t.Fatalf("found only %q", benchmarks)
	}
	for _, b := range benchmarks {
		if !tried[b] && !tried[strings.Replace(b, " Benchmark", " bench", 1)] {
			t.Errorf("%s: no test goes through it with benchtest.Once", b)
		}
	}
}

// triedIn lists the names that stand in what is given to benchtest.Once.
func triedIn(file *ast.File) (names []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		of, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || of.Sel.Name != "Once" {
			return true
		}
		if pkg, ok := of.X.(*ast.Ident); !ok || pkg.Name != "benchtest" {
			return true
		}
		ast.Inspect(call, func(n ast.Node) bool {
			if name, ok := n.(*ast.Ident); ok {
				names = append(names, name.Name)
			}
			return true
		})
		return false
	})
	return names
}
