package main

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/cli"
	"dialer/internal/csvimport"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

const patients = "patient_id,Full Name,phone,call_at\n" +
	"P1,Ann,+447700900101,\n" +
	"P2,=cmd|' /C calc'!A0,+447700900101,\n" +
	"P3,Cid,+447700900103,\n"

// imported imports patients by their id and returns the database.
func imported(t *testing.T) *testkit.DB {
	t.Helper()
	db := testkit.New(t)
	importText(t, db, "checkups", patients)
	return db
}

func importText(t *testing.T, db *testkit.DB, name, text string) csvimport.Summary {
	t.Helper()
	s := testkit.Settings(func(s *campaign.Settings) {
		s.Key, s.Message.Say = "patient_id", "Hello {{Full Name}}."
	})
	sum, err := csvimport.Import(t.Context(), strings.NewReader(text), name, s, csvimport.Options{Now: time.Now()}, db)
	require.NoError(t, err)
	return sum
}

// An export has the CSV's own columns first, no formula, and is a valid input of
// the next campaign, with the same values.
func TestExportIsAValidInput(t *testing.T) {
	t.Parallel()
	db := imported(t)
	code, out, errOut := dialer(t, "campaign", "export", "checkups", "--database-url", db.URL)
	records, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if code != cli.ExitOK || err != nil || len(records) != 4 {
		t.Fatalf("exit %d, %v, %s%s", code, err, out, errOut)
	}
	if got := strings.Join(records[0][:5], ","); got != "patient_id,Full Name,phone,call_at,dialer_key" {
		t.Errorf("columns %s", got)
	}
	if records[1][2] != "+447700900101" || !strings.HasPrefix(records[2][1], "'=cmd") {
		t.Errorf("cells %q %q", records[1][2], records[2][1])
	}
	if sum := importText(t, db, "again", out); sum.Added != 3 || sum.Rejected+sum.Duplicates > 0 {
		t.Errorf("the export as a CSV: %+v", sum)
	}
	if n := testkit.Value[int](t, db, `SELECT count(DISTINCT (key, row)) FROM reporting.contacts`); n != 3 {
		t.Errorf("%d different people, want the same three", n)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM reporting.contacts WHERE row->>'Full Name' LIKE '=cmd%'`); n != 2 {
		t.Errorf("the value is not as it was read, %d times of 2", n)
	}
	file := filepath.Join(t.TempDir(), "people.xlsx")
	if code, out, errOut := dialer(t, "campaign", "export", "checkups", "--format", "xlsx", "--out", file, "--database-url", db.URL); code != cli.ExitOK {
		t.Fatalf("xlsx: exit %d %s%s", code, out, errOut)
	}
	sheet, err := os.ReadFile(file)
	require.NoError(t, err)
	if sum := importText(t, db, "from a sheet", string(sheet)); sum.Added != 3 {
		t.Errorf("the spreadsheet: %+v", sum)
	}
	_, out, _ = dialer(t, "campaign", "export", "checkups", "--format", "json", "--database-url", db.URL)
	var list []map[string]any
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 3 || list[0]["patient_id"] != "P1" || list[0]["dialer_calls"] != 0.0 || list[0]["dialer_price"] != nil {
		t.Errorf("json: %v\n%s", err, out)
	}
}

func TestExportOfThoseNotReached(t *testing.T) {
	t.Parallel()
	db := imported(t)
	if code, out, errOut := dialer(t, "contact", "cancel", "checkups", "P1", "--database-url", db.URL); code != cli.ExitOK {
		t.Fatalf("cancel: %d %s%s", code, out, errOut)
	}
	require.NoError(t, db.Stop(t.Context(), 1))
	for flag, want := range map[string]int{"--not-reached": 2, "--reached": 0} {
		code, out, errOut := dialer(t, "campaign", "export", "checkups", flag, "--database-url", db.URL)
		if lines := strings.Count(out, "\n") - 1; code != cli.ExitOK || lines != want {
			t.Errorf("%s: exit %d, %d people, want %d\n%s%s", flag, code, lines, want, out, errOut)
		}
	}
}

// The campaign's Until decides which people were reached.
func TestExportOfThoseReached(t *testing.T) {
	t.Parallel()
	db := imported(t)
	db.Exec(t, `UPDATE contacts SET state = 'done', reason = 'human'`)
	db.Exec(t, `UPDATE contacts SET result = 'confirmed' WHERE key = 'P1'`)
	db.Exec(t, `UPDATE contacts SET heard_at = now() WHERE key = 'P2'`)
	for until, want := range map[string]map[string]int{
		"answered": {"--reached": 3, "--not-reached": 0, "--result=confirmed": 1, "--result=cancelled": 0},
		"heard":    {"--reached": 2, "--not-reached": 1},
		"result":   {"--reached": 1, "--not-reached": 2},
	} {
		db.Exec(t, `UPDATE campaigns SET settings = jsonb_set(settings, '{retry,until}', to_jsonb($1::text))`, until)
		for flag, people := range want {
			code, out, errOut := dialer(t, "campaign", "export", "checkups", flag, "--database-url", db.URL)
			if lines := strings.Count(out, "\n") - 1; code != cli.ExitOK || lines != people {
				t.Errorf("until %s, %s: exit %d, %d people, want %d\n%s%s", until, flag, code, lines, people, out, errOut)
			}
		}
	}
}

// One person is shown, changed and cancelled. Each change has an audit entry.
func TestContactCommands(t *testing.T) {
	t.Parallel()
	db := imported(t)
	run := func(want int, args ...string) string {
		t.Helper()
		code, out, errOut := dialer(t, append(append([]string{"contact"}, args...), "--database-url", db.URL)...)
		if code != want {
			t.Errorf("%q: exit %d, want %d: %s%s", args, code, want, out, errOut)
		}
		return out + errOut
	}
	if out := run(cli.ExitOK, "show", "checkups", "P2"); !strings.Contains(out, "key P2") || !strings.Contains(out, "phone: +447700900101") {
		t.Errorf("shown:\n%s", out)
	}
	db.Exec(t, `UPDATE contacts SET due_at = now() + interval '2 days' WHERE key = 'P3'`)
	if out := run(cli.ExitOK, "call", "checkups", "P3", "--by", "ann"); !strings.Contains(out, "a person asked for a call now") {
		t.Errorf("called now:\n%s", out)
	}
	if by := testkit.Value[string](t, db, `SELECT actor FROM audit WHERE action = 'contact.call'`); by != "ann" {
		t.Errorf("the audit says that %s had P3 called", by)
	}
	run(cli.ExitFailed, "call", "checkups", "P9")
	run(cli.ExitOK, "update", "checkups", "P2", "full name=Bob", "phone=+447700900102")
	if out := run(cli.ExitOK, "show", "checkups", "P2", "--format", "json"); !strings.Contains(out, `"Full Name": "Bob"`) || !strings.Contains(out, `"to_number": "447700900102"`) {
		t.Errorf("after the update:\n%s", out)
	}
	for _, wrong := range []string{"phone=0770", "town=Leeds", "patient_id=P9", "full name=", "call_at=12/11/2030 10:00"} {
		run(cli.ExitFailed, "update", "checkups", "P2", wrong)
	}
	run(cli.ExitUsage, "update", "checkups", "P2", "nonsense")
	run(cli.ExitFailed, "show", "checkups", "P9")
	run(cli.ExitOK, "cancel", "checkups", "P3")
	run(cli.ExitOK, "cancel", "checkups", "P3")
	if got := testkit.Value[string](t, db, `SELECT state || ' ' || reason FROM reporting.contacts WHERE key = 'P3'`); got != "done cancelled_by_request" {
		t.Errorf("P3 is %s", got)
	}
	run(cli.ExitFailed, "update", "checkups", "P3", "full name=Eve")
	if out := run(cli.ExitOK, "update", "checkups", "P2", "call_at=2020-01-01 10:00"); !strings.Contains(out, "this person is not called any more") {
		t.Errorf("moved to a time that is past:\n%s", out)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM audit WHERE action IN ('contact.update', 'contact.cancel')`); n != 3 {
		t.Errorf("%d entries in the audit, want 3", n)
	}
}
