package campaign

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

//go:embed holidays.txt
var holidaysText string

const (
	// holidaysWord begins an entry of the excepted dates that stands for the public
	// holidays of a place: holidays=GB, or holidays=GB-SCT.
	holidaysWord = "holidays="
	// The years whose holidays are known. A campaign gets the dates of all of them, so
	// that the same command means the same in each year.
	firstHolidays, lastHolidays = 2026, 2035
)

// holidays are the lines of holidays.txt by place: days such as 1225, or 0326=27 for
// 2032 and 2027.
var holidays = sync.OnceValue(func() map[string][]string {
	places := map[string][]string{}
	for line := range strings.Lines(holidaysText) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] != "#" {
			places[fields[0]] = fields[1:]
		}
	}
	return places
})

func isHolidays(entry string) bool { return strings.HasPrefix(strings.TrimSpace(entry), holidaysWord) }

// Holidays are the public holidays of a country, such as GB, or of a region, such as
// GB-SCT: dates from 2026 to 2035 in order. A country's holidays are those of the whole
// country. The dates of movable feasts are those expected today.
func Holidays(place string) ([]string, error) {
	place = strings.ToUpper(strings.TrimSpace(place))
	days, known := holidays()[place]
	country, _, isRegion := strings.Cut(place, "-")
	if !known {
		return nil, fmt.Errorf("holidays of %q: %s", place, regionsText(country))
	}
	if isRegion {
		days = slices.Concat(days, holidays()[country])
	}
	var dates []string
	for _, day := range days {
		month, years, _ := strings.Cut(day, "=")
		for year := firstHolidays; year <= lastHolidays; year++ {
			if years == "" || strings.Contains(years, fmt.Sprint(year%10)) {
				dates = append(dates, fmt.Sprintf("%d-%s-%s", year, month[:2], month[2:]))
			}
		}
	}
	slices.Sort(dates)
	return slices.Compact(dates), nil
}

// regionsText lists the regions that may be written instead.
func regionsText(country string) string {
	if _, known := holidays()[country]; !known {
		return "want a country such as GB, or one of its regions such as GB-SCT"
	}
	var regions []string
	for place := range holidays() {
		if strings.HasPrefix(place, country+"-") {
			regions = append(regions, place)
		}
	}
	slices.Sort(regions)
	if len(regions) == 0 {
		return "no regions of " + country + " are known; want " + country
	}
	return "want " + country + ", or one of " + strings.Join(regions, ", ")
}

// maxShownDates is the most excepted dates in ExceptText.
const maxShownDates = 12

// ExceptText lists for a person the next dates on which nobody is called, from a date
// on, and how many more there are; "" for none.
func (h Hours) ExceptText(from string) string {
	at, _ := slices.BinarySearch(h.Except, from)
	next := h.Except[at:]
	if len(next) <= maxShownDates {
		return strings.Join(next, ", ")
	}
	return fmt.Sprintf("%s and %d more, the last %s", strings.Join(next[:maxShownDates], ", "), len(next)-maxShownDates, next[len(next)-1])
}
