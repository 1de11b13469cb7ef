package main

import (
	"strings"
	"testing"

	"dialer/campaign"
	"dialer/internal/cli"
	"dialer/internal/dashboard"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

// Before a campaign is made, the page shows of its file who would be called, where they
// are, what holds calls to them, and what is refused.
func TestCheckFile(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	if code, _, errOut := dialer(t, "suppress", "add", "+447700900101", "--database-url", db.URL); code != cli.ExitOK {
		t.Fatal(errOut)
	}
	document := campaign.Document{Name: "outage", From: []string{"442079460000"}}
	document.Message.Say, document.People.Country = "Hello {{name}}.", "GB"
	document.People.Countries = []string{"GB", "IE"}
	require.NoError(t, document.When.SetHours("00:00-24:00", ""))
	n := node{db: db.DB, pagesDB: db.DB, pace: paceFlags{CallsPerSecond: 3}}
	file := "phone,name\n07700 900100,Ann\n07700 900101,Bob\n+353 85 012 3456,Cid\n07700,Dan\n07700 900100,Ann\n"
	checked, err := n.checkFile(t.Context(), strings.NewReader(file), document, nil, 0)
	require.NoError(t, err)
	zones := []string{}
	for _, z := range checked.Zones {
		zones = append(zones, z.Name)
	}
	got := []any{
		[]int{checked.Rows, checked.Accepted, checked.Duplicates, checked.Refused, len(checked.Bad)},
		checked.Countries, zones, checked.Holds, checked.Found["to"],
		checked.Line, checked.Vars["name"], checked.Message[0].What,
		checked.Takes > 0, len(checked.Callees), checked.Callees[2].Clock,
	}
	want := []any{
		[]int{5, 3, 1, 1, 1},
		[]dashboard.Share{{Name: "GB", N: 2}, {Name: "IE", N: 1}}, []string{"Europe/London", "Europe/Dublin"},
		[]dashboard.Share{{Name: campaign.WithdrawnSuppressed.Meaning(), N: 1}}, "phone",
		2, "Ann", "Hello Ann.",
		true, 3, "Europe/Dublin (by the number)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
