package campaign

import (
	_ "embed"
	"strings"
	"sync"
)

//go:generate go run numberzones_generate.go

//go:embed numberzones.txt
var numberZonesText string

// numberZones are the zones of each country, by its ISO code, and of ranges of numbers,
// by their first digits.
var numberZones = sync.OnceValue(func() map[string][]string {
	zones := map[string][]string{}
	for line := range strings.Lines(numberZonesText) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] != "#" {
			zones[fields[0]] = fields[1:]
		}
	}
	return zones
})

// longestRange is the most digits that a range of numberZones has.
const longestRange = 9

// zonesOf are the zones in which a telephone may be. A line is in its area. In North
// America a mobile is too, because the plan does not tell them apart. Any other number
// may be anywhere in its country.
func zonesOf(digits, national, country string) []string {
	whole := numberZones()[country]
	if len(whole) < 2 || !strings.HasPrefix(digits, "1") && !isLine(national, country) {
		return whole
	}
	for n := min(longestRange, len(digits)); n > 0; n-- {
		if zones, known := numberZones()[digits[:n]]; known {
			return zones
		}
	}
	return whole
}

// isLine reports whether a number can only be a fixed line's.
func isLine(national, country string) bool {
	m := countryMetadata()[country]
	return matches(national, m.GetFixedLine()) && !matches(national, m.GetMobile())
}
