package campaign

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nyaruka/phonenumbers"
	"pgregory.net/rapid"
)

func TestParseNumber(t *testing.T) {
	t.Parallel()
	tests := []struct{ raw, country, want string }{
		{"+447700900001", "", "447700900001"},
		{"00447700900001", "", "447700900001"},
		{"+44 7700 900001", "", "447700900001"},
		{"447700900001", "", "447700900001"}, // the form that Vonage writes
		{"14155550100", "", "14155550100"},
		{"33123456789", "", "33123456789"},
		{"+44 (0)7700 900 001", "", "447700900001"},
		{"+44-7700-900001", "US", "447700900001"},
		{"07700 900001", "GB", "447700900001"},
		{"07700900001", "gb", "447700900001"},
		{"7700900001", "GB", "447700900001"}, // the spreadsheet removed the zero
		{"447700900001", "GB", "447700900001"},
		{"0044 7700 900001", "GB", "447700900001"},
		{"(020) 7946 0018", "GB", "442079460018"},
		{"020.7946.0018", "GB", "442079460018"},
		{"  +44 20 7946 0018 ", "", "442079460018"},
		{"\u202a+442079460018\u202c", "", "442079460018"},
		{"+44\u00a020\u00a07946\u00a00018", "", "442079460018"},
		{"'+442079460018", "", "442079460018"},
		{"＋４４２０７９４６００１８", "", "442079460018"},
		{"(415) 555-0100", "US", "14155550100"},
		{"415-555-0100", "US", "14155550100"},
		{"+1 415 555 0100", "GB", "14155550100"},
		{"1 415 555 0100", "US", "14155550100"},
		{"011 44 20 7946 0018", "US", "442079460018"},
		{"+15005550006", "", "15005550006"},
		{"030/123456", "DE", "4930123456"},
		{"+39 06 1234 5678", "", "390612345678"}, // Italy keeps the zero
		{"06 12345678", "IT", "390612345678"},
		{"+33 1 23 45 67 89", "", "33123456789"},
		{"01 23 45 67 89", "FR", "33123456789"},
		{"+61 412 345 678", "", "61412345678"},
		{"+55 11 91234-5678", "", "5511912345678"},
		{"01204 62083", "GB", "44120462083"}, // nine digits, as in some numbers in Bolton
		{"0800 1111", "GB", "448001111"},
		{"01632 960001", "GB", "441632960001"}, // for drama
		{"०७७००९००११७", "GB", "447700900117"},
		{"٠٧٧٠٠٩٠٠١١٧", "GB", "447700900117"},
		{"(+44) 7700 900702", "", "447700900702"},
		{"+(44) 7700 900702", "", "447700900702"},
		{"44 7700 900704", "", "447700900704"},
		{"tel:+44-7700-900129", "", "447700900129"},
		{"tel: 020 7946 0018", "GB", "442079460018"},
		{"p:+447700900130", "", "447700900130"},
		{"whatsapp:+447700900131", "", "447700900131"},
		{`="447700900124"`, "GB", "447700900124"},
		{`="+447700900124"`, "", "447700900124"},
		{`"+447700900124"`, "", "447700900124"},
		{"+52 1 55 5550 0131", "", "525555500131"},
		{"+52 55 5550 0131", "", "525555500131"},
		{"+44\u202f7700\u202f900\u202f123", "", "447700900123"},
		{"+44–7700–900123", "", "447700900123"},
		{"8 912 345-67-89", "RU", "79123456789"},
		{"06 20 123 4567", "HU", "36201234567"},
		{"13812345678", "CN", "8613812345678"},
		{"9876543210", "IN", "919876543210"},
		{"6055551234", "US", "16055551234"}, // also the form of a number in Malaysia
		{"393331234567", "IT", "393331234567"},
		{"34612345678", "ES", "34612345678"},
		{"34612345678", "GB", "34612345678"},
		{"6281234567166", "GB", "6281234567166"},
		{"030/123456", "DE", "4930123456"},
		{"0044 20 7946 0018", "US", "442079460018"},
	}
	for _, test := range tests {
		got, err := ParseNumber(test.raw, test.country)
		if err != nil || got.Digits != test.want {
			t.Errorf("%q in %q: got %q, %v, want %q", test.raw, test.country, got.Digits, err, test.want)
		}
	}
}

func TestParseNumberErrors(t *testing.T) {
	t.Parallel()
	tests := []struct{ raw, country, reason string }{
		{"", "GB", "there is no number"},
		{"   ", "GB", "there is no number"},
		{"4.47701E+11", "GB", "scientific notation"},
		{"4,47701E+11", "DE", "scientific notation"},
		{"447E9", "GB", "scientific notation"},
		{"-4.4E11", "GB", "scientific notation"},
		{"14155552671.0", "US", "decimal point"},
		{"447700900001,00", "GB", "decimal point"},
		{"+14155550100 x123", "", "extension"},
		{"+14155550100 ext. 5", "", "extension"},
		{"4155550100;ext=5", "US", "extension"},
		{"+14155550100#5", "", "extension"},
		{"1-800-FLOWERS", "US", "letters"},
		{"fax: 020 7946 0018", "GB", "letters"},
		{"+44 20 7946 0141,4", "", "a comma"},
		{"020 7946 0142,,0143", "GB", "a comma"},
		{"07700900123,900124", "GB", "a comma"},
		{"020 7946 0141, 79460142", "GB", "a comma"},
		{"447,700,900,123", "GB", "commas between thousands"},
		{"+44 20 7946 0141p4", "", "letters"},
		{"+44 20 7946 0141 доб. 12", "", "extension"},
		{"020 7946 0141;020 7946 0142", "GB", "more than one number"},
		{"020 7946 0141 or 020 7946 0142", "GB", "more than one number"},
		{"020 7946 0141\n020 7946 0142", "GB", "more than one number"},
		{"07700900123/24", "GB", "more than one number"},
		{"07700900123 / 07700900124", "GB", "more than one number"},
		{"030 1234567 030 7654321", "DE", "more than one number"},
		{"07700 900123 (2)", "GB", "in brackets"},
		{"#NAME?", "GB", "spreadsheet shows an error"},
		{"########", "GB", "spreadsheet shows an error"},
		{"#N/A", "GB", "spreadsheet shows an error"},
		{"4915123456789", "DE", "two ways"},
		{"491512345678", "DE", "two ways"}, // and one digit is missing
		{"447400123456", "DE", "two ways"},
		{"918765432109", "DE", "two ways"},
		{"34612345678", "IT", "two ways"},
		{"1 (212) 555-010", "US", "begins with this 1"},
		{"1-800-555-019", "US", "begins with this 1"},
		{"+1 1 212 555 010", "", "begins with this 1"},
		{"+1 112 555 0101", "", "begins with this 1"},
		{"+1 212 155 0101", "", "begins so"},
		{"+7 8 912 345 678", "", "missing"},
		{"n/a", "GB", "letters"},
		{"+442079460018 / +442079460019", "", "more than one number"},
		{"02079460018 02079460019", "GB", "more than one number"},
		{"02079460018", "", "no country code"},
		{"2025550123", "", "no country code"},  // of the US, or of Egypt
		{"13812345678", "", "no country code"}, // of China; +1 381 is not in use
		{"11987654321", "", "no country code"}, // of Brazil
		{"0447700900001", "", "no country code"},
		{"+999123456789", "", "no country has this country code"},
		{"+4477", "", "too short"},
		{"999", "GB", "too short"},
		{"7946 0018", "GB", "area code"},
		{"+44770090000123", "", "too long"},
		{strings.Repeat("4", 300), "GB", "too long"},
		{"-----", "GB", "not a telephone number"},
		{"0000000", "ZA", "no country has this"},
		{"07700 9001", "GB", "begins with this zero"},
		{"0044077009001", "", "begins with this zero"},
		{"0301 234567", "US", "begins with this zero"},
		{"07700 90012", "GB", "are some missing"},
		{"+44770090012", "", "are some missing"},
		{"020 7946 000", "GB", "are some missing"},
		{"01632 96000", "GB", "are some missing"},
		{"447700900", "GB", "are some missing"},
		{"+", "", "not a telephone number"},
		{"\x00", "GB", "not a telephone number"},
	}
	for _, test := range tests {
		got, err := ParseNumber(test.raw, test.country)
		if err == nil || !strings.Contains(err.Error(), test.reason) {
			t.Errorf("%q in %q: got %q, %v, want %q in the error", test.raw, test.country, got.Digits, err, test.reason)
			continue
		}
		if got.Digits != "" || got.Zones != nil {
			t.Errorf("%q: got %v beside an error", test.raw, got)
		}
		if d := strings.Trim(test.raw, " +"); len(d) > 5 && strings.Contains(err.Error(), d[:5]) {
			t.Errorf("%q: the error holds the number: %v", test.raw, err)
		}
	}
}

func TestParseNumberZones(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"+442079460018":  {"Europe/London"},
		"+447700900001":  {"Europe/London"},
		"+14155550100":   {"America/Los_Angeles"},
		"+18765550100":   {"America/Jamaica"},
		"+61412345678":   {"Australia/Adelaide", "Australia/Brisbane", "Australia/Darwin", "Australia/Eucla", "Australia/Lord_Howe", "Australia/Perth", "Australia/Sydney"},
		"+61733333333":   {"Australia/Brisbane", "Australia/Sydney"},
		"+61893333333":   {"Australia/Adelaide", "Australia/Perth"},
		"+8835100123456": nil,
		"+79141234567":   {"Asia/Irkutsk", "Asia/Kamchatka", "Asia/Magadan", "Asia/Novosibirsk", "Asia/Omsk", "Asia/Vladivostok", "Asia/Yakutsk", "Asia/Yekaterinburg", "Europe/Kaliningrad", "Europe/Moscow", "Europe/Samara"},
		"+74951234567":   {"Europe/Moscow"},
		"+77011234567":   {"Asia/Almaty"},
		"+34612345678":   {"Atlantic/Canary", "Europe/Madrid"},
		"+34922123456":   {"Atlantic/Canary"},
		"+593991234567":  {"America/Guayaquil", "Pacific/Galapagos"},
		"+213551234567":  {"Africa/Algiers"},
		"+17872345678":   {"America/Puerto_Rico"},
		"+18502345678":   {"America/Chicago", "America/New_York"},
		"+17292345678":   {"America/Chicago", "America/New_York"}, // overlays 423
		"+5581912345678": {"America/Manaus", "America/Noronha", "America/Rio_Branco", "America/Sao_Paulo"},
		"+558134567890":  {"America/Noronha", "America/Sao_Paulo"},
	}
	for number, want := range tests {
		got, err := ParseNumber(number, "")
		if err != nil {
			t.Errorf("%s: %v", number, err)
			continue
		}
		if diff := cmp.Diff(want, got.Zones); diff != "" {
			t.Errorf("%s:\n%s", number, diff)
		}
	}
}

// plainNumber and the library agree on every number that plainNumber accepts, for every
// country and length. plainNumber accepts the common forms.
func TestPlainNumberAgreesWithLibrary(t *testing.T) {
	t.Parallel()
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.SampledFrom(slices.Sorted(maps.Keys(phonenumbers.GetSupportedCallingCodes()))).Draw(t, "code")
		length := rapid.IntRange(3, 13).Draw(t, "length")
		if plan, known := numberingPlans()[fmt.Sprint(code)]; known && rapid.Bool().Draw(t, "as long as its country's") {
			length = plan.longest
		}
		s := fmt.Sprintf("+%d%s", code, rapid.StringMatching(fmt.Sprintf(`[0-9]{%d}`, length)).Draw(t, "national"))
		digits, plain := plainNumber(s)
		if !plain {
			return
		}
		taken++
		number, err := phonenumbers.Parse(s, "")
		if err != nil || phonenumbers.Format(number, phonenumbers.E164) != "+"+digits || "+"+digits != s || checkPossible(number) != nil || checkComplete(number) != nil || !e164.MatchString(digits) {
			t.Errorf("%s is plain; the library says %v, %v", s, number, err)
		}
	})
	if taken == 0 {
		t.Error("no number was plain")
	}
	for s, want := range map[string]bool{
		"+447700900001": true, "+14155550100": true, "+33123456789": true, "+61412345678": true,
		"+4407700900001": false, "+390612345678": false, "+44 7700900001": false, "447700900001": false, "+99912345678": false,
		"+44": false, "+": false, "": false, "+447700900001x2": false, "+4477009000011234": false,
	} {
		if _, plain := plainNumber(s); plain != want {
			t.Errorf("plainNumber(%q) is %v, want %v", s, plain, want)
		}
	}
}

// The zones of every country exist, and the search is long enough for every range.
func TestNumberZonesExist(t *testing.T) {
	t.Parallel()
	for region := range phonenumbers.GetSupportedRegions() {
		if len(numberZones()[region]) == 0 {
			t.Errorf("%s has no zone", region)
		}
	}
	for of, zones := range numberZones() {
		if len(of) > longestRange || !slices.IsSorted(zones) {
			t.Errorf("%s: %v", of, zones)
		}
		for _, zone := range zones {
			if _, err := time.LoadLocation(zone); err != nil {
				t.Errorf("%s: %v", of, err)
			}
		}
	}
}

func FuzzParseNumber(f *testing.F) {
	for _, seed := range []string{"+442079460018", "020 7946 0018", "4.4E11", "1-800-FLOWERS", "＋４４"} {
		f.Add(seed, "GB")
	}
	f.Fuzz(func(t *testing.T, raw, country string) {
		number, err := ParseNumber(raw, country)
		if (err == nil) != e164.MatchString(number.Digits) || err != nil && number.Zones != nil {
			t.Fatalf("%q in %q: %v, %v", raw, country, number, err)
		}
		if err != nil {
			return
		}
		if again, err := ParseNumber("+"+number.Digits, ""); err != nil || again.Digits != number.Digits {
			t.Fatalf("%q in %q is %v, which is %v, %v", raw, country, number, again, err)
		}
	})
}

// A number of any country, written in ten ways, is read as itself or refused, and never
// as another.
func TestNumberIsNeverAnother(t *testing.T) {
	t.Parallel()
	regions := slices.Sorted(maps.Keys(phonenumbers.GetSupportedRegions()))
	kinds := []phonenumbers.PhoneNumberType{phonenumbers.FIXED_LINE, phonenumbers.MOBILE}
	read := 0
	rapid.Check(t, func(t *rapid.T) {
		region := rapid.SampledFrom(regions).Draw(t, "region")
		example := phonenumbers.GetExampleNumberForType(region, rapid.SampledFrom(kinds).Draw(t, "kind"))
		if example == nil {
			return
		}
		last := rapid.StringMatching(`[0-9]{3}`).Draw(t, "last digits")
		whole := phonenumbers.Format(example, phonenumbers.E164)
		number, err := phonenumbers.Parse(whole[:len(whole)-3]+last, "")
		if err != nil || !phonenumbers.IsValidNumber(number) {
			return
		}
		country := rapid.SampledFrom([]string{region, "", "GB", "US", "DE", "IT"}).Draw(t, "default country")
		raw := rapid.SampledFrom(writings(number)).Draw(t, "writing")
		national := phonenumbers.NormalizeDigitsOnly(phonenumbers.Format(number, phonenumbers.NATIONAL))
		if digits := phonenumbers.NormalizeDigitsOnly(raw); country != region && (digits == national || digits == strings.TrimPrefix(national, "0")) {
			return // a national number of another country is read as written
		}
		if again, err := phonenumbers.Parse(national, region); err != nil || digitsOf(again) != digitsOf(number) {
			return // its national form cannot be read back
		}
		if isNumberAtHome(raw, country) {
			return // digits in the default country's usual form belong to that country
		}
		got, err := ParseNumber(raw, country)
		if err == nil && got.Digits != digitsOf(number) {
			t.Fatalf("%q with %q is %s, and was written for %s", raw, country, got.Digits, digitsOf(number))
		}
		if err == nil {
			read++
		}
	})
	if read == 0 {
		t.Error("no number was read")
	}
}

// isNumberAtHome reports digits that are a valid number of the country in the form that
// people there use.
func isNumberAtHome(raw, country string) bool {
	if country == "" || !onlyDigits(raw) {
		return false
	}
	number, err := phonenumbers.Parse(fmt.Sprintf("+%d%s", phonenumbers.GetCountryCodeForRegion(country), raw), "")
	return err == nil && phonenumbers.IsValidNumber(number) && phonenumbers.NormalizeDigitsOnly(phonenumbers.Format(number, phonenumbers.NATIONAL)) == raw
}

// writings are ways to write a number, by people and programs.
func writings(number *phonenumbers.PhoneNumber) []string {
	plus := phonenumbers.Format(number, phonenumbers.E164)
	national := phonenumbers.Format(number, phonenumbers.NATIONAL)
	abroad := phonenumbers.Format(number, phonenumbers.INTERNATIONAL)
	return []string{
		plus, plus[1:], "00" + plus[1:], national, phonenumbers.NormalizeDigitsOnly(national), abroad,
		phonenumbers.Format(number, phonenumbers.RFC3966), strings.ReplaceAll(abroad, " ", "\u00a0"), `="` + plus + `"`,
		strings.Replace(abroad, " ", " (0)", 1), strings.TrimPrefix(phonenumbers.NormalizeDigitsOnly(national), "0"),
	}
}

func TestCheckKind(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"+19005550123":  "premium",
		"+449098790001": "premium",
		"+447011234567": "personal",
		"+448451234567": "premium",
		"+447640123456": "pager",
		"+499001234567": "premium",
		"+491801234567": "shared-cost",
		"+15005550006":  "personal",
		"+881612345678": "satellite",
		"+870773111632": "satellite",
		"+882161234567": "international network",
		"+979123456789": "premium",
		"+447700900001": "",
		"+442079460018": "",
		"+448001111":    "",
		"+14155550100":  "",
		"+33612345678":  "",
		"+443001234567": "",
	}
	for raw, want := range tests {
		number, err := ParseNumber(raw, "")
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		if err := number.CheckKind(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", raw, err, want)
		}
	}
}

// plainText and the library's parser read the same number.
func TestPlainTextAgreesWithReadNumber(t *testing.T) {
	t.Parallel()
	regions := slices.Sorted(maps.Keys(phonenumbers.GetSupportedRegions()))
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		country := rapid.SampledFrom(regions).Draw(t, "country")
		kind := rapid.SampledFrom([]phonenumbers.PhoneNumberType{phonenumbers.FIXED_LINE, phonenumbers.MOBILE}).Draw(t, "kind")
		example := phonenumbers.GetExampleNumberForType(country, kind)
		if example == nil {
			return
		}
		text := phonenumbers.Format(example, phonenumbers.NATIONAL)
		at := rapid.IntRange(0, len(text)-1).Draw(t, "changed digit")
		if text[at] >= '0' && text[at] <= '9' {
			text = text[:at] + rapid.StringMatching(`[0-9]`).Draw(t, "digit") + text[at+1:]
		}
		digits, plain := plainText(text, country)
		if !plain {
			return
		}
		taken++
		number, err := readNumber(text, country)
		if err != nil || digitsOf(number) != digits {
			t.Errorf("%q of %s is plain and read as %s; the parser says %v, %v", text, country, digits, number, err)
		}
	})
	if taken == 0 {
		t.Error("no text was plain")
	}
}
