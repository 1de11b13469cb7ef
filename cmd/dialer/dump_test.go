package main

import (
	"archive/zip"
	"encoding/csv"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dialer/internal/cli"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// All rows of the views are in one directory that only its owner can read. An existing
// directory is not overwritten, a failure leaves nothing, and the audit has an entry.
func TestExportOfAllViews(t *testing.T) {
	t.Parallel()
	db := imported(t)
	parent := t.TempDir()
	dir := filepath.Join(parent, "dump")
	code, out, errOut := dialer(t, "export", dir, "--by", "ann", "--database-url", db.URL)
	if code != cli.ExitOK || !strings.Contains(out, "contacts.csv: 3 rows") {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	views, err := db.ReportingViews(t.Context())
	require.NoError(t, err)
	for _, view := range views {
		path := filepath.Join(dir, view+".csv")
		file, err := os.Open(path)
		require.NoError(t, err)
		rows, err := csv.NewReader(file).ReadAll()
		require.NoError(t, err)
		require.NoError(t, file.Close())
		columns := testkit.Rows[string](t, db, `SELECT column_name::text FROM information_schema.columns WHERE table_schema = 'reporting' AND table_name = $1 ORDER BY ordinal_position`, view)
		if n := testkit.Value[int](t, db, `SELECT count(*) FROM reporting.`+view); !slices.Equal(rows[0], columns) || len(rows) != n+1 {
			t.Errorf("%s: columns %q and %d rows, want %q and %d", view, rows[0], len(rows)-1, columns, n)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	if len(views) < 19 {
		t.Errorf("there are %d views", len(views))
	}
	if got := testkit.Rows[string](t, db, `SELECT actor FROM audit WHERE action = 'reporting.export'`); !slices.Equal(got, []string{"ann"}) {
		t.Errorf("audited: %q", got)
	}
	before, err := os.ReadDir(dir)
	require.NoError(t, err)
	db.Exec(t, `DELETE FROM contacts WHERE key = 'P1'`)
	if code, _, errOut := dialer(t, "export", dir, "--database-url", db.URL); code != cli.ExitFailed || !strings.Contains(errOut, "is there already") {
		t.Errorf("written over: exit %d %s", code, errOut)
	}
	if code, _, errOut := dialer(t, "export", filepath.Join(parent, "other"), "--only", "campaigns,passwords", "--database-url", db.URL); code != cli.ExitFailed || !strings.Contains(errOut, "no view reporting.passwords") {
		t.Errorf("a view that is none: exit %d %s", code, errOut)
	}
	if code, _, errOut := dialer(t, "export", filepath.Join(parent, "some"), "--only", "campaigns,contacts", "--database-url", db.URL); code != cli.ExitOK {
		t.Errorf("some views: exit %d %s", code, errOut)
	}
	after, err := os.ReadDir(dir)
	require.NoError(t, err)
	some, err := os.ReadDir(filepath.Join(parent, "some"))
	require.NoError(t, err)
	entries, err := os.ReadDir(parent)
	require.NoError(t, err)
	if len(after) != len(before) || len(some) != 2 || len(entries) != 2 {
		t.Errorf("files are left: %v %v %v", after, some, entries)
	}
}

// The command says what it counted, and refuses impossible requests.
func TestReportBy(t *testing.T) {
	t.Parallel()
	db := imported(t)
	for _, test := range []struct {
		code int
		args []string
		says string
	}{
		{cli.ExitOK, []string{"checkups", "--by", "retries"}, "not_ended"},
		{cli.ExitOK, []string{"checkups", "--by", "funnel", "--format", "csv"}, "callable,3,3,100.0"},
		{cli.ExitOK, []string{"--by", "network"}, "nothing was counted from"},
		{cli.ExitUsage, []string{"--by", "retries"}, "name a campaign"},
		{cli.ExitUsage, []string{"--by", "weather"}, "must be one of"},
		{cli.ExitUsage, []string{"--since", "2026-11-01"}, "want --by"},
		{cli.ExitUsage, []string{"--by", "day", "--since", "yesterday"}, "want a day"},
		{cli.ExitFailed, []string{"nobody", "--by", "day"}, "nobody"},
	} {
		code, out, errOut := dialer(t, append(append([]string{"report"}, test.args...), "--database-url", db.URL)...)
		if code != test.code || !strings.Contains(strings.ToLower(out+errOut), test.says) {
			t.Errorf("report %q: exit %d, want %d and %q\n%s%s", test.args, code, test.code, test.says, out, errOut)
		}
	}
	file := filepath.Join(t.TempDir(), "people.xlsx")
	if code, _, errOut := dialer(t, "report", "checkups", "--by", "retries", "--format", "xlsx", "--out", file, "--database-url", db.URL); code != cli.ExitOK {
		t.Fatalf("xlsx: exit %d %s", code, errOut)
	}
	if sheet := sheetText(t, file); !strings.Contains(sheet, "not_ended") {
		t.Errorf("the sheet is %s", sheet)
	}
	piped := filepath.Join(t.TempDir(), "piped.xlsx") // binary data arrives unchanged
	_, out, _ := dialer(t, "campaign", "export", "checkups", "--format", "xlsx", "--database-url", db.URL)
	require.NoError(t, os.WriteFile(piped, []byte(out), 0o600))
	if sheet := sheetText(t, piped); !strings.Contains(sheet, "dialer_calls_answered") {
		t.Errorf("the sheet is %s", sheet)
	}
}

func sheetText(t *testing.T, path string) string {
	t.Helper()
	book, err := zip.OpenReader(path)
	require.NoError(t, err)
	defer book.Close()
	sheet, err := book.Open("xl/worksheets/sheet1.xml")
	require.NoError(t, err)
	text, err := io.ReadAll(sheet)
	require.NoError(t, err)
	return string(text)
}
