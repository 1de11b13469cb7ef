package campaign

import "time"

// RemindersLeft counts a person's reminders that are not made, by reason.
type RemindersLeft struct {
	Past    int // their time is past
	Moved   int // the hours move them to a time in the past, or leave no time
	Outside int // before the campaign's start, or after its end or the person's last moment
}

// Sum is the total.
func (l RemindersLeft) Sum() int { return l.Past + l.Moved + l.Outside }

// RemindersLeft counts the reminders that Reminders leaves out for a person whose time
// is at, and those that are not before last. A reminder that is merged with the next is
// not counted.
func (s Settings) RemindersLeft(at, last, now time.Time, zones []string, number string) (left RemindersLeft) {
	for _, before := range s.Remind.Before {
		t, ok := s.Hours.reminder(at.Add(-before), now, zones, number)
		switch {
		case at.Add(-before).Before(now):
			left.Past++
		case !ok || t.Before(now):
			left.Moved++
		case t.Before(s.Start) || !s.beforeEnd(t) || !t.Before(last):
			left.Outside++
		}
	}
	return left
}

// RemindersDue are a person's reminders for Foresee. Each can be called until the hours
// close, the next one is due or the person's last moment comes, whichever is first.
func (s Settings) RemindersDue(times []time.Time, last time.Time, zones []string) (due []DuePeople) {
	locations, _ := loadZones(zones)
	for i, t := range times {
		before := s.Hours.closing(t, locations)
		if i+1 < len(times) && times[i+1].Before(before) {
			before = times[i+1]
		}
		if last.Before(before) {
			before = last
		}
		due = append(due, DuePeople{At: t, Before: before, People: 1})
	}
	return due
}

// closing is when the hours that are open at a time stop allowing calls to begin. It is
// a day later if they are open around the clock.
func (h Hours) closing(at time.Time, locations []*time.Location) time.Time {
	for end := at.Add(24 * time.Hour); at.Before(end); {
		open, until := h.span(at, locations)
		if !open {
			return at
		}
		at = until
	}
	return at
}
