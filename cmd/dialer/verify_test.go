package main

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/cli"
	"dialer/internal/csvimport"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/internal/testkit/testkey"
)

const people = "phone,name\n+44 7700 900101,Ann\n+44 7700 900102,Bob\n+44 7700 900103,Cid\nnonsense,Dan\n"

// withCampaign makes a campaign of three people, and a row that is refused.
func withCampaign(t *testing.T, name string) *testkit.DB {
	t.Helper()
	db := testkit.New(t)
	_, err := csvimport.Import(t.Context(), strings.NewReader(people), name, testkit.Settings(), csvimport.Options{Now: time.Now()}, db)
	require.NoError(t, err)
	return db
}

func TestReportFormats(t *testing.T) {
	t.Parallel()
	db := withCampaign(t, "=outage")
	if code, out, errOut := dialer(t, "report", "=outage", "--database-url", db.URL); code != cli.ExitOK || !strings.Contains(out, "4  rows of the CSV") {
		t.Errorf("table: exit %d, %q %q", code, out, errOut)
	}

	_, out, _ := dialer(t, "report", "--format", "csv", "--database-url", db.URL)
	records, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(records) != 2 {
		t.Fatalf("csv: %v, %d records, want a header and one campaign", err, len(records))
	}
	cells := map[string]string{}
	for i, column := range records[0] {
		cells[column] = records[1][i]
	}
	for column, want := range map[string]string{"campaign": "'=outage", "rows_in": "4", "rejected": "1", "pending": "3", "price": "0.00000000"} {
		if cells[column] != want {
			t.Errorf("csv: %s is %q, want %q", column, cells[column], want)
		}
	}

	_, out, _ = dialer(t, "report", "--format", "json", "--database-url", db.URL)
	var lines []map[string]any
	if err := json.Unmarshal([]byte(out), &lines); err != nil || len(lines) != 1 {
		t.Fatalf("json: %v, %d campaigns, want 1", err, len(lines))
	}
	if got, want := lines[0]["price"], "0.00000000"; got != want {
		t.Errorf("json: price is %v, want the string %q", got, want)
	}
}

func TestWhyOutput(t *testing.T) {
	t.Parallel()
	db := withCampaign(t, "outage")
	for number, says := range map[string]string{
		"447700900101":     "outage (running): line 2 of its CSV, pending: not called yet",
		"+44 7700 900 102": "may be called from",
	} {
		if code, out, errOut := dialer(t, "why", number, "--database-url", db.URL); code != cli.ExitOK || !strings.Contains(out, says) {
			t.Errorf("why: exit %d, said %q %q, want %q", code, out, errOut, says)
		}
	}
	dialer(t, "campaign", "pause", "outage", "--database-url", db.URL)
	if _, out, _ := dialer(t, "why", "447700900101", "--database-url", db.URL); !strings.Contains(out, "not called now: the campaign is paused: by hand\n") {
		t.Errorf("of a paused campaign: %q", out)
	}
	if code, out, _ := dialer(t, "why", "447700900999", "--database-url", db.URL); code != cli.ExitFailed || !strings.Contains(out, "No campaign has this number") {
		t.Errorf("a stranger: exit %d, said %q", code, out)
	}
}

// Vonage's answer instead of a call is shown in Vonage's own words.
func TestWhyShowsWhatVonageSaid(t *testing.T) {
	t.Parallel()
	const said = "Bad Request: the to parameter must be a number"
	db := withCampaign(t, "outage")
	queued, err := db.Claim(t.Context(), 1)
	require.NoError(t, err)
	a, err := db.Gate(t.Context(), queued[0].AttemptID, 30*time.Second)
	require.NoError(t, err)
	require.NoError(t, db.Record(t.Context(), a.ID, campaign.Outcome{Kind: campaign.OutcomeRefused, Refusal: campaign.RefusedInvalid, Said: said}))
	if _, out, _ := dialer(t, "why", a.To, "--database-url", db.URL); !strings.Contains(out, "refused (invalid): "+said+"\n") {
		t.Errorf("why says %q, want %q in it", out, said)
	}
}

// Of a campaign that was paused because a message cannot be made, each contact shows what
// is wrong with the message.
func TestWhyShowsWhatIsWrongWithTheMessage(t *testing.T) {
	t.Parallel()
	db := withCampaign(t, "outage")
	queued, err := db.Claim(t.Context(), 1)
	require.NoError(t, err)
	require.NoError(t, db.RefuseMessage(t.Context(), queued[0].AttemptID, "ncco[0].text: is required"))
	for _, number := range []string{"447700900101", "447700900102"} {
		const says = "not called now: the campaign is paused: a message cannot be made: ncco[0].text: is required\n"
		if _, out, _ := dialer(t, "why", number, "--database-url", db.URL); !strings.Contains(out, says) {
			t.Errorf("why of %s says %q, want %q in it", number, out, says)
		}
	}
}

func TestSuppressEndsWaitingContacts(t *testing.T) {
	t.Parallel()
	db := withCampaign(t, "outage")
	if code, out, errOut := dialer(t, "suppress", "add", "447700900101", "--note", "asked us to", "--database-url", db.URL); code != cli.ExitOK || !strings.Contains(out, "1 added") {
		t.Fatalf("add: exit %d, %q %q", code, out, errOut)
	}
	_, out, _ := dialer(t, "why", "447700900101", "--database-url", db.URL)
	for _, says := range []string{"Suppressed since", "asked us to", "done (suppressed)"} {
		if !strings.Contains(out, says) {
			t.Errorf("why said %q, want %q in it", out, says)
		}
	}
	if _, out, _ = dialer(t, "suppress", "list", "--database-url", db.URL); !strings.Contains(out, "447700900101") {
		t.Errorf("list: %q", out)
	}
	if code, out, errOut := dialer(t, "suppress", "add", "447700900101", "--campaign", "outage", "--database-url", db.URL); code != cli.ExitOK {
		t.Fatalf("add in a campaign: exit %d, %q %q", code, out, errOut)
	}
	if code, _, errOut := dialer(t, "suppress", "remove", "447700900101", "--database-url", db.URL); code != cli.ExitFailed || !strings.Contains(errOut, "in all campaigns, and in the campaign outage") || !strings.Contains(errOut, "--everywhere") {
		t.Errorf("remove, of two: exit %d, %q", code, errOut)
	}
	for flag, says := range map[string]string{"--campaign=outage": "1 removed: 447700900101 in the campaign outage", "--everywhere": "1 removed: 447700900101 in all campaigns"} {
		if code, out, errOut := dialer(t, "suppress", "remove", "447700900101", flag, "--database-url", db.URL); code != cli.ExitOK || !strings.Contains(out, says) {
			t.Errorf("remove %s: exit %d, %q %q", flag, code, out, errOut)
		}
	}
	if code, _, errOut := dialer(t, "suppress", "remove", "447700900101", "--database-url", db.URL); code != cli.ExitFailed || strings.Contains(errOut, "447700900101") {
		t.Errorf("remove again: exit %d, said %q, want a failure that does not repeat the number", code, errOut)
	}
}

func TestSuppressImportIsAllOrNothing(t *testing.T) {
	t.Parallel()
	db := withCampaign(t, "outage")
	importing := func(file string) (int, string, string) {
		return dialerCtx(t, t.Context(), file, "suppress", "import", "-", "--default-country", "GB", "--database-url", db.URL)
	}
	code, _, errOut := importing("number,why\n07700900101,asked\nnot a number\n07700900102\n")
	if code != cli.ExitFailed || !strings.Contains(errOut, "-:3:") {
		t.Errorf("exit %d, said %q, want a failure that names line 3", code, errOut)
	}
	if _, out, _ := dialer(t, "suppress", "list", "--database-url", db.URL); strings.Contains(out, "447700900101") {
		t.Errorf("something of a bad file was added: %q", out)
	}
	code, out, errOut := importing("\ufeffnumber;why\r\n07700900101;asked\r\n# a remark\r\n\"+44 7700 900101\"\r\n07700900102\r\n")
	if code != cli.ExitOK || !strings.Contains(out, "2 added") {
		t.Errorf("exit %d, said %q %q, want 2 added", code, out, errOut)
	}
}

func TestCampaignNotFound(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	if code, out, _ := dialer(t, "report", "--database-url", db.URL); code != cli.ExitOK || out != "no campaigns\n" {
		t.Errorf("exit %d, %q; want a word of there being none", code, out)
	}
	for _, command := range [][]string{{"report", "outage"}, {"campaign", "pause", "outage"}} {
		code, _, errOut := dialer(t, append(command, "--database-url", db.URL)...)
		if code != cli.ExitFailed || !strings.Contains(errOut, `"outage": not found; `+"`dialer campaign list`") {
			t.Errorf("%v: exit %d, %q; want to be told how to find the name", command, code, errOut)
		}
	}
}

func TestCampaignPauseResumeStop(t *testing.T) {
	t.Parallel()
	db := withCampaign(t, "outage")
	for _, step := range []struct {
		command string
		code    int
		status  string
	}{
		{"pause", cli.ExitOK, "paused"}, {"pause", cli.ExitOK, "paused"}, {"resume", cli.ExitOK, "running"}, {"stop", cli.ExitOK, "stopped"}, {"resume", cli.ExitFailed, "stopped"},
	} {
		code, out, errOut := dialer(t, "campaign", step.command, "outage", "--database-url", db.URL)
		_, list, _ := dialer(t, "campaign", "list", "--database-url", db.URL)
		if code != step.code || !strings.Contains(list, step.status) {
			t.Errorf("%s: exit %d, said %q %q, and the list\n%s\nwant exit %d and %s", step.command, code, out, errOut, list, step.code, step.status)
		}
	}
	if _, out, _ := dialer(t, "campaign", "show", "outage", "--database-url", db.URL); !strings.Contains(out, "3  ended: stopped") {
		t.Errorf("show: %q, want three people who ended as stopped", out)
	}
	if code, _, errOut := dialer(t, "campaign", "pause", "inage", "--database-url", db.URL); code != cli.ExitFailed || !strings.Contains(errOut, `"inage"`) {
		t.Errorf("a name that is none: exit %d, said %q", code, errOut)
	}
}

func TestVerifyFindsPlantedCorruption(t *testing.T) {
	t.Parallel()
	db := withCampaign(t, "outage")
	if code, out, errOut := dialer(t, "verify", "--database-url", db.URL); code != cli.ExitOK || !strings.Contains(out, "every promise holds") {
		t.Fatalf("sound records: exit %d, %q %q", code, out, errOut)
	}
	db.Exec(t, `UPDATE contacts SET state = 'active' WHERE line_no = 2`)
	if code, out, _ := dialer(t, "verify", "--database-url", db.URL); code != cli.ExitFailed || !strings.Contains(out, "BROKEN I4: 1 active contacts without an open attempt") {
		t.Errorf("an active contact without an attempt: exit %d, said %q", code, out)
	}
}

func TestMigrateStatus(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	if code, out, _ := dialer(t, "migrate", "up", "--database-url", db.URL); code != cli.ExitOK || !strings.Contains(out, "0 migrations applied") {
		t.Errorf("up on a migrated database: exit %d, said %q", code, out)
	}
	if code, out, _ := dialer(t, "migrate", "status", "--database-url", db.URL); code != cli.ExitOK || strings.Contains(out, "pending") || !strings.Contains(out, "00100_campaigns") {
		t.Errorf("status: exit %d, said %q", code, out)
	}
}

// Only migrate and run migrate: every other command refuses an older schema,
// says what to type and changes nothing.
func TestCommandsDoNotMigrate(t *testing.T) {
	t.Parallel()
	url := testkit.Empty(t)
	account := []string{"--application-id", "app", "--private-key", testkey.File(t)}
	for _, command := range [][]string{
		{"report"}, {"campaign", "list"}, {"campaign", "pause", "x"}, {"suppress", "list"}, {"suppress", "add", "447700900001", "--source", "x"},
		{"why", "447700900001"}, {"alarms"}, {"alarms", "resolve", "1"}, {"audit"}, {"lock", "show"}, {"lock", "release"},
		{"events", "prune", "--older-than", "90d"}, {"verify"}, append([]string{"call", "hangup", "u"}, account...),
	} {
		code, out, errOut := dialer(t, append(command, "--database-url", url)...)
		if code != cli.ExitFailed || !strings.Contains(errOut, "dialer migrate up") {
			t.Errorf("%v: exit %d, said %q %q; want 1 and what to type", command, code, out, errOut)
		}
	}
	if code, out, errOut := dialer(t, "migrate", "up", "--database-url", url); code != cli.ExitOK || strings.HasPrefix(out, "0 ") {
		t.Errorf("migrate up: exit %d, said %q %q; want all migrations, none of which a command had applied", code, out, errOut)
	}
	for _, command := range [][]string{{"report"}, {"campaign", "list"}, {"suppress", "list"}, {"verify"}} {
		if code, out, errOut := dialer(t, append(command, "--database-url", url)...); code != cli.ExitOK {
			t.Errorf("%v on a database in which nothing has happened: exit %d, said %q %q", command, code, out, errOut)
		}
	}
}
