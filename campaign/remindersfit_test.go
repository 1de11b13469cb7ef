package campaign

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Each reminder is made or left out for one reason.
func TestRemindersLeft(t *testing.T) {
	t.Parallel()
	hours := Daily(9*60, 20*60)
	for _, c := range []struct {
		name, at, last, now string
		start, end          string
		made                int
		want                RemindersLeft
	}{
		{"all are made", "2026-12-03 14:00", "2026-12-03 14:00", "2026-12-01 12:00", "", "", 2, RemindersLeft{}},
		{"one is past", "2026-12-03 14:00", "2026-12-03 14:00", "2026-12-02 15:00", "", "", 1, RemindersLeft{Past: 1}},
		{"one is moved into the past", "2026-12-03 10:00", "2026-12-03 10:00", "2026-12-02 21:00", "", "", 0, RemindersLeft{Past: 1, Moved: 1}},
		{"one is before the start", "2026-12-03 14:00", "2026-12-03 14:00", "2026-12-01 12:00", "2026-12-03 00:00", "", 1, RemindersLeft{Outside: 1}},
		{"one is moved before the start", "2026-12-03 10:00", "2026-12-03 10:00", "2026-12-01 12:00", "2026-12-02 23:00", "", 0, RemindersLeft{Outside: 2}},
		{"one is after the end", "2026-12-03 14:00", "2026-12-03 14:00", "2026-12-01 12:00", "", "2026-12-03 11:00", 1, RemindersLeft{Outside: 1}},
		{"one is after their last moment", "2026-12-03 14:00", "2026-12-03 11:00", "2026-12-01 12:00", "", "", 1, RemindersLeft{Outside: 1}},
	} {
		s := Settings{Hours: hours, Remind: &Remind{Column: "when", Before: []time.Duration{24 * time.Hour, 2 * time.Hour}}}
		if c.start != "" {
			s.Start = clock(c.start)
		}
		if c.end != "" {
			s.End = clock(c.end)
		}
		got := s.RemindersLeft(clock(c.at), clock(c.last), clock(c.now), []string{"UTC"}, atTheEnd)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
		made := 0
		for _, at := range s.Reminders(clock(c.at), clock(c.now), []string{"UTC"}, atTheEnd) {
			if at.Before(clock(c.last)) {
				made++
			}
		}
		if made != c.made || made+got.Sum() != 2 {
			t.Errorf("%s: %d are made and %d left out, want %d made of 2", c.name, made, got.Sum(), c.made)
		}
	}
}

// A reminder can be called until the hours close, the next one is due or the person's
// last moment comes.
func TestRemindersDue(t *testing.T) {
	t.Parallel()
	daily, always := Daily(9*60, 20*60), Daily(0, 24*60)
	for _, c := range []struct {
		name  string
		hours Hours
		times []string
		last  string
		want  []string
	}{
		{"the hours close", daily, []string{"2026-12-02 19:30"}, "2026-12-03 10:00", []string{"2026-12-02 19:58:30"}},
		{"the last minute", daily, []string{"2026-12-02 19:58"}, "2026-12-03 10:00", []string{"2026-12-02 19:58:30"}},
		{"the next one is due", daily, []string{"2026-12-02 12:00", "2026-12-02 14:00"}, "2026-12-02 15:00", []string{"2026-12-02 14:00:00", "2026-12-02 15:00:00"}},
		{"around the clock", always, []string{"2026-12-02 12:00"}, "2026-12-05 15:00", []string{"2026-12-04 00:00:00"}},
	} {
		var times []time.Time
		for _, at := range c.times {
			times = append(times, clock(at))
		}
		var got []string
		for i, d := range (Settings{Hours: c.hours}).RemindersDue(times, clock(c.last), []string{"UTC"}) {
			got = append(got, d.Before.Format("2006-01-02 15:04:05"))
			if !d.At.Equal(times[i]) || d.People != 1 {
				t.Errorf("%s: %d people are due at %s, want 1 at %s", c.name, d.People, d.At, times[i])
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
	}
}
