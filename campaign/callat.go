package campaign

import (
	"errors"
	"slices"
	"strings"
	"time"
)

const (
	// A reminder of yesterday rings nobody. The day's grace lets an import
	// that was broken off be run again after its first reminders are past.
	longestPast = 24 * time.Hour
	// A date further ahead is taken for a slip of the pen.
	longestAhead = 366 * 24 * time.Hour
)

var errCallAt = errors.New("want a time such as 2026-11-30 14:30 (on the clock of the person called), or 2026-11-30T14:30:00Z")

// callAt reads when a person is to be called; the zero time when s is blank.
func (r *Reader) callAt(s string, zones []string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		if at, err = r.localTime(s, zones); err != nil {
			return time.Time{}, err
		}
	}
	switch {
	case at.Before(r.options.Now.Add(-longestPast)):
		return time.Time{}, errors.New("this time is past; give one to come")
	case at.After(r.options.Now.Add(longestAhead)):
		return time.Time{}, errors.New("this time is more than a year ahead; check the year")
	}
	return at.UTC(), nil
}

// localTime reads a time on the wall clock of every zone, which must be the
// same moment in them all.
func (r *Reader) localTime(s string, zones []string) (time.Time, error) {
	wall, err := parseWall(s)
	if err != nil {
		return time.Time{}, err
	}
	places, err := r.load(zones)
	if err != nil {
		return time.Time{}, err
	}
	var at time.Time
	for i, place := range places {
		moments := momentsOf(wall, place)
		switch {
		case len(moments) == 0:
			return time.Time{}, errors.New("clocks skip this time when summer time begins; give another")
		case i > 0 && !moments[0].Equal(at):
			return time.Time{}, errors.New("the number may be in several time zones, so this time is ambiguous; add a column zone, or give it as 2026-11-30T14:30:00Z")
		}
		at = moments[0]
	}
	return at, nil
}

// parseWall reads a time without a zone; it is returned as if it were UTC.
func parseWall(s string) (time.Time, error) {
	s = strings.Replace(s, "T", " ", 1)
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05"} {
		if wall, err := time.Parse(layout, s); err == nil {
			return wall, nil
		}
	}
	return time.Time{}, errCallAt
}

// momentsOf lists the moments at which the clocks of a place show wall, the
// earlier first: none when they skip it in spring, two when they repeat it in
// autumn.
func momentsOf(wall time.Time, place *time.Location) []time.Time {
	var moments []time.Time
	for _, about := range []time.Time{wall.Add(-36 * time.Hour), wall.Add(36 * time.Hour)} {
		_, offset := about.In(place).Zone()
		at := wall.Add(-time.Duration(offset) * time.Second)
		if _, there := at.In(place).Zone(); there == offset {
			moments = append(moments, at)
		}
	}
	slices.SortFunc(moments, time.Time.Compare)
	return slices.CompactFunc(moments, time.Time.Equal)
}
