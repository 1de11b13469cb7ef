package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/provider"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// A test call says the message of the given row, its keys work but opt nobody out, and
// nothing else is stored.
func TestTestCall(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	file := write(t, "to,name\n+447700900101,Ann\n+447700900102,Bob\n+44123,Cid\n")
	args := append(flagsFor(db), "--on-key", "1=confirmed:Thanks {{name}}.", "--on-key", "9=opt_out", "--test", "07700 900199")
	command(t, nil, append(args, "--test-row", "2", file)...).ok(t).
		prints(t, "The message of line 3:", "Hello Bob.", "calls +447700900199", "Nothing else was written.")
	counts := testkit.Value[string](t, db, `SELECT concat_ws(' ', (SELECT count(*) FROM campaigns), (SELECT count(*) FROM contacts), (SELECT count(*) FROM reporting.attempts), (SELECT count(*) FROM attempts))`)
	if counts != "0 0 0 1" {
		t.Errorf("campaigns, contacts, attempts of campaigns and attempts are %s, want 0 0 0 1", counts)
	}
	queued, err := db.Queued(t.Context(), 5*time.Second, [16]byte{}, 10)
	if err != nil || len(queued) != 1 {
		t.Fatalf("%d attempts to take up, %v", len(queued), err)
	}
	p, err := db.Load(t.Context(), queued[0].AttemptID)
	require.NoError(t, err)
	request, err := provider.CallRequest("https://dialer.example", p)
	require.NoError(t, err)
	if said, err := json.Marshal(request.NCCO); err != nil || !strings.Contains(string(said), "Hello Bob.") {
		t.Errorf("the call says %s, %v", said, err)
	}
	a, err := db.Gate(t.Context(), p.Attempt.ID, 30*time.Second)
	require.NoError(t, err)
	pressed, err := provider.AnswerInput("https://dialer.example", p, campaign.First, "1", nil)
	require.NoError(t, err)
	at := time.Now()
	require.NoError(t, db.Receive(t.Context(), campaign.Received{
		AttemptID: a.ID, Kind: "input", Body: []byte(`{}`), Said: pressed.Said,
		Evidence: campaign.Evidence{Source: campaign.FromEvent, CallUUID: "U1", ObservedAt: at, At: at},
	}))
	if got := testkit.Value[string](t, db, `SELECT concat_ws(' ', kind, array_to_string(keys, ','), result) FROM attempts`); got != "manual 1 confirmed" {
		t.Errorf("the attempt is %q", got)
	}
	if out, err := provider.AnswerInput("https://dialer.example", p, campaign.First, "9", nil); err != nil || out.Said.OptOut != "" || len(out.NCCO) == 0 {
		t.Errorf("opting out of a test: %+v, %v", out, err)
	}
	h, err := db.NumberHistory(t.Context(), "447700900199")
	if err != nil || len(h.Manual) != 1 || !strings.Contains(h.Manual[0].Manual.Detail, "test of water, line 3") {
		t.Errorf("the history of the number: %+v, %v", h.Manual, err)
	}

	for _, wrong := range []struct{ row, want string }{{"3", "line 4 cannot be called"}, {"4", "there is no such row"}} {
		r := command(t, nil, append(args, "--test-row", wrong.row, file)...)
		if r.failure == nil || !strings.Contains(r.failure.Error(), wrong.want) {
			t.Errorf("row %s: %v, want %q", wrong.row, r.failure, wrong.want)
		}
	}
	r := command(t, nil, append(args, file)...)
	if r.failure == nil || !strings.Contains(r.failure.Error(), "not called") {
		t.Errorf("a second call to the same number: %v", r.failure)
	}
}

// The dry run shows the dialogue of any row.
func TestDryRunOfARow(t *testing.T) {
	t.Parallel()
	file := write(t, "to,name\n+447700900101,Ann\n+447700900102,Bob\n")
	command(t, nil, append(flagsFor(nil), "--dry-run", "--test-row", "2", file)...).ok(t).prints(t, "The message of line 3:", "Hello Bob.")
}

// The tester's own number is read by the rule of the rows, because read otherwise it
// might be somebody else's.
func TestNumberOfATestCall(t *testing.T) {
	t.Parallel()
	var j job
	j.options.DefaultCountry, j.flags.Test = "DE", "4915123456789"
	if number, err := j.testNumber(); err == nil || !strings.Contains(err.Error(), "two ways") {
		t.Errorf("%q, %v; want an error that names both readings", number, err)
	}
	j.options.DefaultCountry, j.flags.Test = "", "2025550123" // of Washington, or of Cairo
	if number, err := j.testNumber(); err == nil {
		t.Errorf("%q; want an error", number)
	}
}
