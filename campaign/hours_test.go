package campaign

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseHours(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Hours{
		"09:00-20:00":   {540, 1200},
		"9:30 - 17:45":  {570, 1065},
		"00:00-24:00":   {0, 1440},
		" 23:58-24:00 ": {1438, 1440},
	} {
		got, err := ParseHours(in)
		if err != nil || got != want {
			t.Errorf("%q: got %v, %v, want %v", in, got, err, want)
		}
		if back, err := ParseHours(got.String()); err != nil || back != got {
			t.Errorf("%q: %q comes back as %v, %v", in, got, back, err)
		}
	}
	for _, in := range []string{"", "09:00", "20:00-09:00", "09:00-09:00", "09:00-25:00", "09:00-24:01", "9-17", "09:60-20:00", "09:0-20:00", "-1:00-20:00", "09:00-20:00-21:00", "ab:cd-ef:gh", "24:00-24:00"} {
		if got, err := ParseHours(in); err == nil || !strings.Contains(err.Error(), `hours "`+in) {
			t.Errorf("%q: got %v, %v", in, got, err)
		}
	}
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestHoursOpen(t *testing.T) {
	t.Parallel()
	day := Hours{540, 1200}
	tests := []struct {
		now   string
		zones []string
		want  bool
	}{
		{"2026-11-23T09:00:00Z", []string{"Europe/London"}, true},
		{"2026-11-23T08:59:59Z", []string{"Europe/London"}, false},
		{"2026-11-23T19:59:59Z", []string{"Europe/London"}, true},
		{"2026-11-23T20:00:00Z", []string{"Europe/London"}, false},
		{"2026-07-23T08:00:00Z", []string{"Europe/London"}, true},
		{"2026-11-23T09:00:00Z", []string{"Europe/London", "Europe/Paris"}, true},
		{"2026-11-23T19:30:00Z", []string{"Europe/London", "Europe/Paris"}, false},
		{"2026-11-23T12:00:00Z", nil, false},
	}
	for _, test := range tests {
		got, err := day.Open(at(test.now), test.zones)
		if err != nil || got != test.want {
			t.Errorf("%s in %v: %t, %v", test.now, test.zones, got, err)
		}
	}
	for _, zone := range []string{"", "Local", "EST", "Europe/Londn", "../etc/passwd"} {
		if _, err := day.Open(noon, []string{"Europe/London", zone}); err == nil {
			t.Errorf("zone %q was accepted", zone)
		}
	}
}

func TestHoursNext(t *testing.T) {
	t.Parallel()
	tests := []struct {
		hours, now string
		zones      []string
		want       string // "" for never
	}{
		{"09:00-20:00", "2026-11-23T12:00:30Z", []string{"Europe/London"}, "2026-11-23T12:00:30Z"},
		{"09:00-20:00", "2026-11-23T03:00:30Z", []string{"Europe/London"}, "2026-11-23T09:00:00Z"},
		{"09:00-20:00", "2026-11-23T20:00:00Z", []string{"Europe/London"}, "2026-11-24T09:00:00Z"},
		{"09:00-20:00", "2026-11-23T12:00:00Z", []string{"America/New_York", "America/Los_Angeles"}, "2026-11-23T17:00:00Z"},
		{"09:00-11:00", "2026-11-23T12:00:00Z", []string{"America/New_York", "America/Los_Angeles"}, ""},
		// Clocks go from 01:00 to 02:00: the window begins at the change.
		{"01:30-05:00", "2026-03-29T00:00:00Z", []string{"Europe/London"}, "2026-03-29T01:00:00Z"},
		// The whole window is skipped: the next day's.
		{"01:00-02:00", "2026-03-29T00:00:00Z", []string{"Europe/London"}, "2026-03-30T00:00:00Z"},
		// Clocks go from 02:00 back to 01:00: the hour comes again.
		{"01:00-02:00", "2026-10-25T00:30:00Z", []string{"Europe/London"}, "2026-10-25T00:30:00Z"},
		{"01:00-01:30", "2026-10-25T00:45:00Z", []string{"Europe/London"}, "2026-10-25T01:00:00Z"},
		{"09:00-20:00", "2026-11-23T12:00:00Z", nil, ""},
		{"09:00-20:00", "2026-11-23T12:00:00Z", []string{"Mars/Olympus"}, ""},
	}
	for _, test := range tests {
		h, err := ParseHours(test.hours)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := h.Next(at(test.now), test.zones)
		if ok != (test.want != "") || ok && !got.Equal(at(test.want)) {
			t.Errorf("%s from %s in %v: %v, %t, want %q", test.hours, test.now, test.zones, got, ok, test.want)
		}
	}
}

// changes are moments near which clocks change, some in an unusual way: Lord
// Howe by half an hour, Samoa skipped a day, Casablanca for a month.
var changes = map[string]string{
	"Europe/London":       "2026-03-29T01:00:00Z",
	"Europe/Berlin":       "2026-10-25T01:00:00Z",
	"America/New_York":    "2026-03-08T07:00:00Z",
	"America/Los_Angeles": "2026-11-01T09:00:00Z",
	"Australia/Lord_Howe": "2026-04-04T15:00:00Z",
	"Australia/Sydney":    "2026-10-03T16:00:00Z",
	"Pacific/Apia":        "2011-12-30T10:00:00Z",
	"America/Havana":      "2026-11-01T05:00:00Z",
	"Africa/Casablanca":   "2026-02-15T02:00:00Z",
	"Asia/Kathmandu":      "2026-06-01T00:00:00Z",
}

// Next agrees with a search of every minute, near every change of clocks.
func TestHoursNextAgreesWithEveryMinute(t *testing.T) {
	t.Parallel()
	names := make([]string, 0, len(changes))
	for name := range changes {
		names = append(names, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		zones := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 3, rapid.ID[string]).Draw(t, "zones")
		from := rapid.IntRange(0, 1439).Draw(t, "from")
		h := Hours{From: from, To: rapid.IntRange(from+1, 1440).Draw(t, "to")}
		now := at(changes[zones[0]]).Add(time.Duration(rapid.IntRange(-30*60, 4*60).Draw(t, "minutes")) * time.Minute)
		got, ok := h.Next(now, zones)
		places, err := loadZones(zones)
		if err != nil {
			t.Fatal(err)
		}
		minute := now
		for minute.Sub(now) < 72*time.Hour && !h.openInAll(minute, places) {
			minute = minute.Add(time.Minute)
		}
		if minute.Sub(now) < 72*time.Hour && (!ok || !got.Equal(minute)) {
			t.Fatalf("%s in %v from %v: got %v, %t, want %v", h, zones, now, got, ok, minute)
		}
		if open, _ := h.Open(got, zones); ok && !open {
			t.Fatalf("%v is not open", got)
		}
	})
}
