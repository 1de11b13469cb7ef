package csvimport

import (
	"errors"
	"strings"
	"time"

	"dialer/campaign"
)

const (
	// maxPast: a reminder of yesterday calls nobody. The day's grace lets an
	// interrupted import be run again after its first reminders are past.
	maxPast = 24 * time.Hour
	// maxAhead: a date further ahead is probably a mistake in the year.
	maxAhead = 366 * 24 * time.Hour
)

// parseCallAt reads the time at which a person is to be called; the zero time
// when s is blank.
func parseCallAt(s string, zones []string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		if at, err = parseLocal(s, zones); err != nil {
			return time.Time{}, err
		}
	}
	switch {
	case at.Before(now.Add(-maxPast)):
		return time.Time{}, errors.New("this time is past; give one to come")
	case at.After(now.Add(maxAhead)):
		return time.Time{}, errors.New("this time is more than a year ahead; check the year")
	}
	return at.UTC(), nil
}

// parseLocal reads a time on the clock of every zone, which must be the same
// moment in all of them.
func parseLocal(s string, zones []string) (time.Time, error) {
	wall, err := parseWall(s)
	if err != nil {
		return time.Time{}, err
	}
	var at time.Time
	for i, name := range zones {
		zone, err := campaign.LoadZone(name)
		if err != nil {
			return time.Time{}, err
		}
		moments := campaign.LocalTimes(wall, zone)
		switch {
		case len(moments) == 0:
			return time.Time{}, errors.New("clocks skip this time when summer time begins; give another")
		//guard:false internal/csvimport.TestReaderRejectedRows: a time that could be several moments is rejected
		case i > 0 && !moments[0].Equal(at):
			return time.Time{}, errors.New("the number may be in several time zones, so this time is ambiguous; add a column zone, or give it as 2026-11-30T14:30:00Z")
		}
		at = moments[0]
	}
	return at, nil
}

// parseWall reads a time without a zone, as if it were UTC.
func parseWall(s string) (time.Time, error) {
	s = strings.Replace(s, "T", " ", 1)
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05"} {
		if wall, err := time.Parse(layout, s); err == nil {
			return wall, nil
		}
	}
	return time.Time{}, errors.New("want a time such as 2026-11-30 14:30 (on the clock of the person called), or 2026-11-30T14:30:00Z")
}
