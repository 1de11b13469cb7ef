package repository

import (
	"fmt"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dialer/internal/testkit/require"
)

// violations lists the imports of one file that the rules do not allow.
func violations(file string, source []byte) ([]string, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, source, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	pkg := path.Dir(file)
	r, known := packages[pkg]
	if !known {
		return []string{fmt.Sprintf("%s: package %s is not in rules_test.go", file, pkg)}, nil
	}
	var wrong []string
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if !r.allows(pkg, imported, strings.HasSuffix(file, "_test.go")) {
			wrong = append(wrong, fmt.Sprintf("%s: %s may not import %s", file, pkg, imported))
		}
	}
	return wrong, nil
}

func (r rule) allows(pkg, imported string, test bool) bool {
	if ours, ok := strings.CutPrefix(imported, "dialer/"); ok {
		return slices.Contains(r.ours, ours) || test && (ours == pkg || slices.Contains(r.tests, ours) || slices.Contains(leaves, ours))
	}
	for library, by := range libraries {
		if imported == library || strings.HasPrefix(imported, library+"/") {
			return slices.Contains(by, pkg)
		}
	}
	return true
}

func TestImports(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		wrong, err := violations(file, []byte(read(t, file)))
		require.NoError(t, err)
		for _, w := range wrong {
			t.Error(w)
		}
	}
}

func TestImportRules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		file, imports string
		wrong         bool
	}{
		{"campaign/x.go", "dialer/voice", true},
		{"campaign/x.go", "dialer/internal/failpoint", true},
		{"internal/failpoint/x.go", "dialer/campaign", true},
		{"voice/x.go", "dialer/internal/failpoint", true},
		{"jobs/x.go", "dialer/internal/failpoint", false},
		{"campaign/x.go", "dialer/storage", true},
		{"campaign/x_test.go", "dialer/campaign", false},
		{"campaign/x_test.go", "dialer/storage", true},
		{"voice/x.go", "dialer/campaign", true},
		{"voice/x.go", "github.com/golang-jwt/jwt/v5", false},
		{"voice/voicesim/x.go", "dialer/voice", false},
		{"voice/voicesim/x.go", "dialer/campaign", true},
		{"voice/voicesim/x.go", "github.com/golang-jwt/jwt/v5", true},
		{"test/contract/x.go", "dialer/voice", true},
		{"test/contract/x_test.go", "dialer/voice/voicesim", false},
		{"voice/x_test.go", "github.com/getkin/kin-openapi/openapi3", true},
		{"internal/embedded/x.go", "dialer/campaign", true},
		{"internal/embedded/x.go", "github.com/alicebob/miniredis/v2", false},
		{"internal/embedded/x_test.go", "github.com/jackc/pgx/v5", true},
		{"internal/embedded/x_test.go", "dialer/internal/testkit/require", false},
		{"internal/embedded/x.go", "dialer/internal/testkit/require", true},
		{"storage/x.go", "dialer/campaign", false},
		{"storage/x.go", "dialer/jobs", true},
		{"storage/x.go", "dialer/internal/testkit", true},
		{"storage/x_test.go", "dialer/internal/testkit", false},
		{"storage/x.go", "github.com/jackc/pgx/v5/pgxpool", false},
		{"internal/testkit/x.go", "dialer/storage", false},
		{"internal/testkit/x.go", "dialer/internal/embedded", false},
		{"internal/testkit/x.go", "dialer/jobs", true},
		{"jobs/x.go", "dialer/storage", true},
		{"jobs/x_test.go", "dialer/storage", false},
		{"jobs/x_test.go", "dialer/webhooks", true},
		{"jobs/x.go", "github.com/hibiken/asynq", false},
		{"jobs/x.go", "dialer/internal/provider", false},
		{"webhooks/x.go", "dialer/internal/provider", false},
		{"voice/x.go", "dialer/internal/provider", true},
		{"internal/provider/x.go", "dialer/voice", false},
		{"internal/provider/x.go", "dialer/jobs", true},
		{"internal/provider/x_test.go", "dialer/voice/voicesim", true},
		{"jobs/x.go", "github.com/jackc/pgx/v5", true},
		{"webhooks/x.go", "dialer/storage", true},
		{"webhooks/x.go", "dialer/jobs", true},
		{"webhooks/x.go", "dialer/voice", false},
		{"internal/csvimport/x.go", "dialer/voice", true},
		{"internal/csvimport/x_test.go", "dialer/internal/testkit", false},
		{"internal/verify/x.go", "dialer/storage", true},
		{"internal/verify/x.go", "dialer/voice/voicesim", false},
		{"cmd/dialer/x.go", "dialer/jobs", false},
		{"cmd/dialer/x.go", "dialer/internal/testkit", true},
		{"cmd/dialer/x_test.go", "dialer/internal/testkit", false},
		{"cmd/dialer/x.go", "github.com/hibiken/asynq", true},
		{"cmd/enqueue/x.go", "github.com/alecthomas/kong", false},
		{"storage/x.go", "github.com/alecthomas/kong", true},
		{"internal/metrics/x.go", "dialer/campaign", false},
		{"internal/metrics/x.go", "dialer/storage", true},
		{"jobs/x.go", "dialer/internal/metrics", true},
		{"jobs/x.go", "github.com/prometheus/client_golang/prometheus", true},
		{"utils/x.go", "strings", true},
		{"campaign/rules/x.go", "strings", true},
		{"campaign/x.go", "strings", false},
		{"test/repository/x_test.go", "dialer/campaign", false},
		{"test/repository/x_test.go", "dialer/storage", true},
	}
	for _, test := range tests {
		wrong, err := violations(test.file, []byte("package x\n\nimport "+strconv.Quote(test.imports)+"\n"))
		require.NoError(t, err)
		if (len(wrong) > 0) != test.wrong {
			t.Errorf("%s imports %s: got %q, want a violation: %t", test.file, test.imports, wrong, test.wrong)
		}
	}
}
