package campaign

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// readNumber reads a number after its writing was checked. country is an ISO code or
// "".
func readNumber(text, country string) (*phonenumbers.PhoneNumber, error) {
	before, after, slash := strings.Cut(text, "/")
	digits := phonenumbers.NormalizeDigitsOnly(text)
	if abroad, optional := optionalZero(text); optional {
		return withOptionalZero(abroad)
	}
	switch {
	case slash && isWhole(phonenumbers.NormalizeDigitsOnly(before), after, country), isTwo(text, country):
		return nil, errors.New("there is more than one number here; give one a row")
	case strings.HasPrefix(strings.TrimLeft(text, " ("), "+"):
		return international(strings.TrimPrefix(digits, "00"))
	case strings.HasPrefix(digits, "00"):
		return international(digits[2:])
	case country == "":
		return withoutCountry(digits)
	}
	if abroad, ok := afterPrefixAbroad(digits, country); ok {
		return international(abroad)
	}
	return inCountry(digits, country)
}

// optionalZero finds the zero in brackets of +44 (0)20 7946 0018, which is only dialed
// inside the country.
func optionalZero(text string) (abroad string, found bool) {
	text = strings.TrimLeft(text, " (")
	return strings.TrimPrefix(strings.TrimPrefix(text, "+"), "00"), strings.Contains(text, "(0)") && (strings.HasPrefix(text, "+") || strings.HasPrefix(text, "00"))
}

// withOptionalZero reads such a number. In a country whose numbers keep their zero,
// such as Italy, only the reading with the zero is valid.
func withOptionalZero(abroad string) (*phonenumbers.PhoneNumber, error) {
	without, err := international(phonenumbers.NormalizeDigitsOnly(strings.Replace(abroad, "(0)", "", 1)))
	with, errWith := international(phonenumbers.NormalizeDigitsOnly(abroad))
	switch {
	case err == nil && errWith == nil && digitsOf(with) != digitsOf(without):
		return nil, errors.New("the zero in brackets can belong to this number or not; write the number as it is dialed from abroad")
	case err != nil && errWith == nil:
		return with, nil
	}
	return without, err
}

// withoutCountry reads digits alone without a default country: in international form,
// as in Vonage's lists and our own. They may also be a national number without its
// country. So they are read only if they are too long for one, or are a number that is
// in use.
func withoutCountry(digits string) (*phonenumbers.PhoneNumber, error) {
	number, err := international(digits)
	if len(digits) > nationalDigits && e164.MatchString(digits) {
		return number, err
	}
	if len(digits) == nationalDigits && err == nil && phonenumbers.IsValidNumber(number) {
		return number, nil
	}
	return nil, errors.New("this number has no country code; write it as +44..., or set --default-country")
}

// nationalDigits is the length of the longest national numbers, without their zero.
const nationalDigits = 11

// inCountry reads digits without a plus sign and with a default country: as a number of
// that country, or else with a country code in front. Both readings are possible when a
// spreadsheet removed a zero or a plus sign.
func inCountry(digits, country string) (*phonenumbers.PhoneNumber, error) {
	national, errNational := nationalIn(digits, country)
	if strings.HasPrefix(digits, "0") {
		return national, errNational
	}
	abroad, errAbroad := international(digits)
	switch {
	case errNational == nil && errAbroad == nil:
		return oneOf(national, abroad, digits, country)
	case errAbroad == nil:
		return abroad, nil
	case errNational == nil && lostDigit(digits, country):
		return nil, twoReadings(phonenumbers.GetCountryCodeForRegion(country), country)
	}
	return national, errNational
}

// oneOf decides between two readings of the same digits. If either could be meant, it
// refuses.
func oneOf(national, abroad *phonenumbers.PhoneNumber, digits, country string) (*phonenumbers.PhoneNumber, error) {
	switch {
	case digitsOf(national) == digitsOf(abroad):
		return national, nil
	case phonenumbers.IsValidNumber(national) && isUsualForm(national, digits):
		return national, nil
	case abroad.GetCountryCode() == national.GetCountryCode() && phonenumbers.IsValidNumber(abroad) && !phonenumbers.IsValidNumber(national):
		return abroad, nil
	}
	return nil, twoReadings(int(abroad.GetCountryCode()), country)
}

func twoReadings(code int, country string) error {
	return fmt.Errorf("these digits can be read in two ways: as a number of %s, or as a number with country code +%d; write it with a plus sign and the country code", country, code)
}

// isUsualForm reports whether people in the number's country write it in exactly these
// digits, as in the United States; in Germany they would begin with 0. It also reports
// whether the number is as long as lines or mobiles are there.
func isUsualForm(number *phonenumbers.PhoneNumber, digits string) bool {
	m := countryMetadata()[phonenumbers.GetRegionCodeForNumber(number)]
	for _, kind := range []*phonenumbers.PhoneNumberDesc{m.GetFixedLine(), m.GetMobile()} {
		if matches(digits, kind) && len(digits) == len(kind.GetExampleNumber()) {
			return phonenumbers.NormalizeDigitsOnly(phonenumbers.Format(number, phonenumbers.NATIONAL)) == digits
		}
	}
	return false
}

// lostDigit reports digits that begin with the country's own code and whose length fits
// a number of it both with and without this code. A number that lost a digit after its
// code must not be dialed as another.
func lostDigit(digits, country string) bool {
	code := phonenumbers.GetCountryCodeForRegion(country)
	rest, own := strings.CutPrefix(digits, fmt.Sprint(code))
	return own && telephoneLengths(country)[len(digits)] && telephoneLengths(country)[len(rest)]
}

// international reads digits that begin with a country code.
func international(digits string) (*phonenumbers.PhoneNumber, error) {
	number, err := parsed("+" + digits)
	if err == nil {
		return number, nil
	}
	for old, now := range oldPrefixes {
		if rest, ok := strings.CutPrefix(digits, old); ok {
			if number, errNow := parsed("+" + now + rest); errNow == nil {
				return number, nil
			}
		}
	}
	return nil, err
}

// oldPrefixes were dialed in the past and are not any more. Mexico's mobiles had a 1
// after the country code until 2019.
var oldPrefixes = map[string]string{"521": "52"}

// nationalIn reads digits as a number of a country, whatever they begin with.
func nationalIn(digits, country string) (*phonenumbers.PhoneNumber, error) {
	return parsed(fmt.Sprintf("+%d%s", phonenumbers.GetCountryCodeForRegion(country), digits))
}

// afterPrefixAbroad is the rest after the prefix for calls abroad from a country, such
// as 011 in the United States.
func afterPrefixAbroad(digits, country string) (rest string, ok bool) {
	for _, prefix := range prefixesAbroad[country] {
		if rest, ok := strings.CutPrefix(digits, prefix); ok {
			if _, err := international(rest); err == nil {
				return rest, true
			}
		}
	}
	if phonenumbers.GetCountryCodeForRegion(country) == 1 {
		return strings.CutPrefix(digits, "011")
	}
	return "", false
}

// prefixesAbroad are the prefixes that do not begin with 00.
var prefixesAbroad = map[string][]string{
	"AU": {"0011"}, "BY": {"810"}, "BR": {"0014", "0015", "0021"}, "HK": {"001"}, "JP": {"010"}, "KE": {"000"},
	"KR": {"001", "002"}, "KZ": {"810"}, "RU": {"810"}, "SG": {"001"}, "TH": {"001"}, "TJ": {"810"}, "TM": {"810"},
	"TZ": {"000"}, "UG": {"000"}, "UZ": {"810"},
}

// parsed reads a number in international form, and checks its length and its beginning.
func parsed(s string) (*phonenumbers.PhoneNumber, error) {
	number, err := phonenumbers.Parse(s, "")
	if err != nil {
		return nil, parseError(err)
	}
	return number, cmp.Or(checkPossible(number), checkComplete(number))
}

// isWhole reports whether the part before a slash is a complete number, or the part
// after it is too short to be its rest: 07700900123/24 are two numbers, 030/123456 is
// one.
func isWhole(before, after, country string) bool {
	if len(phonenumbers.NormalizeDigitsOnly(after)) < 3 {
		return true
	}
	return isNumber(before, country)
}

func isNumber(digits, country string) bool {
	digits = strings.TrimPrefix(digits, "00")
	if _, err := international(digits); err == nil && len(digits) > 9 {
		return true
	}
	if country == "" {
		return false
	}
	_, err := nationalIn(digits, country)
	return err == nil
}

// isTwo reports whether a blank divides a text of 14 digits or more into two numbers.
func isTwo(text, country string) bool {
	if len(phonenumbers.NormalizeDigitsOnly(text)) < 14 {
		return false
	}
	for i, r := range text {
		if r != ' ' && r != '-' {
			continue
		}
		first, second := phonenumbers.NormalizeDigitsOnly(text[:i]), phonenumbers.NormalizeDigitsOnly(text[i:])
		if len(second) >= 7 && isNumber(first, country) && isNumber(second, country) {
			return true
		}
	}
	return false
}

// parseError says what to do about an error of the library.
func parseError(err error) error {
	switch {
	case errors.Is(err, phonenumbers.ErrInvalidCountryCode):
		return errors.New("no country has this country code; write the number as +44...")
	case errors.Is(err, phonenumbers.ErrTooShortNSN), errors.Is(err, phonenumbers.ErrTooShortAfterIDD):
		return errors.New("this number is too short")
	case errors.Is(err, phonenumbers.ErrNumTooLong):
		return errors.New("this number is too long; is there more than one in the cell?")
	}
	return errors.New("this is not a telephone number")
}

// checkPossible reports a number with a length that no number of its country has.
func checkPossible(number *phonenumbers.PhoneNumber) error {
	switch phonenumbers.IsPossibleNumberWithReason(number) {
	case phonenumbers.IS_POSSIBLE:
		return nil
	case phonenumbers.IS_POSSIBLE_LOCAL_ONLY:
		return errors.New("this number lacks its area code; write it whole")
	case phonenumbers.TOO_SHORT:
		return errors.New("this number is too short for its country; are digits missing?")
	case phonenumbers.TOO_LONG:
		return errors.New("this number is too long for its country; is there more than one in the cell, or is the country code missing?")
	case phonenumbers.INVALID_COUNTRY_CODE:
		return errors.New("no country has this country code; write the number as +44...")
	}
	return errors.New("no number of its country has this many digits")
}

// checkComplete reports a number that lost digits, or has an extra zero: the call would
// reach another telephone. A number in a known range may have any length of that range.
// Any other number, such as one in a range for drama or one newer than the library,
// must look like its country's numbers and have their full length.
func checkComplete(number *phonenumbers.PhoneNumber) error {
	if phonenumbers.IsValidNumber(number) {
		return nil
	}
	national := phonenumbers.GetNationalSignificantNumber(number)
	plan, _, known := planOf(digitsOf(number))
	switch {
	case strings.HasPrefix(national, "0"):
		return errors.New("no number of its country begins with this zero; write it as +44...")
	case known && plan.trunk != "" && strings.HasPrefix(national, plan.trunk):
		return fmt.Errorf("no number of its country begins with this %s; is a digit missing?", plan.trunk)
	//guard:false campaign.TestParseNumberErrors: a number that lost a digit is not called
	case known && len(national) != plan.longest:
		return errors.New("no number of its country that begins so has this many digits; are some missing?")
	case known && !plan.general.MatchString(national):
		return errors.New("no number of its country begins so; are digits missing or wrong?")
	}
	return nil
}
