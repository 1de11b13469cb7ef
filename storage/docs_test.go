package storage_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

var sqlBlock = regexp.MustCompile("(?s)```sql\n(.*?)```")

// The SQL that the documents show runs as it stands.
func TestSQLInTheDocumentsRuns(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	for file, least := range map[string]int{"../docs/reporting.md": 7} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		blocks := sqlBlock.FindAllSubmatch(text, -1)
		if len(blocks) < least {
			t.Errorf("%s: %d examples found, want at least %d", file, len(blocks), least)
		}
		for _, block := range blocks {
			db.Exec(t, string(block[1]))
		}
	}
}

var indexRow = regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\| [^|]+ \\| [^|]+ \\|$")

// Every index costs each write of its table, so each is in the list together
// with the query that needs it.
func TestEveryIndexHasItsQuery(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	text, err := os.ReadFile("../docs/internals/performance.md")
	require.NoError(t, err)
	var listed []string
	for _, row := range indexRow.FindAllSubmatch(text, -1) {
		listed = append(listed, string(row[1]))
	}
	slices.Sort(listed)
	there := testkit.Rows[string](t, db, `
		SELECT indexname FROM pg_indexes
		WHERE schemaname = 'public' AND indexname NOT LIKE '%_pkey' AND indexname NOT LIKE 'events_default_%'
		ORDER BY indexname COLLATE "C"`)
	if diff := cmp.Diff(there, listed); diff != "" {
		t.Errorf("docs/internals/performance.md does not list the indexes as they are (-there +listed):\n%s", diff)
	}
}
