package campaign

import (
	"fmt"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// A call to some numbers costs many times the usual price, or reaches no person. Such a
// call is almost always a mistake, so none of them is called at all.

// refusedCodes are country codes that belong to no country.
var refusedCodes = map[string]string{
	"808": "an international shared-cost number",
	"870": "a satellite telephone",
	"878": "a personal number",
	"881": "a satellite telephone",
	"882": "a number of an international network",
	"883": "a number of an international network",
	"888": "a number of an international network",
	"979": "an international premium-rate number",
}

// refusedKinds are kinds of numbers in a country's plan.
var refusedKinds = []struct {
	name string
	of   kindOfNumber
}{
	{"a premium-rate number", (*phonenumbers.PhoneMetadata).GetPremiumRate},
	{"a shared-cost number", (*phonenumbers.PhoneMetadata).GetSharedCost},
	{"a personal number", (*phonenumbers.PhoneMetadata).GetPersonalNumber},
	{"a pager", (*phonenumbers.PhoneMetadata).GetPager},
	{"a voicemail box", (*phonenumbers.PhoneMetadata).GetVoicemail},
}

// CheckKind reports a number of a kind that is never called: premium rate, shared cost,
// satellite, personal, pager.
func (n Number) CheckKind() error {
	for code, name := range refusedCodes {
		if strings.HasPrefix(n.Digits, code) {
			return refusedKind(name)
		}
	}
	_, national, known := planOf(n.Digits)
	if !known {
		return nil
	}
	m := countryMetadata()[n.Country]
	for _, kind := range refusedKinds {
		if matches(national, kind.of(m)) && !isTelephone(national, n.Country) {
			return refusedKind(kind.name)
		}
	}
	return nil
}

// isTelephone reports whether a number is a line's or a mobile's.
func isTelephone(national, country string) bool {
	m := countryMetadata()[country]
	return matches(national, m.GetFixedLine()) || matches(national, m.GetMobile())
}

func refusedKind(name string) error {
	return fmt.Errorf("this is %s, which is never called", name)
}
