package contract_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dialer/internal/testkit/require"
)

const page = "../../docs/internals/voice-api.md"

var quoted = regexp.MustCompile("`([^`]+)`")

// TestPageMatchesCode reads the tables of docs/internals/voice-api.md. They list every
// field of the document, and the names of package voice and of the commands in
// them exist.
func TestPageMatchesCode(t *testing.T) {
	t.Parallel()
	client := exportedNames(t, "../../voice/*.go")
	programs := map[string]command{"dialer": commandOf(t, "../../cmd/dialer/*.go", "commands"), "enqueue": commandOf(t, "../../cmd/enqueue/*.go", "flags")}
	listed := map[string]bool{}
	rows := tableRows(t)
	for _, row := range rows {
		for _, name := range quotedTexts(row[0]) {
			listed[name] = true
		}
		where, commands := quotedTexts(row[1]), quotedTexts(row[2])
		if len(where) == 0 || len(commands) == 0 {
			t.Errorf("%s: no name, or no command", row[0])
		}
		for _, line := range commands {
			if err := checkCommand(programs, line); err != nil {
				t.Errorf("%s: %s: %v", row[0], line, err)
			}
		}
		for _, name := range where {
			if !client[name] {
				t.Errorf("%s: package voice has no %s", row[0], name)
			}
		}
	}
	for _, place := range newCoverage(load(t, today)).names {
		if name := place[strings.LastIndexAny(place, ".?")+1:]; !listed[name] && name != "action" {
			t.Errorf("the page does not list %s", place)
		}
	}
	if len(rows) < 80 {
		t.Errorf("%d rows: the test does not see the tables", len(rows))
	}
}

// TestOperationsHaveExamples: the page says that each operation has one.
func TestOperationsHaveExamples(t *testing.T) {
	t.Parallel()
	examples := map[string]bool{}
	for _, file := range parseFiles(t, "../../voice/example_test.go") {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				examples[f.Name.Name] = true
			}
		}
	}
	operations := 0
	for name := range exportedNames(t, "../../voice/*.go") {
		operation, found := strings.CutPrefix(name, "Client.")
		if !found || operation == "RoundTrip" || operation == "Skew" || operation == "SignToken" || !ast.IsExported(operation) {
			continue
		}
		if operations++; !examples["ExampleClient_"+operation] {
			t.Errorf("there is no ExampleClient_%s", operation)
		}
	}
	if operations < 17 {
		t.Errorf("%d operations: the test does not see them", operations)
	}
}

func readPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	return string(text)
}

// tableRows are the cells of all rows of all tables, without the headings.
func tableRows(t *testing.T) [][]string {
	t.Helper()
	var rows [][]string
	lines := strings.Split(readPage(t), "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(lines[i+1], "|---") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != 4 {
			t.Fatalf("%d cells in %s", len(cells), line)
		}
		rows = append(rows, cells)
	}
	return rows
}

// quotedTexts are the texts in backquotes.
func quotedTexts(text string) []string {
	var list []string
	for _, match := range quoted.FindAllStringSubmatch(text, -1) {
		list = append(list, match[1])
	}
	return list
}

func parseFiles(t *testing.T, patterns ...string) []*ast.File {
	t.Helper()
	var files []*ast.File
	for _, pattern := range patterns {
		list, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, name := range list {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			files = append(files, file)
		}
	}
	return files
}

// exportedNames has the package's names: Type, Type.Field, Type.Method, Func and
// Const.
func exportedNames(t *testing.T, pattern string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, file := range parseFiles(t, pattern) {
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				found[receiverOf(d)+d.Name.Name] = true
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					addNames(found, spec)
				}
			}
		}
	}
	return found
}

func receiverOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	of := f.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	if name, ok := of.(*ast.Ident); ok {
		return name.Name + "."
	}
	return ""
}

func addNames(found map[string]bool, spec ast.Spec) {
	switch spec := spec.(type) {
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			found[name.Name] = true
		}
	case *ast.TypeSpec:
		found[spec.Name.Name] = true
		if s, ok := spec.Type.(*ast.StructType); ok {
			for name := range fieldsOf(s) {
				found[spec.Name.Name+"."+name] = true
			}
		}
	}
}

func fieldsOf(s *ast.StructType) map[string]bool {
	found := map[string]bool{}
	for _, field := range s.Fields.List {
		for _, name := range field.Names {
			found[name.Name] = true
		}
	}
	return found
}

// The helpers of TestPageMatchesCode must find missing names.
func TestPageHelpers(t *testing.T) {
	t.Parallel()
	client := exportedNames(t, "../../voice/*.go")
	for name, want := range map[string]bool{
		"CallRequest.LengthTimer": true, "CallRequest.LengthTimes": false, "Client.Hangup": true, "Client.Hangdown": false,
		"AudioL16Rate8000": true, "ParseEvent": true, "LengthTimer": false,
	} {
		if client[name] != want {
			t.Errorf("%s exists: %t, want %t", name, client[name], want)
		}
	}
	programs := map[string]command{"dialer": commandOf(t, "../../cmd/dialer/*.go", "commands"), "enqueue": commandOf(t, "../../cmd/enqueue/*.go", "flags")}
	for line, want := range map[string]bool{
		"dialer call": true, "dialer call create --sip --header": true, "dialer call talk UUID start --loop": true, "dialer call dtmf UUID subscribe": true,
		"enqueue FILE": true, "enqueue --ncco": true, "dialer run --public-url": true, "dialer call show --database-url": true,
		"dialer": false, "dialer call creat": false, "dialer call create --tone": false, "dialer call talk UUID begin": false,
		"dialer call --to": false, "enqueue call": false, "enqueue --tone": false, "chaos": false,
	} {
		if err := checkCommand(programs, line); (err == nil) != want {
			t.Errorf("%s exists: %v, want %t", line, err, want)
		}
	}
	if got := quotedTexts("`a`, b and `c.d`"); !slices.Equal(got, []string{"a", "c.d"}) {
		t.Errorf("names %q", got)
	}
}
