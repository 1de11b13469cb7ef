package csvimport

import (
	"strings"
	"testing"
	"time"

	"dialer/campaign"
)

func TestReaderCallAtInRowZone(t *testing.T) {
	t.Parallel()
	allDay := lenient()
	allDay.Hours = campaign.Daily(0, 24*60)
	const london = "+442079460018,,"
	for _, test := range []struct{ row, format, want string }{
		{row: london + "2026-11-24 10:00", want: "2026-11-24T10:00:00Z"},
		{row: london + "2026-11-24T10:00:30", want: "2026-11-24T10:00:30Z"},
		{row: london + "2026-11-24T10:00:00+05:00", want: "2026-11-24T05:00:00Z"},
		{row: "+442079460018,Asia/Kolkata,2026-11-24 10:00", want: "2026-11-24T04:30:00Z"},
		{row: "+447700900001,,2027-07-01 10:00", want: "2027-07-01T09:00:00Z"}, // three zones that agree
		{row: "+61733333333,Australia/Brisbane,2026-12-24 10:00", want: "2026-12-24T00:00:00Z"},
		{row: london + "2027-10-31 01:30", want: "2027-10-31T00:30:00Z"}, // comes twice: the first
		// ISO 8601 that has one meaning
		{row: london + "2026-12-13T14:30Z", want: "2026-12-13T14:30:00Z"},
		{row: london + "2026-12-13 14:30:00+01:00", want: "2026-12-13T13:30:00Z"},
		{row: london + "2026-12-13 14:30:00+00", want: "2026-12-13T14:30:00Z"},
		{row: london + "2026-12-13t14:30z", want: "2026-12-13T14:30:00Z"},
		{row: london + "2026-12-13T14:30:00.250Z", want: "2026-12-13T14:30:00Z"},
		{row: london + "2026-12-13T14:30-0330", want: "2026-12-13T18:00:00Z"},
		{row: london + "2026-12-13T14:30\u221203:30", want: "2026-12-13T18:00:00Z"}, // a minus sign
		{row: london + "20261213T143000Z", want: "2026-12-13T14:30:00Z"},
		{row: london + "20261213T1430", want: "2026-12-13T14:30:00Z"},
		{row: london + "2026-12-13 14:30 Z", want: "2026-12-13T14:30:00Z"},
		// times with several meanings, or none
		{row: london + "13/12/2026 14:30"},
		{row: london + "12/11/2026 14:30"},
		{row: london + "2026-12-13 2:30 PM"},
		{row: london + "2026-1213 14:30"},
		{row: london + "2026-12-13"},
		{row: london + "2026-12-13 24:00"},
		{row: london + "2026-12-13 14:30:60"},
		{row: london + "2026-12-13T14:30+25:00"},
		{row: london + "26-12-13 14:30"},
		// the form of --date-format, or still ISO 8601
		{row: london + "13/12/2026 14:30", format: "DD/MM/YYYY HH:mm", want: "2026-12-13T14:30:00Z"},
		{row: london + "12/13/2026 2:30 PM", format: "MM/DD/YYYY h:mm A", want: "2026-12-13T14:30:00Z"},
		{row: london + "13.12.26 14.30", format: "DD.MM.YY HH.mm", want: "2026-12-13T14:30:00Z"},
		{row: london + "2026-12-13 14:30", format: "DD/MM/YYYY HH:mm", want: "2026-12-13T14:30:00Z"},
		{row: london + "12/13/2026 14:30", format: "DD/MM/YYYY HH:mm"},
	} {
		o := options()
		o.DateFormat = test.format
		rows, rejects := readAll(t, mustReader(t, "to,zone,call_at\n"+test.row+"\n", allDay, o))
		switch {
		case test.want == "":
			if len(rejects) != 1 || rejects[0].Column != "call_at" {
				t.Errorf("%s %s: %+v, want it refused", test.row, test.format, rows)
			}
		case len(rows) != 1 || !rows[0].CallAt.Equal(at(test.want)) || rows[0].CallAt.Location() != time.UTC:
			t.Errorf("%s %s: %+v %+v, want %s", test.row, test.format, rows, rejects, test.want)
		}
	}
}

// A time that is past, or at which the hours are not open long enough for a call, is
// refused. The error says what --yes would do; --yes does that.
func TestReaderCallAtOutsideTheHours(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ times, column, reason, moved string }{
		{"2026-11-24 10:00,", "", "", ""},
		{"2026-11-22 13:00,", "call_at", "this time is past", "2026-11-23T12:00:00Z"},
		{"2026-11-23 11:59,", "call_at", "from 2026-11-23 12:00 in Europe/London on", "2026-11-23T12:00:00Z"},
		{"2026-11-24 21:30,", "call_at", "2026-11-24 21:30 in Europe/London is outside the hours 09:00-20:00", "2026-11-25T09:00:00Z"},
		{"2026-11-24 03:00,", "call_at", "from 2026-11-24 09:00 in Europe/London on", "2026-11-24T09:00:00Z"},
		{"2026-11-24 19:59,", "call_at", "outside the hours", "2026-11-25T09:00:00Z"},
		{"2026-11-24 10:00,2026-11-24 10:00", "call_before", "not after the time of the call", ""},
		{",2026-11-23 11:00", "call_before", "past", ""},
		{"2026-11-24 21:30,2026-11-25 08:00", "call_at", "outside the hours", ""},
		{",2026-11-23 12:30", "", "", ""},
	} {
		for _, yes := range []bool{false, true} {
			o := options()
			o.Yes = yes
			rows, rejects := readAll(t, mustReader(t, "to,call_at,call_before\n+442079460018,"+test.times+"\n", lenient(), o))
			switch {
			case test.column == "" || yes && test.moved != "":
				if len(rows) != 1 || test.moved != "" && (!rows[0].CallAt.Equal(at(test.moved)) || !rows[0].CallAtMoved) {
					t.Errorf("%s, yes %t: %+v %+v, want it at %s", test.times, yes, rows, rejects, test.moved)
				}
			case len(rejects) != 1 || !yes && (rejects[0].Column != test.column || !strings.Contains(rejects[0].Reason, test.reason)):
				t.Errorf("%s, yes %t: %+v %+v, want %s: %s", test.times, yes, rows, rejects, test.column, test.reason)
			}
		}
	}
}

func TestParseDateFormat(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{
		"": "", "DD/MM/YYYY": "02/01/2006", "DD/MM/YYYY HH:mm": "02/01/2006 15:04", "yyyy-MM-ddTHH:mm:ssZ": "2006-01-02T15:04:05Z07:00", "D MMM YY h:mm a": "2 Jan 06 3:04 pm",
	} {
		if got, err := ParseDateFormat(format); got != want || err != nil {
			t.Errorf("%q: %q, %v; want %q", format, got, err, want)
		}
	}
	for _, format := range []string{"DD/MM/YYYY HH", "02/01/2006 15:04", "DD/MM/YYYY hh:mm", "DD/MM HH:mm", "xx"} {
		if got, err := ParseDateFormat(format); err == nil {
			t.Errorf("%q: %q, want an error", format, got)
		}
	}
}
