package campaign

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseHours(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Hours{
		"09:00-20:00":             Daily(540, 1200),
		"9:30 - 17:45":            Daily(570, 1065),
		"00:00-24:00":             {Week: []Span{{0, 7 * 1440}}},
		" 23:58-24:00 ":           Daily(1438, 1440),
		"09:00-12:30,14:00-20:00": weekOf(func(int) []Span { return []Span{{540, 750}, {840, 1200}} }),
	} {
		got, err := ParseHours(in)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %v, %v, want %v", in, got, err, want)
		}
		if back, err := ParseHours(got.String()); err != nil || !reflect.DeepEqual(back, got) {
			t.Errorf("%q: %q comes back as %v, %v", in, got, back, err)
		}
	}
	for _, in := range []string{"", "09:00", "20:00-09:00", "09:00-09:00", "09:00-25:00", "09:00-24:01", "9-17", "09:60-20:00", "09:0-20:00", "-1:00-20:00", "09:00-20:00-21:00", "ab:cd-ef:gh", "24:00-24:00", "09:00-12:00,11:00-13:00", "14:00-20:00,09:00-12:00", "09:00-12:00,"} {
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
	day := Daily(540, 1200)
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
		// The whole window is skipped, so the answer is the next day's.
		{"01:00-02:00", "2026-03-29T00:00:00Z", []string{"Europe/London"}, "2026-03-30T00:00:00Z"},
		// Clocks go from 02:00 back to 01:00: the hour is repeated.
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

// weeks draws hours: each day has none, one or two spans.
var weeks = rapid.Custom(func(t *rapid.T) Hours {
	margin := rapid.IntRange(0, 5).Draw(t, "margin")
	var days [7][]Span
	for d := range days {
		from := rapid.IntRange(0, 1440-10).Draw(t, "from")
		to := rapid.SampledFrom([]int{from + 10, (from + 1440) / 2, 1440}).Draw(t, "to")
		switch rapid.IntRange(0, 3).Draw(t, "day") {
		case 0: // closed
		case 1:
			days[d] = []Span{{0, 1440}}
		case 2:
			days[d] = []Span{{from, max(to, from+10)}}
		case 3:
			days[d] = []Span{{540, 720}, {780, 1200}}
		}
	}
	h := weekOf(func(d int) []Span { return days[d] })
	h.Margin = time.Duration(margin) * time.Minute
	return h
}).Filter(func(h Hours) bool { return h.Validate() == nil })

// opensAt is the rule in a person's words: this minute and the one after the margin are
// inside, on every clock, on a date that is not excepted.
func opensAt(h Hours, at time.Time, places []*time.Location) bool {
	for _, place := range places {
		for _, moment := range []time.Time{at, at.Add(h.Margin)} {
			wall := moment.In(place)
			minute := (int(wall.Weekday())+6)%7*1440 + wall.Hour()*60 + wall.Minute()
			inside := false
			for _, s := range h.Week {
				inside = inside || minute >= s.From && minute < s.To
			}
			for _, date := range h.Except {
				inside = inside && wall.Format("2006-01-02") != date
			}
			if !inside {
				return false
			}
		}
	}
	return true
}

// Next agrees with a search of every minute, near every change of clocks.
func TestHoursNextAgreesWithEveryMinute(t *testing.T) {
	t.Parallel()
	names := make([]string, 0, len(changes))
	for name := range changes {
		names = append(names, name)
	}
	slices.Sort(names)
	rapid.Check(t, func(t *rapid.T) {
		zones := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, 3, rapid.ID[string]).Draw(t, "zones")
		places, err := loadZones(zones)
		if err != nil {
			t.Fatal(err)
		}
		// One of the changes above, or the first one after a day of 2020 to 2030.
		change := at(changes[zones[0]])
		if day := rapid.IntRange(0, 11*365).Draw(t, "day"); day > 0 {
			change = time.Date(2020, 1, day, 0, 0, 0, 0, time.UTC)
			if _, next := change.In(places[0]).ZoneBounds(); !next.IsZero() && next.Year() <= 2030 {
				change = next.Truncate(time.Minute)
			}
		}
		h := weeks.Draw(t, "hours")
		now := change.Add(time.Duration(rapid.IntRange(-30*60, 4*60).Draw(t, "minutes")) * time.Minute)
		for _, days := range rapid.SliceOfN(rapid.IntRange(0, 3), 0, 2).Draw(t, "left out") {
			h.Except = append(h.Except, now.AddDate(0, 0, days).Format("2006-01-02"))
		}
		got, ok := h.Next(now, zones)
		const search = 72 * time.Hour
		minute := now
		for minute.Sub(now) < search && !opensAt(h, minute, places) {
			minute = minute.Add(time.Minute)
		}
		if minute.Sub(now) < search && (!ok || !got.Equal(minute)) {
			t.Fatalf("%s but %v, margin %s, in %v from %v: got %v, %t, want %v", h, h.Except, h.Margin, zones, now, got, ok, minute)
		}
		if open, _ := h.Open(got, zones); ok && !open {
			t.Fatalf("%v is not open", got)
		}
	})
}

func TestParseWeek(t *testing.T) {
	t.Parallel()
	h, err := ParseWeek(map[string]string{"mon-fri": "09:00-12:30,14:00-20:00", "sat": "10:00-14:00"})
	if err != nil || h.String() != "mon-fri 09:00-12:30,14:00-20:00; sat 10:00-14:00" {
		t.Errorf("%s, %v", h, err)
	}
	days, err := ParseDays("Fri-Mon, wed")
	if got := Daily(540, 1200).On(days).String(); err != nil || got != "mon 09:00-20:00; wed 09:00-20:00; fri-sun 09:00-20:00" {
		t.Errorf("%s, %v", got, err)
	}
	for want, byDays := range map[string]map[string]string{
		"want mon, tue":       {"monday": "09:00-20:00"},
		"sat is named twice":  {"sat": "09:00-20:00", "fri-sun": "10:00-14:00"},
		"hours of sat":        {"sat": "20:00-09:00"},
		"never open":          {},
		"follow each other":   {"sat": "09:00-12:00,11:00-13:00"},
		"less than 2 minutes": {"sat": "09:00-09:01"},
	} {
		if _, err := ParseWeek(byDays); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", byDays, err, want)
		}
	}
	if _, err := ParseExcept([]string{"2026-12-25", "2026-02-30"}); err == nil || !strings.Contains(err.Error(), "2026-02-30") {
		t.Errorf("a date that does not exist: %v", err)
	}
}

// Stored hours are read back unchanged.
func TestHoursAreStoredWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := weeks.Draw(t, "hours")
		h.Except = rapid.SampledFrom([][]string{nil, {"2026-12-25", "2026-12-26"}}).Draw(t, "except")
		raw, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		var back Hours
		if err := json.Unmarshal(raw, &back); err != nil || !reflect.DeepEqual(back, h) {
			t.Fatalf("%s comes back as %+v, %v; want %+v", raw, back, err, h)
		}
	})
}
