package repository

import (
	"go/ast"
	"path/filepath"
	"strings"
	"testing"
)

// Every benchmark runs in a test of its package too, with benchtest.Once: either
// BenchmarkX itself, or a function benchX that takes the size.
func TestBenchmarksRunInTests(t *testing.T) {
	t.Parallel()
	var benchmarks []string
	ran := map[string]bool{} // by folder and name
	for _, file := range goFiles(t) {
		if !strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed := parse(t, file)
		folder := filepath.Dir(file) + " "
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "Benchmark") {
				benchmarks = append(benchmarks, folder+f.Name.Name)
			}
		}
		for _, call := range calls(parsed, "benchtest") {
			for _, name := range names(call) {
				ran[folder+name] = true
			}
		}
	}
	if len(benchmarks) < 10 {
		t.Fatalf("found only %q", benchmarks)
	}
	for _, b := range benchmarks {
		if !ran[b] && !ran[strings.Replace(b, " Benchmark", " bench", 1)] {
			t.Errorf("%s: no test runs it with benchtest.Once", b)
		}
	}
}

// names lists the identifiers in a call.
func names(call *ast.CallExpr) (list []string) {
	ast.Inspect(call, func(n ast.Node) bool {
		if name, ok := n.(*ast.Ident); ok {
			list = append(list, name.Name)
		}
		return true
	})
	return list
}
