package campaign

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// loadedZones keeps the zones that were loaded by their names, because
// time.LoadLocation reads the tz database each time. A name that does not exist
// is not kept, so that a file of them takes no memory.
var loadedZones sync.Map

// LoadZone loads an IANA zone by its full name. It refuses abbreviations: EST is
// a fixed offset in the tz database, which is not what people mean in summer.
func LoadZone(name string) (*time.Location, error) {
	if zone, known := loadedZones.Load(name); known {
		return zone.(*time.Location), nil
	}
	if name != "UTC" && !strings.Contains(name, "/") {
		return nil, errors.New("want a time zone by its IANA name, such as Europe/London")
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, errors.New("this time zone is not in the tz database; want an IANA name, such as Europe/London")
	}
	loadedZones.Store(name, zone)
	return zone, nil
}

func loadZones(names []string) ([]*time.Location, error) {
	var zones []*time.Location
	for _, name := range names {
		zone, err := LoadZone(name)
		if err != nil {
			return nil, fmt.Errorf("zone %q: %w", name, err)
		}
		zones = append(zones, zone)
	}
	return zones, nil
}

// LocalTimes are the moments at which clocks in a zone show the time wall, which
// is given as if it were UTC. There are none when the clocks skip it in spring,
// and two, the earlier first, when they repeat it in autumn.
func LocalTimes(wall time.Time, zone *time.Location) []time.Time {
	var moments []time.Time
	for _, about := range []time.Time{wall.Add(-36 * time.Hour), wall.Add(36 * time.Hour)} {
		_, offset := about.In(zone).Zone()
		at := wall.Add(-time.Duration(offset) * time.Second)
		if _, there := at.In(zone).Zone(); there == offset {
			moments = append(moments, at)
		}
	}
	slices.SortFunc(moments, time.Time.Compare)
	return slices.CompactFunc(moments, time.Time.Equal)
}
