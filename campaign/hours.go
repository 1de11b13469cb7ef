package campaign

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Hours is the daily window in which calls may be placed, on the wall clock of
// the zone. Minutes since midnight; 0 <= From < To <= 1440. From is the first
// minute inside the window and To the first after it.
type Hours struct {
	From int `json:"open"`
	To   int `json:"close"`
}

const (
	dayMinutes = 24 * 60
	// minMinutes: a call waits in the queue and at Vonage before the telephone
	// rings, and it must still ring inside the hours.
	minMinutes = 2
)

// ParseHours reads "09:00-20:00". The end may be 24:00.
func ParseHours(s string) (h Hours, err error) {
	from, to, found := strings.Cut(strings.TrimSpace(s), "-")
	if !found {
		return Hours{}, fmt.Errorf("hours %q: want the form 09:00-20:00", s)
	}
	if h.From, err = parseMinute(from); err == nil {
		h.To, err = parseMinute(to)
	}
	if err == nil {
		err = h.validate()
	}
	if err != nil {
		return Hours{}, fmt.Errorf("hours %q: %w", s, err)
	}
	return h, nil
}

// parseMinute reads 09:00 as minutes since midnight.
func parseMinute(s string) (int, error) {
	hour, minute, found := strings.Cut(strings.TrimSpace(s), ":")
	h, okHour := twoDigits(hour, 24)
	m, okMinute := twoDigits(minute, 59)
	if !found || !okHour || !okMinute || len(minute) != 2 || h*60+m > dayMinutes {
		return 0, errors.New("want times from 00:00 to 24:00, such as 09:00-20:00")
	}
	return h*60 + m, nil
}

func twoDigits(s string, highest int) (int, bool) {
	if len(s) < 1 || len(s) > 2 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n <= highest
}

func (h Hours) validate() error {
	if h.From < 0 || h.To > dayMinutes || h.From >= h.To {
		return errors.New("the end must lie after the beginning, on the same day")
	}
	if h.To-h.From < minMinutes {
		return fmt.Errorf("a window of less than %d minutes is too short to place a call in", minMinutes)
	}
	return nil
}

// String is the form that ParseHours reads.
func (h Hours) String() string {
	return fmt.Sprintf("%02d:%02d-%02d:%02d", h.From/60, h.From%60, h.To/60, h.To%60)
}

// Length is how long the window is each day.
func (h Hours) Length() time.Duration { return time.Duration(h.To-h.From) * time.Minute }

// Open reports whether now is within the hours on the wall clock of every zone.
// Without a zone it never is. An hour that is repeated in autumn counts both
// times, one that is skipped in spring never.
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

// reopens is the earliest opening after the one that is under way at now, if
// one is.
func (h Hours) reopens(now time.Time, zones []string) (at time.Time, ok bool) {
	locations, err := loadZones(zones)
	if err != nil || len(locations) == 0 {
		return time.Time{}, false
	}
	t := now
	if h.openInAll(now, locations) {
		left := dayMinutes
		for _, location := range locations {
			left = min(left, h.To-minuteOf(now.In(location)))
		}
		t = now.Truncate(time.Minute).Add(time.Duration(left) * time.Minute)
	}
	return h.nextIn(t, locations)
}

// searchAhead bounds the search for an opening. Windows repeat daily, so only a
// rule that closes on some days of the week can need more than two days.
const searchAhead = 8 * 24 * time.Hour

// nextIn moves from zone to zone, each time to the first moment at which the
// next one is open. No step passes over a moment at which all are.
func (h Hours) nextIn(now time.Time, locations []*time.Location) (time.Time, bool) {
	t := now
	for t.Sub(now) <= searchAhead {
		if h.openInAll(t, locations) {
			return t.UTC(), true
		}
		for _, location := range locations {
			t = h.nextOpening(t, location)
		}
	}
	return time.Time{}, false
}

// nextOpening is the first moment from t on at which the window is open in one
// zone, or an earlier one at which the zone's clocks change.
func (h Hours) nextOpening(t time.Time, location *time.Location) time.Time {
	local := t.In(location)
	if h.openAt(local) {
		return t
	}
	minute := minuteOf(local)
	if minute >= h.To {
		minute -= dayMinutes
	}
	intoMinute := time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
	next := t.Add(time.Duration(h.From-minute)*time.Minute - intoMinute)
	if _, change := local.ZoneBounds(); !change.IsZero() && change.Before(next) {
		return change
	}
	return next
}

func (h Hours) openInAll(now time.Time, locations []*time.Location) bool {
	for _, location := range locations {
		if !h.openAt(now.In(location)) {
			return false
		}
	}
	return true
}

// openAt reports whether the hours are open on a wall clock.
func (h Hours) openAt(wall time.Time) bool {
	minute := minuteOf(wall)
	return minute >= h.From && minute < h.To
}

func minuteOf(t time.Time) int {
	hour, minute, _ := t.Clock()
	return hour*60 + minute
}
