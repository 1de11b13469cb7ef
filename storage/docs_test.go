package storage_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/storage"

	"github.com/google/go-cmp/cmp"
)

var sqlBlock = regexp.MustCompile("(?s)```sql\n(.*?)```")

// The SQL in the documents runs unchanged, and finds rows if something has happened.
// Names and ids are those of the database. One example shows an empty result.
func TestSQLInTheDocumentsRuns(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	_, a := filled(t, db)
	own := strings.NewReplacer("019a0000-0000-7000-8000-000000000001", a.ID.String(), "'447700900100'", "'"+ours+"'")
	for file, least := range map[string]int{"../docs/reporting.md": 13, "../docs/campaigns.md": 1} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		blocks := sqlBlock.FindAllSubmatch(text, -1)
		if len(blocks) < least {
			t.Errorf("%s: %d examples found, want at least %d", file, len(blocks), least)
		}
		for _, block := range blocks {
			query := own.Replace(strings.TrimSpace(string(block[1])))
			query, none := strings.CutSuffix(query, "-- no row: yes")
			n := testkit.Value[int](t, db, `SELECT count(*) FROM (`+strings.TrimSuffix(strings.TrimSpace(query), ";")+`) AS example`)
			if none != (n == 0) {
				t.Errorf("%s: %d rows:\n%s", file, n, query)
			}
		}
	}
}

// docs/reporting.md has a line for each view, with all of its columns.
func TestTheDocumentListsEveryColumn(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	text, err := os.ReadFile("../docs/reporting.md")
	require.NoError(t, err)
	views, err := db.ReportingViews(t.Context())
	require.NoError(t, err)
	for _, view := range views {
		_, line, found := strings.Cut(string(text), "| `reporting."+view+"` |")
		line, _, _ = strings.Cut(line, "\n")
		if !found {
			t.Errorf("docs/reporting.md does not list reporting.%s", view)
		}
		for _, column := range testkit.Rows[string](t, db, `SELECT column_name::text FROM information_schema.columns WHERE table_schema = 'reporting' AND table_name = $1`, view) {
			grouped := strings.HasPrefix(column, "done_") || slices.Contains(dispositions, column)
			if !grouped && !regexp.MustCompile(`\b`+column+`\b`).MatchString(line) {
				t.Errorf("docs/reporting.md does not list %s of reporting.%s", column, view)
			}
		}
	}
}

// dispositions have one column each, and one phrase in the documents names all of them.
var dispositions = []string{"answered", "human", "machine", "busy", "unanswered", "timeout", "failed", "rejected", "cancelled", "unexplained"}

var indexRow = regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\| [^|]+ \\| [^|]+ \\|$")

// Every index adds cost to each write of its table, so each is in the list together
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

// mapLine is a line of the map in doc.go: a file, and what is in it.
var mapLine = regexp.MustCompile(`(?m)^//\t([a-z]+) +[^ ]`)

// The map names every file, and no file that does not exist any more.
func TestTheMapNamesEveryFile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	var named []string
	for _, line := range mapLine.FindAllSubmatch(text, -1) {
		named = append(named, string(line[1])+".go")
	}
	slices.Sort(named)
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	files = slices.DeleteFunc(files, func(name string) bool { return name == "doc.go" || strings.HasSuffix(name, "_test.go") })
	if diff := cmp.Diff(files, named); diff != "" {
		t.Errorf("doc.go does not list the files as they are (-there +listed):\n%s", diff)
	}
}

var (
	psqlBlock = regexp.MustCompile("(?s)\n```\nBEGIN;\n(.*?)ROLLBACK;\n```")
	atName    = regexp.MustCompile(`@([a-z_]+)`)
)

// The claim and the gate run with the variables that docs/internals/psql.md sets.
func TestStatementsPastedIntoPsql(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	db.StartCampaign(t, "pasted", 1)
	text, err := os.ReadFile("../docs/internals/psql.md")
	require.NoError(t, err)
	block := psqlBlock.FindSubmatch(text)
	if block == nil {
		t.Fatal("the page has no block of psql")
	}
	set := map[string]string{}
	var statements []string
	for line := range strings.Lines(string(block[1])) {
		line = strings.TrimSpace(line)
		if file, ok := strings.CutPrefix(line, `\i `); ok {
			statements = append(statements, atName.ReplaceAllStringFunc(storage.PastedStatements[file], func(name string) string {
				value, ok := set[name[1:]]
				if !ok {
					t.Errorf("%s: the page sets no %s", file, name[1:])
				}
				return value
			}))
			continue
		}
		name, value, _ := strings.Cut(strings.TrimPrefix(line, `\set `), " ")
		if strings.HasPrefix(value, "'") {
			value = strings.ReplaceAll(value[1:len(value)-1], "''", "'")
		}
		set[name] = value
	}
	db.Begin(t, statements...)()
	if got := testkit.Rows[string](t, db, `SELECT state FROM attempts`); !slices.Equal(got, []string{"dialing"}) {
		t.Errorf("the attempts are %v, want one that is dialing", got)
	}
}
