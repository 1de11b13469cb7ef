package calendar

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dialer/internal/testkit/require"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func event(lines string) string {
	return "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n" + events(lines) + "END:VCALENDAR\n"
}

func events(list ...string) string {
	text := ""
	for _, lines := range list {
		text += "BEGIN:VEVENT\nUID:1\n" + lines + "\nEND:VEVENT\n"
	}
	return text
}

func TestDates(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ file, text, want string }{
		{"a.csv", "2026-12-25\n2026-12-24\n\n2026-12-25\n", "2026-12-24 2026-12-25"},
		{"a.csv", "\ufeffname,Date\r\nChristmas,2026-12-25\r\n\"New, Year\",2027-01-01\r\n", "2026-12-25 2027-01-01"},
		{"a.CSV", "Datum;Name\n2026-12-25;Weihnachten\n", "2026-12-25"},
		{"a.ics", event("DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261227\nSUMMARY:Christmas"), "2026-12-25 2026-12-26"},
		{"a.ics", event("DTSTART;VALUE=DATE:20261225\nSUMMARY:Christmas"), "2026-12-25"},
		{"a.ics", event("DTSTART;TZID=Europe/London:20261225T000000\nDTEND;TZID=Europe/London:20261226T000000"), "2026-12-25"},
		{"a.ics", event("DTSTART;VALUE=DATE:20201225\nRRULE:FREQ=YEARLY;UNTIL=20281231\nEXDATE;VALUE=DATE:20271225"), "2026-12-25 2028-12-25"},
		{"a.ics", event("DTSTART;VALUE=DATE:20330704\nRRULE:FREQ=YEARLY"), "2033-07-04 2034-07-04 2035-07-04"},
		{"a.ics", event("DTSTART;VALUE=DATE:20251231\nDTEND;VALUE=DATE:20260102\nRRULE:FREQ=YEARLY;COUNT=2"), "2026-01-01 2026-12-31 2027-01-01"},
		{"a.ics", strings.Replace(event("DTSTART;VALUE=DATE:20261225\nSTATUS:CANCELLED"), "END:VCALENDAR", events("DTSTART;VALUE=DATE:20261224")+"END:VCALENDAR", 1), "2026-12-24"},
	} {
		path := write(t, test.file, test.text)
		got, err := Dates(filepath.Dir(path), test.file)
		if err != nil || strings.Join(got, " ") != test.want {
			t.Errorf("%q: %v, %v, want %s", test.text, got, err, test.want)
		}
	}
}

func TestDatesMistakes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ file, text, want string }{
		{"a.csv", "date\n2026-12-25\n25/12/2026\n", `a.csv:3: "25/12/2026"`},
		{"a.csv", "25.12.2026\n", "a.csv:1"},
		{"a.csv", "date\n", "no date"},
		{"a.csv", "date\n2026-02-30\n", "a.csv:2"},
		{"a.csv", strings.Repeat("x", maxBytes+1), "1 MiB"},
		{"a.ics", "hello", "no iCal file"},
		{"a.ics", event("DTSTART:20261225T090000Z\nSUMMARY:Party"), `event "Party": DTSTART`},
		{"a.ics", event("SUMMARY:Party"), "no beginning"},
		{"a.ics", event("DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=HOURLY"), "parts of one"},
		{"a.ics", event("DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=MOONLY"), "RRULE"},
		{"a.ics", event("DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=DAILY"), "dates"},
		{"a.ics", event("DTSTART;VALUE=DATE:20200101\nDTEND;VALUE=DATE:20990101"), "lasts"},
		{"a.ics", event("DTSTART;VALUE=DATE:20261225\nDURATION:PT2H"), "part of a day"},
	} {
		path := write(t, test.file, test.text)
		if got, err := Dates("", path); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.60q: %v, %v, want an error with %q", test.text, got, err, test.want)
		}
	}
	if _, err := Dates(t.TempDir(), "none.ics"); err == nil {
		t.Error("a file that is not there")
	}
}

func FuzzICal(f *testing.F) {
	f.Add(event("DTSTART;VALUE=DATE:20201225\nRRULE:FREQ=YEARLY;UNTIL=20281231\nEXDATE;VALUE=DATE:20271225"))
	f.Add(event("DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=MONTHLY;BYDAY=-1FR;COUNT=3"))
	f.Fuzz(func(t *testing.T, text string) {
		dates, err := readICal([]byte(text))
		if err == nil && (!slices.IsSorted(dates) || len(dates) > 10*maxDates+maxDates) {
			t.Errorf("%d dates: %v", len(dates), dates)
		}
	})
}
