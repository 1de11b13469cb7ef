package campaign

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	dayMinutes = 24 * 60
	// A call waits in the queue and for Vonage before it rings, and must
	// still ring inside the hours.
	leastMinutes = 2
)

// ParseHours reads "09:00-20:00". The end may be 24:00.
func ParseHours(s string) (Hours, error) {
	from, to, found := strings.Cut(strings.TrimSpace(s), "-")
	if !found {
		return Hours{}, fmt.Errorf("hours %q: want the form 09:00-20:00", s)
	}
	var h Hours
	var err error
	if h.From, err = parseMinute(from); err != nil {
		return Hours{}, fmt.Errorf("hours %q: %w", s, err)
	}
	if h.To, err = parseMinute(to); err != nil {
		return Hours{}, fmt.Errorf("hours %q: %w", s, err)
	}
	if err := h.validate(); err != nil {
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

func twoDigits(s string, most int) (int, bool) {
	if len(s) < 1 || len(s) > 2 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n <= most
}

func (h Hours) validate() error {
	if h.From < 0 || h.To > dayMinutes || h.From >= h.To {
		return errors.New("the end must lie after the beginning, on the same day")
	}
	if h.To-h.From < leastMinutes {
		return fmt.Errorf("a window of less than %d minutes is too short to place a call in", leastMinutes)
	}
	return nil
}

// String is the form that ParseHours reads.
func (h Hours) String() string {
	return fmt.Sprintf("%02d:%02d-%02d:%02d", h.From/60, h.From%60, h.To/60, h.To%60)
}

// Open reports whether the wall clock of every zone is within the hours at
// now. A contact without a zone is never within them. A repeated hour in
// autumn counts both times, a missing one in spring never.
func (h Hours) Open(now time.Time, zones []string) (bool, error) {
	open := len(zones) > 0
	for _, name := range zones {
		place, err := loadZone(name)
		if err != nil {
			return false, fmt.Errorf("zone %q: %w", name, err)
		}
		open = open && h.openAt(now.In(place))
	}
	return open, nil
}

func (h Hours) openIn(now time.Time, places []*time.Location) bool {
	for _, place := range places {
		if !h.openAt(now.In(place)) {
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

// searchAhead bounds the search of Next. Windows repeat daily, so only a rule
// that shuts on some days of the week can need more than two days.
const searchAhead = 8 * 24 * time.Hour

// Next is the earliest moment from now on at which the hours are open in every
// zone. ok is false when there is none, which is so when the zones lie too far
// apart for the window, or one of them is not known.
func (h Hours) Next(now time.Time, zones []string) (at time.Time, ok bool) {
	places, err := loadZones(zones)
	if err != nil || len(places) == 0 {
		return time.Time{}, false
	}
	return h.nextIn(now, places)
}

// reopens is the earliest opening that is not the one under way at now.
func (h Hours) reopens(now time.Time, zones []string) (at time.Time, ok bool) {
	places, err := loadZones(zones)
	if err != nil || len(places) == 0 {
		return time.Time{}, false
	}
	t := now
	if h.openIn(now, places) {
		left := dayMinutes
		for _, place := range places {
			left = min(left, h.To-minuteOf(now.In(place)))
		}
		t = now.Truncate(time.Minute).Add(time.Duration(left) * time.Minute)
	}
	return h.nextIn(t, places)
}

// nextIn goes from zone to zone, each time to the first moment at which the
// next one is open. No step passes over a moment at which all are.
func (h Hours) nextIn(now time.Time, places []*time.Location) (time.Time, bool) {
	t := now
	for t.Sub(now) <= searchAhead {
		if h.openIn(t, places) {
			return t.UTC(), true
		}
		for _, place := range places {
			t = h.opens(t, place)
		}
	}
	return time.Time{}, false
}

// opens is the first moment from t on at which the window is open in one
// place, or a moment before that at which the place's clock is changed.
func (h Hours) opens(t time.Time, place *time.Location) time.Time {
	local := t.In(place)
	minute := minuteOf(local)
	if minute >= h.From && minute < h.To {
		return t
	}
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

// loadZone loads an IANA zone by its full name. Abbreviations are refused: EST
// is a fixed offset in the tz database, and not what people mean in summer.
func loadZone(name string) (*time.Location, error) {
	if name != "UTC" && !strings.Contains(name, "/") {
		return nil, errors.New("want a time zone by its IANA name, such as Europe/London")
	}
	place, err := time.LoadLocation(name)
	if err != nil {
		return nil, errors.New("this time zone is not in the tz database; want an IANA name, such as Europe/London")
	}
	return place, nil
}

func loadZones(zones []string) ([]*time.Location, error) {
	var places []*time.Location
	for _, name := range zones {
		place, err := loadZone(name)
		if err != nil {
			return nil, fmt.Errorf("zone %q: %w", name, err)
		}
		places = append(places, place)
	}
	return places, nil
}
