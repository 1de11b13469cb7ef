package campaign

import (
	"strconv"
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"
)

// The library's parser takes a hundred times as long as a check of the digits, which
// slows imports. Numbers in the usual forms are read here. The parser reads everything
// else, and a test checks that both read the same.

// plainText reads a number in international form, or in the form that people in its
// country use. plain is false for any other text, which is no error.
func plainText(text, country string) (digits string, plain bool) {
	if strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune("0123456789+-. ", r) }) || strings.LastIndex(text, "+") > 0 ||
		decimalDot.MatchString(text) || len(text) > longestPlain {
		return "", false
	}
	compact := signs.Replace(text)
	if strings.HasPrefix(compact, "+") {
		return plainNumber(compact)
	}
	return plainAtHome(compact, country)
}

// signs are the signs between the digits of a number that mean nothing.
var signs = strings.NewReplacer(" ", "", "-", "", ".", "")

// longestPlain is the longest usual text, in bytes. A longer one may contain more than
// one number.
const longestPlain = 20

// plainNumber reads +447700900001: a number in international form, in digits only, as
// long as its country's longest numbers, without a prefix that might have to be
// removed. Such digits need no change.
func plainNumber(s string) (digits string, plain bool) {
	digits, international := strings.CutPrefix(s, "+")
	if !international || !onlyDigits(digits) || !e164.MatchString(digits) {
		return "", false
	}
	plan, national, known := planOf(digits)
	plain = known && national[0] != '0' && len(national) == plan.longest &&
		(plan.trunkForm == nil || !plan.trunkForm.MatchString(national)) &&
		(plan.trunk == "" || !strings.HasPrefix(national, plan.trunk)) &&
		plan.general.MatchString(national)
	return digits, plain
}

// plainAtHome reads a number of a country in its usual form: with a leading zero or, in
// a country where nobody writes one, in as many digits as its lines and mobiles have.
func plainAtHome(digits, country string) (string, bool) {
	if country == "" || !onlyDigits(digits) {
		return "", false
	}
	code := strconv.Itoa(phonenumbers.GetCountryCodeForRegion(country))
	if national, zero := strings.CutPrefix(digits, "0"); zero {
		if numberingPlans()[code].trunk != "0" {
			return "", false
		}
		return plainNumber("+" + code + national)
	}
	if !writesNoPrefix(country) || !isTelephone(digits, country) {
		return "", false
	}
	return plainNumber("+" + code + digits)
}

var withoutPrefix sync.Map // country to bool

// writesNoPrefix reports whether a country's lines and mobiles have the same length and
// are written without a prefix.
func writesNoPrefix(country string) bool {
	if known, ok := withoutPrefix.Load(country); ok {
		return known.(bool)
	}
	m := countryMetadata()[country]
	bare := len(telephoneLengths(country)) == 1
	for _, kind := range []*phonenumbers.PhoneNumberDesc{m.GetFixedLine(), m.GetMobile()} {
		example, err := phonenumbers.Parse("+"+strconv.Itoa(int(m.GetCountryCode()))+kind.GetExampleNumber(), "")
		bare = bare && err == nil && isUsualForm(example, kind.GetExampleNumber())
	}
	withoutPrefix.Store(country, bare)
	return bare
}

func onlyDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
