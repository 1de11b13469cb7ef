package campaign

import (
	"regexp"
	"strconv"
	"sync"

	"github.com/nyaruka/phonenumbers"
)

// numberingPlan is the knowledge about a country code that is needed to read its
// numbers.
type numberingPlan struct {
	code      string
	country   string         // the main country of the code
	countries []string       // all countries that share the code
	longest   int            // digits of a telephone's longest number, without the country code
	trunk     string         // the prefix that people dial before a number inside the country; "": none
	trunkForm *regexp.Regexp // the prefix in the form that the library's parser removes; nil: none
	general   *regexp.Regexp // every number of the plan
}

// numberingPlans are the plans by country code.
var numberingPlans = sync.OnceValue(func() map[string]numberingPlan {
	byCode := map[string]numberingPlan{}
	for _, m := range countryMetadata() {
		code := int(m.GetCountryCode())
		if phonenumbers.GetRegionCodeForCountryCode(code) != m.GetId() || m.GetId() == "001" {
			continue // the main country has the plan; numbers of no country are rare
		}
		p := numberingPlan{
			code:      strconv.Itoa(code),
			country:   m.GetId(),
			countries: phonenumbers.GetRegionCodesForCountryCode(code),
			longest:   longestNumber(m),
			trunk:     m.GetNationalPrefix(),
			general:   wholly(m.GetGeneralDesc().GetNationalNumberPattern()),
		}
		if p.code == "1" {
			p.general = wholly(`[2-9]\d\d[2-9]\d{6}`) // neither area codes nor exchanges begin with 0 or 1
		}
		if prefix := m.GetNationalPrefixForParsing(); prefix != "" {
			p.trunkForm = beginning(prefix)
		}
		byCode[p.code] = p
	}
	return byCode
})

// countryMetadata is the library's knowledge of each country, by its ISO code. It is
// compiled in: without it no number could be read, and all would be refused.
var countryMetadata = sync.OnceValue(func() map[string]*phonenumbers.PhoneMetadata {
	byCountry := map[string]*phonenumbers.PhoneMetadata{}
	all, err := phonenumbers.MetadataCollection()
	if err != nil {
		return byCountry
	}
	for _, m := range all.GetMetadata() {
		byCountry[m.GetId()] = m
	}
	return byCountry
})

// planOf is the plan for a number in international form, and the number without the
// country code.
func planOf(digits string) (plan numberingPlan, national string, known bool) {
	for n := 1; n <= min(3, len(digits)-1); n++ {
		if plan, known := numberingPlans()[digits[:n]]; known {
			return plan, digits[n:], true
		}
	}
	return numberingPlan{}, "", false
}

// longestNumber is the most digits that a line or a mobile can have.
func longestNumber(m *phonenumbers.PhoneMetadata) int {
	most := 0
	for n := range telephoneLengths(m.GetId()) {
		most = max(most, n)
	}
	return most
}

// telephoneLengths are the lengths, in digits, of a country's lines and mobiles. A kind
// without its own lengths has those of the country's numbers in general.
func telephoneLengths(country string) map[int]bool {
	m := countryMetadata()[country]
	lengths := map[int]bool{}
	for _, kind := range []*phonenumbers.PhoneNumberDesc{m.GetFixedLine(), m.GetMobile()} {
		own := kind.GetPossibleLength()
		if len(own) == 0 {
			own = m.GetGeneralDesc().GetPossibleLength()
		}
		for _, n := range own {
			lengths[int(n)] = true
		}
	}
	return lengths
}

// countryOf is the country of a number in the plan. If several countries share a code
// and the number is in no known range, it is the main country.
func (p numberingPlan) countryOf(national string) string {
	if len(p.countries) == 1 {
		return p.country
	}
	for _, country := range p.countries {
		m := countryMetadata()[country]
		if leading := m.GetLeadingDigits(); leading != "" {
			if startsWith(national, leading) {
				return country
			}
			continue
		}
		for _, kind := range anyKind {
			if matches(national, kind(m)) {
				return country
			}
		}
	}
	return p.country
}

type kindOfNumber = func(*phonenumbers.PhoneMetadata) *phonenumbers.PhoneNumberDesc

// anyKind are the kinds of numbers in a plan, the most common first.
var anyKind = []kindOfNumber{
	(*phonenumbers.PhoneMetadata).GetMobile, (*phonenumbers.PhoneMetadata).GetFixedLine,
	(*phonenumbers.PhoneMetadata).GetTollFree, (*phonenumbers.PhoneMetadata).GetPremiumRate,
	(*phonenumbers.PhoneMetadata).GetSharedCost, (*phonenumbers.PhoneMetadata).GetVoip,
	(*phonenumbers.PhoneMetadata).GetPersonalNumber, (*phonenumbers.PhoneMetadata).GetPager,
	(*phonenumbers.PhoneMetadata).GetUan, (*phonenumbers.PhoneMetadata).GetVoicemail,
}

// matches reports whether a number without its country code is of a kind.
func matches(national string, kind *phonenumbers.PhoneNumberDesc) bool {
	pattern := kind.GetNationalNumberPattern()
	return pattern != "" && pattern != "NA" && wholly(pattern).MatchString(national)
}

func startsWith(national, pattern string) bool {
	return beginning(pattern).MatchString(national)
}

// wholly matches a text that fits the pattern from beginning to end. beginning matches
// one that begins with the pattern.
func wholly(pattern string) *regexp.Regexp    { return compiled("^(?:" + pattern + ")$") }
func beginning(pattern string) *regexp.Regexp { return compiled("^(?:" + pattern + ")") }

// patterns caches the compiled patterns of the library's descriptions.
var patterns sync.Map

func compiled(pattern string) *regexp.Regexp {
	known, ok := patterns.Load(pattern)
	if !ok {
		known, _ = patterns.LoadOrStore(pattern, regexp.MustCompile(pattern))
	}
	return known.(*regexp.Regexp)
}
