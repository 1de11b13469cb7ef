package storage_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	gocmp "github.com/google/go-cmp/cmp"
)

// update writes the page again: go test ./storage -run Reference -update
var update = flag.Bool("update", false, "write docs/internals/schema.sql anew")

const (
	schemaPage = "../docs/internals/schema.sql"
	schemaHead = `-- Every table as it is after all migrations. A test writes this page from a migrated database:
-- go test ./storage -run Reference -update
--
-- It is for reading. storage/migrations makes the tables, storage/comments.sql says what each column means,
-- storage/rules.sql has the rule of who may be called, and storage/views.sql the views, which docs/reporting.md describes.
`
)

// docs/internals/schema.sql shows the tables after the migrations.
func TestReferenceOfSchema(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	var page strings.Builder
	page.WriteString(schemaHead)
	for _, table := range testkit.Rows[string](t, db, `
		SELECT relname::text FROM pg_class
		WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'goose_db_version'
		ORDER BY relname COLLATE "C"`) {
		writeTable(t, db, &page, table)
	}
	want := lastComma.ReplaceAllString(page.String(), "$1\n);")
	if *update {
		require.NoError(t, os.WriteFile(schemaPage, []byte(want), 0o644))
	}
	got, err := os.ReadFile(schemaPage)
	require.NoError(t, err)
	if diff := gocmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is not what the migrations make: go test ./storage -run Reference -update (-migrated +page)\n%s", schemaPage, diff)
	}
}

// writeTable writes one table, with its columns in their order.
func writeTable(t *testing.T, db *testkit.DB, page *strings.Builder, table string) {
	t.Helper()
	about := testkit.Value[string](t, db, `SELECT coalesce(obj_description($1::regclass, 'pg_class'), '')`, table)
	if about == "" {
		t.Errorf("storage/comments.sql does not say what the table %s is for", table)
	}
	fmt.Fprintf(page, "\n-- %s\nCREATE TABLE %s (\n", about, table)
	type column struct{ Name, Type, About string }
	for _, c := range testkit.Rows[column](t, db, `
		SELECT attname::text, format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END
		       || CASE WHEN attgenerated <> '' THEN ' GENERATED AS (' || pg_get_expr(adbin, adrelid) || ')'
		               WHEN attidentity <> '' THEN ' IDENTITY'
		               ELSE coalesce(' DEFAULT ' || pg_get_expr(adbin, adrelid), '') END,
		       coalesce(col_description(attrelid, attnum), '')
		FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
		WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, table) {
		if c.About == "" {
			t.Errorf("storage/comments.sql does not say what %s.%s means", table, c.Name)
		}
		fmt.Fprintf(page, "    %s %s, -- %s\n", c.Name, readableSQL(c.Type), c.About)
	}
	for _, constraint := range testkit.Rows[string](t, db, `
		SELECT 'CONSTRAINT ' || conname || ' ' || pg_get_constraintdef(oid, true) FROM pg_constraint
		WHERE conrelid = $1::regclass AND contype IN ('p', 'u', 'f', 'c', 'x')
		ORDER BY array_position('{p,u,x,f,c}', contype::text), conname COLLATE "C"`, table) {
		fmt.Fprintf(page, "    %s,\n", readableSQL(constraint))
	}
	page.WriteString(");\n")
	for _, other := range testkit.Rows[string](t, db, `
		SELECT definition FROM (
			SELECT 1 AS part, pg_get_indexdef(i.indexrelid, 0, true) AS definition FROM pg_index i
			WHERE i.indrelid = $1::regclass AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
			UNION ALL
			SELECT 2, pg_get_triggerdef(oid, true) FROM pg_trigger WHERE tgrelid = $1::regclass AND NOT tgisinternal) AS other
		ORDER BY part, definition COLLATE "C"`, table) {
		fmt.Fprintf(page, "%s;\n", readableSQL(other))
	}
}

// lastComma finds the comma after the last column or constraint of a table.
var lastComma = regexp.MustCompile(`,( --[^\n]*)?\n\);`)

var (
	needlessCast = regexp.MustCompile(`::(text|smallint|bigint|integer)\b(\[\])?`)
	anyOfList    = regexp.MustCompile(`= ANY \(ARRAY\[([^]]*)\]\)`)
)

// readableSQL is SQL of the catalogue in the form that a person would write.
func readableSQL(sql string) string {
	sql = anyOfList.ReplaceAllString(needlessCast.ReplaceAllString(sql, ""), "IN ($1)")
	return strings.NewReplacer(" ON public.", " ON ", " USING btree", "", "timestamp with time zone", "timestamptz").Replace(strings.Join(strings.Fields(sql), " "))
}
