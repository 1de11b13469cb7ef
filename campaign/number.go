package campaign

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

var (
	e164       = regexp.MustCompile(`^[1-9][0-9]{6,14}$`)
	scientific = regexp.MustCompile(`^[+-]?[0-9]+([.,][0-9]*)?[eE][+-]?[0-9]+$`)
	decimalDot = regexp.MustCompile(`^\+?[0-9]+[.,]0*$`)
	extension  = regexp.MustCompile(`(?i)[0-9)\s](x|ext|extn|extension|durchwahl|poste|anexo)\.?\s*[0-9]+\s*$|[#;~]`)
)

// ParseNumber reads a telephone number as people and spreadsheets write it. It
// returns the digits of its E.164 form, without a plus sign, and the zones that
// the telephone may be in, sorted; no zones when they are not known.
//
// A number in national form is read as one of defaultCountry, an ISO code such
// as GB. Without a default country only international forms are read, with or
// without a plus sign.
//
// The number must be possible and complete, not assigned: numbers reserved for
// tests and drama are numbers too. An error says what to do; it never holds the
// number.
func ParseNumber(raw, defaultCountry string) (digits string, zones []string, err error) {
	s := strings.TrimPrefix(visibleText(raw), "'") // a spreadsheet's mark for text
	if digits, plain := plainNumber(s); plain {
		zones, err = zonesOf(digits)
		return digits, zones, err
	}
	if err := checkWriting(s); err != nil {
		return "", nil, err
	}
	if defaultCountry == "" {
		if s, err = withCountryCode(s); err != nil {
			return "", nil, err
		}
	}
	number, err := phonenumbers.Parse(s, strings.ToUpper(defaultCountry))
	if err != nil {
		return "", nil, parseError(err)
	}
	if err := cmp.Or(checkPossible(number), checkComplete(number)); err != nil {
		return "", nil, err
	}
	digits = strings.TrimPrefix(phonenumbers.Format(number, phonenumbers.E164), "+")
	if !e164.MatchString(digits) {
		return "", nil, errors.New("this is not a telephone number that can be dialed from abroad; want 7 to 15 digits with the country code")
	}
	zones, err = zonesOf(digits)
	return digits, zones, err
}

// CheckCountry reports a default country that no number could be read with.
func CheckCountry(code string) error {
	if code != "" && phonenumbers.GetCountryCodeForRegion(strings.ToUpper(code)) == 0 {
		return errors.New("default country: want an ISO code of two letters, such as GB or US")
	}
	return nil
}

// visibleText removes what cannot be seen: blanks around the text, and the
// direction marks that address books copy along.
func visibleText(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, s))
}

// checkWriting reports what a spreadsheet or a person did to a number that
// cannot be undone without guessing.
func checkWriting(s string) error {
	switch {
	case s == "":
		return errors.New("there is no number; fill it in")
	case onlyDigits(s):
		return nil
	case scientific.MatchString(s):
		return errors.New("a spreadsheet rounded this number to scientific notation; format the column as text, restore the digits and export again")
	case decimalDot.MatchString(s):
		return errors.New("a spreadsheet wrote this number with a decimal point; format the column as text and export again")
	case extension.MatchString(s):
		return errors.New("this number has an extension, which cannot be dialed; give a direct number")
	case strings.ContainsFunc(s, unicode.IsLetter):
		return errors.New("there are letters in this number; write it with digits only")
	case strings.LastIndex(s, "+") > 0 && strings.IndexFunc(s, unicode.IsDigit) < strings.LastIndex(s, "+"):
		return errors.New("there is more than one number here; give one a row")
	}
	return nil
}

// nationalDigits is how long national numbers get, without their zero.
const nationalDigits = 11

// withCountryCode accepts the forms that mean the same everywhere: +44...,
// 0044..., or the digits alone, as Vonage and our own lists write them. Digits
// alone may also be a national number without its country. So they are accepted
// only if they are too long for one, or are a number that is in use.
func withCountryCode(s string) (string, error) {
	switch {
	case strings.HasPrefix(s, "00"):
		return "+" + s[2:], nil
	case strings.HasPrefix(s, "+"), strings.HasPrefix(s, "＋"):
		return s, nil
	case len(s) > nationalDigits && e164.MatchString(s), len(s) == nationalDigits && e164.MatchString(s) && inUse(s):
		return "+" + s, nil
	}
	return "", errors.New("this number has no country code; write it as +44..., or set --default-country")
}

func inUse(digits string) bool {
	number, err := phonenumbers.Parse("+"+digits, "")
	return err == nil && phonenumbers.IsValidNumber(number)
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

// checkPossible reports a number whose length no number of its country has.
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

// checkComplete reports a number that lost digits, or has a zero too many: the
// call would reach another telephone. A number of a known range may have any
// length of that range. Any other, as in a range for drama or one newer than the
// library, must be as long as its country's numbers get.
func checkComplete(number *phonenumbers.PhoneNumber) error {
	if phonenumbers.IsValidNumber(number) {
		return nil
	}
	national := phonenumbers.GetNationalSignificantNumber(number)
	switch country, known := numberingPlans()[strconv.Itoa(int(number.GetCountryCode()))]; {
	case strings.HasPrefix(national, "0"):
		return errors.New("no number of its country begins with this zero; write it as +44...")
	//guard:false campaign.TestParseNumberErrors: a number that lost a digit is not called
	case known && len(national) != country.longest:
		return errors.New("no number of its country that begins so has this many digits; are some missing?")
	}
	return nil
}

// zoneCorrections are prefixes for which the library names fewer zones than the
// telephones are in; a missing zone would mean calls at night. Australian mobiles
// are not bound to a state, and Queensland has no summer time.
var zoneCorrections = map[string][]string{
	"614": {"Australia/Adelaide", "Australia/Brisbane", "Australia/Darwin", "Australia/Hobart", "Australia/Perth", "Australia/Sydney"},
	"617": {"Australia/Brisbane", "Australia/Sydney"},
}

func zonesOf(digits string) ([]string, error) {
	for prefix, zones := range zoneCorrections {
		if strings.HasPrefix(digits, prefix) {
			return slices.Clone(zones), nil
		}
	}
	found, err := phonenumbers.GetTimezonesForPrefix(digits)
	if err != nil {
		return nil, errors.New("the zones of this number cannot be looked up")
	}
	zones := slices.DeleteFunc(slices.Clone(found), func(z string) bool { return z == phonenumbers.UNKNOWN_TIMEZONE })
	slices.Sort(zones)
	return slices.Compact(zones), nil
}
