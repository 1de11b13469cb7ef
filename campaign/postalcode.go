package campaign

import (
	_ "embed"
	"regexp"
	"strings"
	"sync"
)

//go:embed postalzones.txt
var postalZonesText string

// postalRange is a range of the first characters of a country's postal codes.
type postalRange struct {
	from, to string // both have the same length
	zones    []string
}

// postalZones are the ranges of each country that has a table, by its ISO code.
var postalZones = sync.OnceValue(func() map[string][]postalRange {
	ranges := map[string][]postalRange{}
	for line := range strings.Lines(postalZonesText) {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[0] == "#" {
			continue
		}
		from, to, isRange := strings.Cut(fields[1], "-")
		if !isRange {
			to = from
		}
		ranges[fields[0]] = append(ranges[fields[0]], postalRange{from, to, fields[2:]})
	}
	return ranges
})

// postalForms are the forms of whole postal codes by country, in capitals.
var postalForms = map[string]*regexp.Regexp{
	"US": regexp.MustCompile(`^(\d{5})(?:[- ]?\d{4})?$`),
	"CA": regexp.MustCompile(`^([A-Z]\d[A-Z]) ?\d[A-Z]\d$`),
	"AU": regexp.MustCompile(`^(\d{4})$`),
	"ES": regexp.MustCompile(`^(\d{5})$`),
	"PT": regexp.MustCompile(`^(\d{4})(?:[- ]?\d{3})?$`),
	"BR": regexp.MustCompile(`^(\d{5})[- ]?\d{3}$`),
}

// postalPads are the countries whose codes may have lost a leading zero in a
// spreadsheet, with the full length of a code.
var postalPads = map[string]int{"US": 5, "AU": 4, "ES": 5}

// ZonesOfPostalCode are the possible time zones of a postal code. Nil: it gives no
// zone, because the country has no table here, the code is not one of the country's, or
// it belongs to no place, such as those of armed forces.
func ZonesOfPostalCode(code, country string) []string {
	form := postalForms[country]
	if form == nil {
		return nil
	}
	code = strings.ToUpper(strings.TrimSpace(code))
	if length := postalPads[country]; len(code) == length-1 && onlyDigits(code) {
		code = "0" + code
	}
	match := form.FindStringSubmatch(code)
	if match == nil {
		return nil
	}
	for _, r := range postalZones()[country] {
		if begin := match[1][:len(r.from)]; r.from <= begin && begin <= r.to {
			return r.zones
		}
	}
	return nil
}
