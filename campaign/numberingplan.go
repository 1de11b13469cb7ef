package campaign

import (
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"
)

// numberingPlan is what must be known of a country to read a number that is in
// international form and in digits alone.
type numberingPlan struct {
	longest int            // digits of a telephone's number, without the country code
	prefix  *regexp.Regexp // what people dial before a number inside the country; nil: nothing
}

// numberingPlans are the plans by country code.
var numberingPlans = sync.OnceValue(func() map[string]numberingPlan {
	byCode := map[string]numberingPlan{}
	all, err := phonenumbers.MetadataCollection()
	if err != nil {
		return byCode // every number is then parsed by the library
	}
	for _, m := range all.GetMetadata() {
		code := m.GetCountryCode()
		if phonenumbers.GetRegionCodeForCountryCode(int(code)) != m.GetId() || m.GetId() == "001" {
			continue // the main region has the plan; numbers of no country are rare
		}
		p := numberingPlan{longest: longestNumber(m)}
		if prefix := m.GetNationalPrefixForParsing(); prefix != "" {
			p.prefix = regexp.MustCompile(`^(?:` + prefix + `)`)
		}
		byCode[strconv.Itoa(int(code))] = p
	}
	return byCode
})

// longestNumber is how many digits a line or a mobile can have. A kind without
// lengths of its own has those of the country's numbers in general.
func longestNumber(m *phonenumbers.PhoneMetadata) int {
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

// plainNumber reads +447700900001: a number in international form and in digits
// alone, as long as its country's numbers get, without a prefix that might have
// to be removed. Such digits stand for themselves. It takes a tenth of the time
// of the library's parser, which imports feel. For any other form plain is
// false, which is no error.
func plainNumber(s string) (digits string, plain bool) {
	digits, international := strings.CutPrefix(s, "+")
	if !international || !onlyDigits(digits) || !e164.MatchString(digits) {
		return "", false
	}
	for n := 1; n <= 3; n++ {
		country, known := numberingPlans()[digits[:n]]
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
