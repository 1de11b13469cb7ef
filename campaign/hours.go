package campaign

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Hours is when calls may be placed, on the wall clock of the person's zone.
type Hours struct {
	// Week holds the open parts of a week, in order and without overlap. A part may run
	// over midnight.
	Week []Span
	// Except holds dates on which nobody is called, as 2026-12-25, in order.
	Except []string
	// Margin is how long before closing the last call is placed, so that no telephone
	// rings after closing. Whole minutes.
	Margin time.Duration
}

// Span is a part of the week, in minutes since Monday 00:00. From is the first
// minute inside, To the first one after it.
type Span struct{ From, To int }

const (
	dayMinutes  = 24 * 60
	weekMinutes = 7 * dayMinutes
	// minMinutes: a call waits in the queue and at Vonage before the telephone
	// rings, and it must still ring inside the hours.
	minMinutes = 2
	// DefaultMargin is the longest time that a telephone may ring.
	DefaultMargin = 2 * time.Minute

	maxMargin = time.Hour
	maxExcept = 1000
	dateForm  = "2006-01-02"
)

// Daily is the same hours each day, between two minutes of the day.
func Daily(from, to int) Hours {
	return weekOf(func(int) []Span { return []Span{{from, to}} })
}

// weekOf joins the spans of the days (0 is Monday), in minutes since midnight.
func weekOf(day func(int) []Span) (h Hours) {
	for d := range 7 {
		for _, s := range day(d) {
			s = Span{s.From + d*dayMinutes, s.To + d*dayMinutes}
			if last := len(h.Week) - 1; last >= 0 && h.Week[last].To == s.From {
				h.Week[last].To = s.To
			} else {
				h.Week = append(h.Week, s)
			}
		}
	}
	return h
}

// On limits the hours to some days of the week.
func (h Hours) On(days Days) Hours {
	limited := weekOf(func(d int) []Span {
		if days[d] {
			return h.day(d)
		}
		return nil
	})
	h.Week = limited.Week
	return h
}

// Validate reports hours that no campaign can have.
func (h Hours) Validate() error {
	if len(h.Week) == 0 {
		return errors.New("they are never open")
	}
	margin := int(h.Margin / time.Minute)
	if h.Margin < 0 || h.Margin > maxMargin || h.Margin%time.Minute != 0 {
		return fmt.Errorf("a margin of %s: want whole minutes, from 0m to %s", h.Margin, maxMargin)
	}
	for i, s := range h.Week {
		if s.From < 0 || s.From >= s.To || s.To > weekMinutes || i > 0 && s.From <= h.Week[i-1].To {
			return errors.New("the end must lie after the beginning, on the same day")
		}
		if s.To-s.From < minMinutes+margin {
			return fmt.Errorf("a window of less than %d minutes is too short to place a call in", minMinutes+margin)
		}
		if i > 0 && s.From-h.Week[i-1].To <= margin {
			return fmt.Errorf("a break must be longer than the margin of %d minutes", margin)
		}
	}
	if last := len(h.Week) - 1; last > 0 {
		if gap := h.Week[0].From + weekMinutes - h.Week[last].To; gap > 0 && gap <= margin {
			return fmt.Errorf("a break must be longer than the margin of %d minutes", margin)
		}
	}
	if len(h.Except) > maxExcept {
		return fmt.Errorf("%d dates are left out, %d are the most", len(h.Except), maxExcept)
	}
	return nil
}

// day is the part of the week in one day, in minutes since its midnight.
func (h Hours) day(d int) (spans []Span) {
	for _, s := range h.Week {
		from, to := max(s.From-d*dayMinutes, 0), min(s.To-d*dayMinutes, dayMinutes)
		if from < to {
			spans = append(spans, Span{from, to})
		}
	}
	return spans
}

// Open reports whether a call may be placed now, by the wall clock of every zone.
// Without a zone the answer is always no. An hour that is repeated in autumn counts
// both times, one that is skipped in spring never.
func (h Hours) Open(now time.Time, zones []string) (bool, error) {
	locations, err := loadZones(zones)
	if err != nil {
		return false, err
	}
	return len(locations) > 0 && h.openInAll(now, locations), nil
}

// Next is the earliest moment from now on at which the hours are open in every
// zone. ok is false when there is none: the zones are too far apart for the
// window, or one of them is not known.
func (h Hours) Next(now time.Time, zones []string) (at time.Time, ok bool) {
	locations, err := loadZones(zones)
	if err != nil || len(locations) == 0 {
		return time.Time{}, false
	}
	return h.nextIn(now, locations)
}

// reopens is the earliest opening after the one that is open at now, if there is one.
func (h Hours) reopens(now time.Time, zones []string) (at time.Time, ok bool) {
	locations, err := loadZones(zones)
	if err != nil || len(locations) == 0 {
		return time.Time{}, false
	}
	t := now
	if h.openInAll(now, locations) {
		left := dayMinutes
		for _, location := range locations {
			left = min(left, h.leftToday(now.In(location)))
		}
		t = now.Truncate(time.Minute).Add(time.Duration(left) * time.Minute)
	}
	return h.nextIn(t, locations)
}

// leftToday is how many minutes are left until the hours that are open on a wall clock
// end, or until the day ends.
func (h Hours) leftToday(wall time.Time) int {
	minute := minuteOfWeek(wall)
	end := (minute/dayMinutes + 1) * dayMinutes
	for _, s := range h.Week {
		if s.From <= minute && minute < s.To {
			end = min(end, s.To)
		}
	}
	return end - minute
}

// CallMargin is how long before the end of the hours the claim stops taking a contact:
// an attempt may wait this long in the queue, and then at Vonage, before the telephone
// rings.
const CallMargin = 90 * time.Second

// firstCall is the earliest moment from now on at which a call can begin: the hours are
// open in every zone, and stay open for CallMargin.
func (h Hours) firstCall(now time.Time, zones []string) (at time.Time, ok bool) {
	locations, err := loadZones(zones)
	if err != nil || len(locations) == 0 {
		return time.Time{}, false
	}
	if h.openInAll(now, locations) && h.openInAll(now.Add(CallMargin), locations) {
		return now.UTC(), true
	}
	return h.reopens(now, zones)
}

// searchAhead limits the search for an opening, without the excepted dates: a week has
// every day once.
const searchAhead = 8 * 24 * time.Hour

// nextIn moves from zone to zone, each time to the first moment at which the next one
// is open. No step skips a moment at which all are open.
func (h Hours) nextIn(now time.Time, locations []*time.Location) (time.Time, bool) {
	limit := searchAhead + time.Duration(len(h.Except))*24*time.Hour
	t := now
	for t.Sub(now) <= limit {
		if h.openInAll(t, locations) {
			return t.UTC(), true
		}
		for _, location := range locations {
			t = h.nextOpening(t, location)
		}
	}
	return time.Time{}, false
}

// nextOpening is t if the hours are open then in the zone. If not, it is the next
// moment at which they may open there: the beginning of a span, midnight, or a change
// of the zone's clocks.
func (h Hours) nextOpening(t time.Time, location *time.Location) time.Time {
	if h.openIn(t, location) {
		return t
	}
	local := t.In(location)
	minute := minuteOfWeek(local)
	opening := (minute/dayMinutes + 1) * dayMinutes
	for _, s := range h.Week {
		if s.From > minute {
			opening = min(opening, s.From)
		}
	}
	intoMinute := time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
	next := t.Add(time.Duration(opening-minute)*time.Minute - intoMinute)
	if _, change := local.ZoneBounds(); !change.IsZero() && change.Before(next) {
		return change
	}
	return next
}

func (h Hours) openInAll(now time.Time, locations []*time.Location) bool {
	for _, location := range locations {
		if !h.openIn(now, location) {
			return false
		}
	}
	return true
}

// openIn reports whether the hours are open in a zone now, and also after the margin.
func (h Hours) openIn(now time.Time, location *time.Location) bool {
	return h.openAt(now.In(location)) && (h.Margin == 0 || h.openAt(now.Add(h.Margin).In(location)))
}

// openAt reports whether the hours are open on a wall clock.
func (h Hours) openAt(wall time.Time) bool {
	minute := minuteOfWeek(wall)
	in := func(s Span) bool { return s.From <= minute && minute < s.To }
	return slices.ContainsFunc(h.Week, in) && (len(h.Except) == 0 || !slices.Contains(h.Except, wall.Format(dateForm)))
}

func minuteOfWeek(t time.Time) int {
	hour, minute, _ := t.Clock()
	monday := (int(t.Weekday()) + 6) % 7
	return monday*dayMinutes + hour*60 + minute
}
