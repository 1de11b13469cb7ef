package csvimport

import (
	"encoding/csv"
	"strings"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

func TestRejectWriter(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	r := newRejectWriter(&out, []string{"name", "phone"}, ";")
	for _, row := range []campaign.RowError{
		{Line: 3, Column: "phone", Reason: "this number is too short", Record: "Ann;0770"},
		{Line: 4, Column: "phone", Reason: `a "quoted"; reason`, Record: `"Smith; Bob";0770`},
		{Line: 5, Reason: "a quote is opened and not closed", Record: `"Cid;07700900003`},
		{Line: 6, Column: "phone", Reason: "there is no number; fill it in", Record: "\"two\nlines\";"},
		{Line: 8, Column: "name", Reason: "long", Record: "Dee;" + strings.Repeat("x", completeText)},
		{Line: 9, Column: "phone", Reason: "formula", Record: "=1+1;+44"},
	} {
		require.NoError(t, r.write(row))
	}
	reader := csv.NewReader(strings.NewReader(out.String()))
	reader.Comma, reader.FieldsPerRecord = ';', -1
	got, err := reader.ReadAll()
	if err != nil {
		t.Fatalf("%v in\n%s", err, out.String())
	}
	want := [][]string{
		{"line", "column", "reason", "name", "phone"},
		{"3", "phone", "this number is too short", "Ann", "0770"},
		{"4", "phone", `a "quoted"; reason`, "Smith; Bob", "0770"},
		{"5", "", "a quote is opened and not closed", `"Cid;07700900003`},
		{"6", "phone", "there is no number; fill it in", "two\nlines", ""},
		{"8", "name", "long", "Dee;" + strings.Repeat("x", completeText)},
		{"9", "phone", "formula", "=1+1", "+44"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestRejectWriterOwnHeaderTwice(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	r := newRejectWriter(&out, []string{"line", "column", "reason", "line_2", "phone"}, ",")
	require.NoError(t, r.write(campaign.RowError{Line: 2, Reason: "again", Record: "7,phone,bad,x,0770"}))
	if want := "line_3,column_2,reason_2,line,column,reason,line_2,phone\n2,,again,7,phone,bad,x,0770\n"; out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}
