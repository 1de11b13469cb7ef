package campaign

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// loadedZones caches the loaded zones by name, because time.LoadLocation reads the tz
// database each time. Names that do not exist are not cached, so that a file full of
// them takes no memory.
var loadedZones sync.Map

//go:embed zonenames.txt
var zoneNamesText string

// zoneNames are the zones' names by the lower-case names.
var zoneNames = sync.OnceValue(func() map[string]string {
	names := map[string]string{"utc": "UTC", "gmt": "UTC", "z": "UTC"}
	for line := range strings.Lines(zoneNamesText) {
		if name := strings.TrimSpace(line); !strings.HasPrefix(name, "#") {
			names[strings.ToLower(name)] = name
		}
	}
	return names
})

// LoadZone loads a zone by its IANA name, in any case and with blanks for underscores,
// or by UTC or GMT. It refuses abbreviations: EST is a fixed offset in the tz database,
// which is not what people mean in summer.
func LoadZone(name string) (*time.Location, error) {
	if zone, known := loadedZones.Load(name); known {
		return zone.(*time.Location), nil
	}
	small := strings.ToLower(strings.Join(strings.Fields(name), "_"))
	full, known := zoneNames()[small]
	if !known {
		full = name // may be a zone that is newer than this program
	}
	if full != "UTC" && !strings.Contains(full, "/") {
		return nil, errors.New("want a time zone by its IANA name, such as Europe/London")
	}
	zone, err := time.LoadLocation(full)
	if err != nil {
		return nil, errors.New("this time zone is not in the tz database; want an IANA name, such as Europe/London")
	}
	loadedZones.Store(full, zone)
	return zone, nil
}

// ZoneName is the stored name of a zone that a person wrote. It refuses Etc/GMT+2,
// whose sign is the reverse of common use.
func ZoneName(name string) (string, error) {
	if small := strings.ToLower(name); strings.HasPrefix(small, "etc/gmt+") || strings.HasPrefix(small, "etc/gmt-") {
		return "", errors.New("Etc/GMT+2 means two hours behind UTC, the reverse of common use; want the name of a place, such as Europe/London")
	}
	zone, err := LoadZone(name)
	if err != nil {
		return "", err
	}
	return zone.String(), nil
}

// ZoneBasis says how a contact's zones were found.
type ZoneBasis string

const (
	ZoneByColumn     ZoneBasis = "zone"        // the row's own column
	ZoneByPostalCode ZoneBasis = "postal_code" // the row's postal code
	ZoneByNumber     ZoneBasis = "number"      // all zones that the number may be in
	ZoneByCampaign   ZoneBasis = "campaign"    // the campaign's zone, for everybody
)

// Meaning is the basis in words.
func (b ZoneBasis) Meaning() string {
	return map[ZoneBasis]string{
		ZoneByColumn: "by the row's zone", ZoneByPostalCode: "by the row's postal code",
		ZoneByNumber: "by the number", ZoneByCampaign: "by the campaign's zone",
	}[b]
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

// LocalTimes are the moments at which clocks in a zone show the time wall, given as if
// it were UTC. There are none when the clocks skip it in spring. There are two, the
// earlier first, when they repeat it in autumn.
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
