package verify_test

import (
	"bytes"
	"go/ast"
	"go/importer"
	"go/parser"
	gotoken "go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// forms are the functions of package campaign that the judge may use: they say how a
// setting or a record is written, and decide nothing.
var forms = []string{
	"Window",  // the calls and the span of a rate
	"Open",    // whether a recorded state is no end
	"KeysFor", // which keys a text is a word of, by the message's own list
}

// The judge computes the correct state by its own rules. A function of package campaign
// that it called would share its mistakes with the dialer.
func TestJudgeUsesNoRuleOfTheJudged(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for at, f := range functionsUsed(t) {
		if f.Pkg() == nil || f.Pkg().Path() != "dialer/campaign" {
			continue
		}
		used[f.Name()] = true
		if !slices.Contains(forms, f.Name()) {
			t.Errorf("%s uses campaign's %s", at, f.Name())
		}
	}
	for _, name := range forms {
		if !used[name] {
			t.Errorf("%s is not used any more", name)
		}
	}
}

// functionsUsed are all functions and methods that the package's files use, by position.
func functionsUsed(t *testing.T) map[string]*types.Func {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", ".")
	var said bytes.Buffer
	list.Stderr = &said
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, said.Bytes())
	}
	exports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		exports[name] = file
	}
	fset := gotoken.NewFileSet()
	conf := types.Config{Importer: importer.ForCompiler(fset, "gc", func(name string) (io.ReadCloser, error) { return os.Open(exports[name]) })}
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	if _, err := conf.Check("dialer/internal/verify", fset, program(t, fset), &info); err != nil {
		t.Fatal(err)
	}
	used := map[string]*types.Func{}
	for name, object := range info.Uses {
		if f, ok := object.(*types.Func); ok {
			used[fset.Position(name.Pos()).String()] = f
		}
	}
	return used
}

// program are the package's files without tests.
func program(t *testing.T, fset *gotoken.FileSet) (files []*ast.File) {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}
