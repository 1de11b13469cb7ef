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
	long := "Dee;" + strings.Repeat("x", maxText)
	for _, test := range []struct {
		row campaign.RowError
		rec record
	}{
		{campaign.RowError{Line: 3, Column: "phone", Reason: "this number is too short"}, record{text: "Ann;0770"}},
		{campaign.RowError{Line: 4, Column: "phone", Reason: `a "quoted"; reason`}, record{text: `"Smith; Bob";0770`}},
		{campaign.RowError{Line: 5, Reason: "a quote is opened and not closed"}, record{text: `"Cid;07700900003`}},
		{campaign.RowError{Line: 6, Column: "phone", Reason: "there is no number; fill it in"}, record{text: "\"two\nlines\";"}},
		{campaign.RowError{Line: 8, Column: "name", Reason: "too long"}, record{text: long, fault: faultLong}},
		{campaign.RowError{Line: 9, Column: "phone", Reason: "a formula"}, record{text: "=1+1;+44", fields: []string{"=1+1", "+44"}}},
		{campaign.RowError{Line: 10, Column: "phone", Reason: "of a spreadsheet"}, record{fields: []string{"@x", "Zo\xeb;"}}},
		{campaign.RowError{Line: 11, Column: "phone", Reason: "bytes"}, record{text: "Zo\xeb;+44", fields: []string{"Zo\xeb", "+44"}}},
	} {
		require.NoError(t, r.write(test.row, test.rec))
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
		{"8", "name", "too long", long},
		{"9", "phone", "a formula", "'=1+1", "+44"},
		{"10", "phone", "of a spreadsheet", "'@x", "Zo\xeb;"},
		{"11", "phone", "bytes", "Zo\xeb", "+44"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestRejectWriterOwnHeaderTwice(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	r := newRejectWriter(&out, []string{"line", "column", "reason", "line_2", "phone"}, ",")
	require.NoError(t, r.write(campaign.RowError{Line: 2, Reason: "again"}, record{text: "7,phone,bad,x,0770"}))
	if want := "line_3,column_2,reason_2,line,column,reason,line_2,phone\n2,,again,7,phone,bad,x,0770\n"; out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}
