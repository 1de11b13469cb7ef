package main

import (
	"encoding/json"
	"strings"
	"testing"

	"dialer/internal/cli"
)

func TestAuditPrintsChanges(t *testing.T) {
	t.Parallel()
	db := withCampaign(t, "outage")
	for _, args := range [][]string{
		{"campaign", "pause", "outage", "--reason", "lunch", "--by", "ann"},
		{"suppress", "add", "+447700900123", "--by", "bob"},
	} {
		if code, _, errOut := dialer(t, append(args, "--database-url", db.URL)...); code != cli.ExitOK {
			t.Fatalf("%v: exit %d, said %q", args, code, errOut)
		}
	}
	_, out, errOut := dialer(t, "audit", "--format", "json", "--limit", "2", "--database-url", db.URL)
	var entries []map[string]any
	if err := json.Unmarshal([]byte(out), &entries); err != nil || len(entries) != 2 {
		t.Fatalf("%v, said %q %q; want an array of two", err, out, errOut)
	}
	for _, member := range []string{"at", "actor", "role", "through", "action", "object", "before", "after"} {
		if _, ok := entries[0][member]; !ok {
			t.Errorf("%v has no %q", entries[0], member)
		}
	}
	if e := entries[1]; e["actor"] != "ann" || e["through"] != "command" || e["action"] != "campaign.pause" || e["object"] != "campaign 1" {
		t.Errorf("the pause is %v", e)
	}
	_, out, _ = dialer(t, "audit", "--database-url", db.URL)
	for _, says := range []string{"bob", "suppressions.add", "44*******123", `{"reason": "lunch", "status": "paused"}`} {
		if !strings.Contains(out, says) {
			t.Errorf("the table does not say %q:\n%s", says, out)
		}
	}
	if strings.Contains(out, "447700900123") {
		t.Errorf("the table shows a number:\n%s", out)
	}
	_, out, _ = dialer(t, "audit", "--actor", "ann", "--object", "campaign 2", "--database-url", db.URL)
	if out != "no changes\n" {
		t.Errorf("of another campaign: %q", out)
	}
}
