package campaign

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func moment(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// near allows for the last two calls of a day and the rounding of people.
func near(got, want time.Time) bool { return got.Sub(want).Abs() < 5*time.Minute }

func TestForesee(t *testing.T) {
	t.Parallel()
	now := moment(t, "2026-12-01T08:00:00Z") // a Tuesday
	london, newYork := []string{"Europe/London"}, []string{"America/New_York"}
	day := Settings{Hours: Daily(9*60, 20*60)}
	day.Hours.Margin = DefaultMargin
	holiday := day
	holiday.Hours.Except = []string{"2026-12-02"}
	ends := day
	ends.End = moment(t, "2026-12-01T10:00:00Z")
	for _, test := range []struct {
		name        string
		s           Settings
		groups      []DueGroup
		rate        float64
		first, last string
		notCalled   int
	}{
		{"one day", day, []DueGroup{{london, []DuePeople{{At: now, People: 7200}}}}, 1, "2026-12-01T09:00:00Z", "2026-12-01T11:00:00Z", 0},
		{"over two days", day, []DueGroup{{london, []DuePeople{{At: now, People: 43200}}}}, 1, "2026-12-01T09:00:00Z", "2026-12-02T10:03:30Z", 0},
		{"a date that is left out", holiday, []DueGroup{{london, []DuePeople{{At: now, People: 43200}}}}, 1, "2026-12-01T09:00:00Z", "2026-12-03T10:03:30Z", 0},
		{"two zones, one after the other", day, []DueGroup{{london, []DuePeople{{At: now, People: 3600}}}, {newYork, []DuePeople{{At: now, People: 3600}}}}, 1, "2026-12-01T09:00:00Z", "2026-12-01T15:00:00Z", 0},
		{"the campaign's end", ends, []DueGroup{{london, []DuePeople{{At: now, People: 7200}}}}, 1, "2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z", 3600},
		{"times of their own", day, []DueGroup{{london, []DuePeople{{At: moment(t, "2026-12-01T12:00:00Z"), People: 60}, {At: moment(t, "2026-12-04T12:00:00Z"), People: 60}}}}, 1, "2026-12-01T12:00:00Z", "2026-12-04T12:01:00Z", 0},
		{"until times of their own", day, []DueGroup{{london, []DuePeople{{At: now, People: 3600, Before: moment(t, "2026-12-01T09:30:00Z")}, {At: now, People: 1800}}}}, 1, "2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z", 1800},
		{"moved to the evening, and too many", day, []DueGroup{{london, []DuePeople{{At: moment(t, "2026-12-01T19:26:00Z"), People: 7200, Before: moment(t, "2026-12-02T09:30:00Z")}}}}, 1, "2026-12-01T19:26:00Z", "2026-12-02T09:30:00Z", 7200 - 1800 - 1830},
		{"no zone", day, []DueGroup{{nil, []DuePeople{{At: now, People: 5}}}}, 1, "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", 5},
	} {
		c := test.s.Foresee(test.groups, test.rate, now)
		if !near(c.First, moment(t, test.first)) || !near(c.Last, moment(t, test.last)) || c.NotCalled < test.notCalled*99/100 || c.NotCalled > test.notCalled*101/100 {
			t.Errorf("%s: %v to %v, %d not called; want %s to %s, %d", test.name, c.First, c.Last, c.NotCalled, test.first, test.last, test.notCalled)
		}
	}
}

// No call is foreseen outside the hours, the rate is kept, and everybody is counted.
func TestForeseeKeepsTheRules(t *testing.T) {
	t.Parallel()
	zones := [][]string{{"Europe/London"}, {"America/New_York"}, {"Asia/Kolkata"}, {"Australia/Sydney", "Australia/Perth"}}
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.IntRange(0, 22*60).Draw(t, "from")
		s := Settings{Hours: Daily(from, rapid.IntRange(from+30, 1440).Draw(t, "to"))}
		now := time.Date(2026, 12, rapid.IntRange(1, 28).Draw(t, "day"), rapid.IntRange(0, 23).Draw(t, "hour"), 0, 0, 0, time.UTC)
		if rapid.Bool().Draw(t, "ends") {
			s.End = now.Add(time.Duration(rapid.IntRange(1, 100).Draw(t, "hours")) * time.Hour)
		}
		var groups []DueGroup
		people := 0
		for _, z := range zones {
			n := rapid.IntRange(0, 5000).Draw(t, "people")
			people += n
			groups = append(groups, DueGroup{z, []DuePeople{{At: now.Add(time.Duration(rapid.IntRange(0, 48).Draw(t, "due")) * time.Hour), People: n}}})
		}
		rate := rapid.Float64Range(0.1, 3).Draw(t, "rate")
		c := s.Foresee(groups, rate, now)
		called := 0
		for i, g := range c.Groups {
			locations, _ := loadZones(groups[i].Zones)
			called += groups[i].Due[0].People - g.NotCalled
			if g.First.IsZero() {
				continue
			}
			last := g.Last.Add(-time.Second) // a moment before the last one, unless that is before the first
			if last.Before(g.First) {
				last = g.First
			}
			if !s.Hours.openInAll(g.First, locations) || !s.Hours.openInAll(last, locations) {
				t.Fatalf("group %d is called from %v to %v, outside %v", i, g.First, g.Last, s.Hours)
			}
			if g.First.Before(groups[i].Due[0].At) || !s.End.IsZero() && g.Last.After(s.End) {
				t.Fatalf("group %d is called from %v to %v, due %v, end %v", i, g.First, g.Last, groups[i].Due[0].At, s.End)
			}
		}
		if called+c.NotCalled != people {
			t.Fatalf("%d called and %d not, of %d", called, c.NotCalled, people)
		}
		if most := c.Last.Sub(c.First).Seconds()*rate + 2; float64(called) > most {
			t.Fatalf("%d called in %v, at %v a second", called, c.Last.Sub(c.First), rate)
		}
	})
}
