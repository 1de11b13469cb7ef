package campaign

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// Countries are the countries in which people may be called, by ISO code, sorted. None:
// all, which people write as "all".
type Countries []string

const allCountries = "all"

// ParseCountries reads GB,IE or all. Without words it returns no countries, and given
// is false.
func ParseCountries(words []string) (c Countries, given bool, err error) {
	all := false
	for _, word := range words {
		for _, code := range strings.FieldsFunc(word, func(r rune) bool { return r == ',' || r == ';' || r == ' ' }) {
			code = strings.ToUpper(code)
			switch {
			case strings.EqualFold(code, allCountries):
				all = true
			case code == "UK":
				return nil, true, errors.New("want GB for the United Kingdom")
			case len(code) != 2 || phonenumbers.GetCountryCodeForRegion(code) == 0:
				return nil, true, fmt.Errorf("%q is no country: want ISO codes of two letters, as GB,IE, or all", code)
			case !slices.Contains(c, code):
				c = append(c, code)
			}
			given = true
		}
	}
	if all && len(c) > 0 {
		return nil, true, errors.New("want either countries or all")
	}
	slices.Sort(c)
	return c, given, nil
}

// CountryOf is the country of a number in E.164 digits; "" if it belongs to none.
func CountryOf(digits string) string {
	n, err := numberOf(digits)
	if err != nil {
		return ""
	}
	return n.Country
}

// UsualCountries are the countries to call if the campaign names none: the default
// country, and those of the From numbers.
func UsualCountries(defaultCountry string, from []string) Countries {
	var c Countries
	if defaultCountry != "" {
		c = append(c, strings.ToUpper(defaultCountry))
	}
	for _, digits := range from {
		if n, err := numberOf(digits); err == nil && n.Country != "" && !slices.Contains(c, n.Country) {
			c = append(c, n.Country)
		}
	}
	slices.Sort(c)
	return c
}

func (c Countries) String() string {
	if len(c) == 0 {
		return allCountries
	}
	return strings.Join(c, ",")
}

// Check reports a number in a country that may not be called.
func (c Countries) Check(n Number) error {
	switch {
	case len(c) == 0 || slices.Contains(c, n.Country):
		return nil
	case n.Country == "":
		return fmt.Errorf("this number belongs to no country, and calls go to %s only; --countries all allows it", c)
	}
	return fmt.Errorf("this number is in %s, and calls go to %s only; --countries %s,%s allows it", n.Country, c, c, n.Country)
}

// validate reports countries that ParseCountries would never return.
func (c Countries) validate() error {
	if _, _, err := ParseCountries(c); err != nil {
		return fmt.Errorf("countries: %w", err)
	}
	return nil
}
