package campaign

import (
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"
)

// plan is what has to be known of a country to see that a number in
// international form, written in digits alone, means just these digits.
type plan struct {
	longest int            // digits of a telephone's number, without the country code
	prefix  *regexp.Regexp // what people dial before a number inside the country; nil: nothing
}

// plans are the numbering plans by country code.
var plans = sync.OnceValue(func() map[string]plan {
	byCode := map[string]plan{}
	all, err := phonenumbers.MetadataCollection()
	if err != nil {
		return byCode // every number goes the long way then
	}
	for _, m := range all.GetMetadata() {
		code := m.GetCountryCode()
		if phonenumbers.GetRegionCodeForCountryCode(int(code)) != m.GetId() || m.GetId() == "001" {
			continue // the plan is in the main region's; no country's numbers are rare
		}
		p := plan{longest: longest(m)}
		if prefix := m.GetNationalPrefixForParsing(); prefix != "" {
			p.prefix = regexp.MustCompile(`^(?:` + prefix + `)`)
		}
		byCode[strconv.Itoa(int(code))] = p
	}
	return byCode
})

// longest is how many digits a line or a mobile can have. Where a country's
// metadata do not say so for each, its numbers in general are meant.
func longest(m *phonenumbers.PhoneMetadata) int {
	most := 0
	for _, kind := range []*phonenumbers.PhoneNumberDesc{m.GetFixedLine(), m.GetMobile()} {
		lengths := kind.GetPossibleLength()
		if len(lengths) == 0 {
			lengths = m.GetGeneralDesc().GetPossibleLength()
		}
		for _, n := range lengths {
			most = max(most, int(n))
		}
	}
	return most
}

// plainNumber reads +447700900001: an international number in digits alone, as
// long as its country's get, that begins with nothing which might have to be
// taken off. Of such a number the digits stand for themselves, and finding that
// out takes a tenth of the time that a parser of all forms takes. Of every other
// form it says that it is not plain, which is no error.
func plainNumber(s string) (digits string, plain bool) {
	digits, international := strings.CutPrefix(s, "+")
	if !international || !onlyDigits(digits) || !e164.MatchString(digits) {
		return "", false
	}
	for n := 1; n <= 3; n++ {
		country, known := plans()[digits[:n]]
		if !known {
			continue
		}
		national := digits[n:]
		plain := national[0] != '0' && len(national) == country.longest &&
			(country.prefix == nil || !country.prefix.MatchString(national))
		return digits, plain
	}
	return "", false
}

func onlyDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
