package main

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/cli"
	"dialer/internal/testkit/require"

	"github.com/google/uuid"
)

func TestCallListHasEveryFilterAndFormat(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	attempts := l.dialed(t, 3, stay)
	var ids []string
	for _, a := range attempts {
		ids = append(ids, l.place(t, a))
	}
	if code, _, errOut := l.run(t, "call", "hangup", ids[1], "--by", "ann"); code != cli.ExitOK {
		t.Fatal(errOut)
	}
	listed := func(args ...string) string {
		t.Helper()
		code, out, errOut := l.run(t, append([]string{"call", "list", "--format", "json"}, args...)...)
		var records []callRecord
		if err := json.Unmarshal([]byte(out), &records); err != nil || code != cli.ExitOK {
			t.Fatalf("%v: exit %d, %v, said %q", args, code, err, errOut)
		}
		var got []string
		for _, r := range records {
			for i, id := range ids {
				if r.UUID == id {
					got = append(got, string(rune('a'+i)))
				}
			}
		}
		return strings.Join(got, "")
	}
	conversation := l.call(t, ids[2]).ConversationUUID
	for _, test := range []struct{ args, want string }{
		{"", "abc"},
		{"--page-size 1", "abc"},
		{"--page-size 2", "abc"},
		{"--order desc", "cba"},
		{"--order desc --page-size 1", "cba"},
		{"--limit 2", "ab"},
		{"--record-index 1", "bc"},
		{"--status completed", "b"},
		{"--conversation-uuid " + conversation, "c"},
		{"--date-start 2099-01-01T00:00:00Z", ""},
		{"--date-end 2001-01-01T00:00:00Z", ""},
		{"--date-start 2001-01-01T00:00:00Z --date-end 2099-01-01T00:00:00Z", "abc"},
	} {
		if got := listed(strings.Fields(test.args)...); got != test.want {
			t.Errorf("%s: listed %q, want %q", test.args, got, test.want)
		}
	}
	_, out, _ := l.run(t, "call", "list", "--format", "csv")
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(rows) != 4 || rows[0][0] != "uuid" || rows[1][0] != ids[0] || rows[1][3] != person(0) {
		t.Errorf("csv: %v, %q", err, rows)
	}
	if _, out, _ = l.run(t, "call", "list"); !strings.HasPrefix(out, "UUID ") || strings.Count(out, "\n") != 4 {
		t.Errorf("table:\n%s", out)
	}
	if got := l.recorded(t); len(got) != 1 {
		t.Errorf("recorded %q, want the hang-up only", got)
	}
}

func TestCallShowTellsWhatTheProviderHas(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	id := l.place(t, l.dialed(t, 1, stay)[0])
	code, out, errOut := l.run(t, "call", "show", id, "--format", "json")
	var shown shownCall
	if err := json.Unmarshal([]byte(out), &shown); err != nil || code != cli.ExitOK || shown.Call == nil || shown.Call.Status != "answered" || len(shown.Actions) != 0 {
		t.Errorf("exit %d, %v, said %q %q", code, err, out, errOut)
	}
	stranger := uuid.NewString()
	require.NoError(t, l.db.RecordCallAction(t.Context(), app.Actor{Name: "ann", Through: app.ThroughCommand},
		app.CallAction{CallUUID: stranger, Action: "hangup", Outcome: campaign.EffectDone, Answer: "done"}))
	code, out, errOut = l.run(t, "call", "show", stranger)
	if code != cli.ExitFailed || !strings.Contains(out, "hangup by ann: done") || !strings.Contains(errOut, "unknown to Vonage") {
		t.Errorf("a call that Vonage has no more: exit %d, said %q %q", code, out, errOut)
	}
}
