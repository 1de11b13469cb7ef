package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/csvimport"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

func TestDryRunWritesNothing(t *testing.T) {
	t.Parallel()
	file := write(t, mixed)
	// Without a database it cannot write anything.
	command(t, nil, flagsFor(nil, "--dry-run", file)...).ok(t).prints(t,
		"utf-8, separated by commas", `number to call: "phone"`, "columns that a message can say: {{",
		"4 rows: 2 accepted, 1 duplicate, 1 refused", "line 3, phone: ",
		`The message of line 2:`, "says       Hello Ann.",
		"within 09:00-20:00 in their own zone, takes less than a second at 3 a second",
		"Nothing was written")
	db := testkit.New(t)
	command(t, nil, flagsFor(db, "--dry-run", file)...).ok(t)
	if got := campaigns(t, db); len(got) != 0 {
		t.Errorf("campaigns %v, want none", got)
	}
	left, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v (%v), want the CSV alone", left, err)
	}
}

// The hours move the reminders of three hundred people into half an hour, in which six
// calls a minute can begin.
func TestDryRunSaysWhichRemindersDoNotFit(t *testing.T) {
	t.Parallel()
	when := time.Now().AddDate(0, 0, 3).Format("2006-01-02") + " 10:00"
	rows := "phone,when\n"
	for i := range 300 {
		rows += fmt.Sprintf("+44207946%04d,%s\n", i, when)
	}
	dryRun := func(pace string) result {
		return command(t, nil, "--name", "x", "--from", "442079460000", "--hours", "09:00-20:00", "--say", "Hello", "--remind-before", "when=2h",
			"--calls-per-second", pace, "--dry-run", write(t, rows)).ok(t)
	}
	dryRun("0.1").prints(t, "Reminders that do not fit: 1", " of 300 (1", " without room before the hours close at 0.1 a second, so late or not made)\n")
	if got := dryRun("3"); strings.Contains(got.out, "do not fit") {
		t.Errorf("printed\n%s, and all fit", got.out)
	}
	left := csvimport.Outlook{Reminders: 6, RemindersLeft: campaign.RemindersLeft{Past: 1, Moved: 2, Outside: 3}}
	want := "Reminders that do not fit: 6 of 12 (1 past already, 2 moved by the hours to a time that is past, 3 before the campaign's start, or after its end or the row's call_before)\n"
	if got := remindersText(left, 0, 3); got != want {
		t.Errorf("printed\n%swant\n%s", got, want)
	}
}

// Vonage counts the legs that a message opens, so the calls take longer.
func TestDryRunCountsLegs(t *testing.T) {
	t.Parallel()
	ncco := filepath.Join(t.TempDir(), "ncco.json")
	require.NoError(t, os.WriteFile(ncco, []byte(`[{"action":"connect","endpoint":[{"type":"phone","number":"442079460999"}]}]`), 0o600))
	command(t, nil, "--name", "x", "--from", "442079460000", "--default-country", "GB", "--ncco", ncco, "--dry-run", write(t, people(60))).ok(t).prints(t,
		"takes 40s at 1.5 a second: from ", "; each counts as 2 calls")
	command(t, nil, "--name", "x", "--from", "442079460000", "--default-country", "GB", "--say", "Hello", "--on-key", "0=connect:442079460001", "--dry-run", write(t, people(60))).ok(t).prints(t,
		"takes 40s at 1.5 a second: from ", "; each counts as 2 calls")
}
