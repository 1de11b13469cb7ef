package dialer_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rule is what a package may import of ours. Its test files may import what
// is in tests too.
type rule struct {
	ours  []string
	tests []string
}

// realThings are what the tests of a package run against.
var realThings = []string{"benchtest", "storage", "storage/storagetest", "embedded", "voice/voicesim"}

// wiring is for the commands: they put together everything but what is made
// for tests.
var wiring = rule{
	ours:  []string{"cli", "campaign", "voice", "voice/voicesim", "storage", "jobs", "webhooks", "intake", "audit", "progress", "embedded", "failpoint", "metrics"},
	tests: []string{"benchtest", "storage/storagetest"},
}

// rules is the whole of the permitted directions. A package that is not here
// is a mistake: add it together with what it may import.
var rules = map[string]rule{
	".":                   {tests: []string{"campaign", "failpoint"}},
	"cli":                 {},
	"benchtest":           {},
	"campaign":            {tests: []string{"benchtest"}},
	"campaign/histories":  {tests: []string{"benchtest", "campaign"}},
	"failpoint":           {},
	"voice":               {},
	"voice/voicesim":      {ours: []string{"voice"}, tests: []string{"benchtest"}},
	"voice/contract":      {tests: []string{"voice", "voice/voicesim"}},
	"embedded":            {},
	"storage":             {ours: []string{"campaign", "failpoint"}, tests: []string{"benchtest", "storage/storagetest"}},
	"storage/storagetest": {ours: []string{"storage", "embedded"}},
	"jobs":                {ours: []string{"campaign", "failpoint", "voice"}, tests: realThings},
	"webhooks":            {ours: []string{"campaign", "failpoint", "voice"}, tests: realThings},
	"intake":              {ours: []string{"campaign", "failpoint"}, tests: realThings},
	"progress":            {ours: []string{"campaign", "storage"}, tests: []string{"storage/storagetest", "intake"}},
	"metrics":             {ours: []string{"campaign"}},
	"audit":               {ours: []string{"campaign", "voice"}, tests: realThings},
	"cmd/dialer":          wiring,
	"cmd/enqueue":         wiring,
	"cmd/chaos":           wiring,
	"cmd/pace":            wiring,
	"cmd/mutants":         {},
}

// keepers names the packages that alone may import a library, so that it can
// be replaced in one place.
var keepers = []struct {
	library string
	by      []string
}{
	{"github.com/golang-jwt/jwt", []string{"voice"}},
	{"github.com/alicebob/miniredis", []string{"embedded"}},
	{"github.com/fergusstrange/embedded-postgres", []string{"embedded"}},
	{"github.com/jackc/pgx", []string{"storage", "storage/storagetest"}},
	{"github.com/pressly/goose", []string{"storage"}},
	{"github.com/hibiken/asynq", []string{"jobs"}},
	{"github.com/redis/go-redis", []string{"jobs"}},
	{"golang.org/x/time", []string{"jobs"}},
	{"github.com/nyaruka/phonenumbers", []string{"campaign", "intake"}},
	{"golang.org/x/text", []string{"campaign", "intake"}},
	{"github.com/getkin/kin-openapi", []string{"voice/contract"}},
	{"github.com/prometheus/client_golang", []string{"metrics"}},
	{"github.com/alecthomas/kong", []string{"cli", "cmd/dialer", "cmd/enqueue"}},
}

// violations lists what is wrong with the imports of one file, which is named
// from the repository's root. The files are parsed: `go list` would be
// answered from the test cache after a rule was broken.
func violations(file string, source []byte) ([]string, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, source, parser.ImportsOnly)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", file, err)
	}
	pkg := path.Dir(file)
	r, known := rules[pkg]
	if !known {
		return []string{fmt.Sprintf("%s: package %s is not in the table of imports_test.go", file, pkg)}, nil
	}
	var wrong []string
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", file, err)
		}
		if !r.allows(pkg, imported, strings.HasSuffix(file, "_test.go")) {
			wrong = append(wrong, fmt.Sprintf("%s: %s may not import %s", file, pkg, imported))
		}
	}
	return wrong, nil
}

func (r rule) allows(pkg, imported string, test bool) bool {
	if ours, ok := strings.CutPrefix(imported, "dialer/"); ok {
		// pkg itself: a test package beside it.
		return slices.Contains(r.ours, ours) || test && (ours == pkg || slices.Contains(r.tests, ours))
	}
	for _, k := range keepers {
		if imported == k.library || strings.HasPrefix(imported, k.library+"/") {
			return slices.Contains(k.by, pkg)
		}
	}
	return true
}

// goFiles lists the repository's Go files, from its root.
func goFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case !d.IsDir() && path.Ext(name) == ".go":
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestImports(t *testing.T) {
	t.Parallel()
	files := goFiles(t)
	if len(files) < 50 {
		t.Fatalf("found %d Go files: the test looks in the wrong place", len(files))
	}
	for _, file := range files {
		source, err := os.ReadFile(filepath.FromSlash(file))
		if err != nil {
			t.Fatal(err)
		}
		wrong, err := violations(file, source)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range wrong {
			t.Error(w)
		}
	}
}

// Each line of this table turns a direction round, or keeps it.
func TestImportRules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file, imports string
		wrong         bool
	}{
		{"campaign/x.go", "dialer/voice", true},
		{"campaign/x.go", "dialer/failpoint", true},
		{"failpoint/x.go", "dialer/campaign", true},
		{"voice/x.go", "dialer/failpoint", true},
		{"jobs/x.go", "dialer/failpoint", false},
		{"campaign/x.go", "dialer/storage", true},
		{"campaign/x_test.go", "dialer/campaign", false},
		{"campaign/x_test.go", "dialer/storage", true},
		{"voice/x.go", "dialer/campaign", true},
		{"voice/x.go", "github.com/golang-jwt/jwt/v5", false},
		{"voice/voicesim/x.go", "dialer/voice", false},
		{"voice/voicesim/x.go", "dialer/campaign", true},
		{"voice/voicesim/x.go", "github.com/golang-jwt/jwt/v5", true},
		{"voice/contract/x.go", "dialer/voice", true},
		{"voice/contract/x_test.go", "dialer/voice/voicesim", false},
		{"voice/x_test.go", "github.com/getkin/kin-openapi/openapi3", true},
		{"embedded/x.go", "dialer/campaign", true},
		{"embedded/x.go", "github.com/alicebob/miniredis/v2", false},
		{"embedded/x_test.go", "github.com/jackc/pgx/v5", true},
		{"storage/x.go", "dialer/campaign", false},
		{"storage/x.go", "dialer/jobs", true},
		{"storage/x.go", "dialer/storage/storagetest", true},
		{"storage/x_test.go", "dialer/storage/storagetest", false},
		{"storage/x.go", "github.com/jackc/pgx/v5/pgxpool", false},
		{"storage/storagetest/x.go", "dialer/storage", false},
		{"storage/storagetest/x.go", "dialer/embedded", false},
		{"storage/storagetest/x.go", "dialer/jobs", true},
		{"jobs/x.go", "dialer/storage", true},
		{"jobs/x_test.go", "dialer/storage", false},
		{"jobs/x_test.go", "dialer/webhooks", true},
		{"jobs/x.go", "github.com/hibiken/asynq", false},
		{"jobs/x.go", "github.com/jackc/pgx/v5", true},
		{"webhooks/x.go", "dialer/storage", true},
		{"webhooks/x.go", "dialer/jobs", true},
		{"webhooks/x.go", "dialer/voice", false},
		{"intake/x.go", "dialer/voice", true},
		{"intake/x_test.go", "dialer/storage/storagetest", false},
		{"audit/x.go", "dialer/voice/voicesim", true},
		{"audit/x_test.go", "dialer/voice/voicesim", false},
		{"cmd/dialer/x.go", "dialer/jobs", false},
		{"cmd/dialer/x.go", "dialer/storage/storagetest", true},
		{"cmd/dialer/x_test.go", "dialer/storage/storagetest", false},
		{"cmd/dialer/x.go", "github.com/hibiken/asynq", true},
		{"cmd/enqueue/x.go", "github.com/alecthomas/kong", false},
		{"storage/x.go", "github.com/alecthomas/kong", true},
		{"metrics/x.go", "dialer/campaign", false},
		{"metrics/x.go", "dialer/storage", true},
		{"jobs/x.go", "dialer/metrics", true},
		{"jobs/x.go", "github.com/prometheus/client_golang/prometheus", true},
		{"utils/x.go", "strings", true},
		{"campaign/rules/x.go", "strings", true},
		{"campaign/x.go", "strings", false},
		{"x_test.go", "dialer/campaign", false},
		{"x_test.go", "dialer/storage", true},
	}
	for _, test := range tests {
		wrong, err := violations(test.file, []byte("package x\n\nimport "+strconv.Quote(test.imports)+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		if (len(wrong) > 0) != test.wrong {
			t.Errorf("%s imports %s: got %q, want a violation: %t", test.file, test.imports, wrong, test.wrong)
		}
	}
}
