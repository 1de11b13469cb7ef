package campaign

import (
	"errors"
	"regexp"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

var e164 = regexp.MustCompile(`^[1-9][0-9]{6,14}$`)

// Number is the result of reading a telephone number.
type Number struct {
	Digits  string   // the digits of its E.164 form, without the plus sign
	Country string   // an ISO code such as GB; "" if the number belongs to no country
	Zones   []string // the zones in which the telephone may be, sorted; nil: not known
}

// ParseNumber reads a telephone number in the forms that people and spreadsheets write.
//
// A number in national form belongs to defaultCountry, an ISO code such as GB. Without
// a default country only international forms are read, with or without a plus sign. A
// text that can be read in two ways is an error; see docs/csv.md for each rule.
//
// The number must be possible and complete, but need not be assigned: numbers reserved
// for tests and drama are valid too. An error says what to do; it never contains the
// number.
func ParseNumber(raw, defaultCountry string) (Number, error) {
	text, err := numberText(raw)
	if err != nil {
		return Number{}, err
	}
	country := strings.ToUpper(defaultCountry)
	if digits, plain := plainText(text, country); plain {
		return numberOf(digits)
	}
	if err := checkWriting(text); err != nil {
		return Number{}, err
	}
	number, err := readNumber(text, country)
	if err != nil {
		return Number{}, err
	}
	return numberOf(digitsOf(number))
}

// CheckCountry reports a default country for which no number could be read.
func CheckCountry(code string) error {
	if code != "" && phonenumbers.GetCountryCodeForRegion(strings.ToUpper(code)) == 0 {
		return errors.New("default country: want an ISO code of two letters, such as GB or US")
	}
	return nil
}

// numberOf is the number with these digits.
func numberOf(digits string) (Number, error) {
	if !e164.MatchString(digits) {
		return Number{}, errors.New("this is not a telephone number that can be dialed from abroad; want 7 to 15 digits with the country code")
	}
	plan, national, known := planOf(digits)
	if !known {
		return Number{Digits: digits}, nil
	}
	home := plan.countryOf(national)
	return Number{Digits: digits, Country: home, Zones: zonesOf(digits, national, home)}, nil
}

func digitsOf(number *phonenumbers.PhoneNumber) string {
	return strings.TrimPrefix(phonenumbers.Format(number, phonenumbers.E164), "+")
}
