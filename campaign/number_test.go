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
		{"447700900001", "", "447700900001"}, // as Vonage writes it
		{"14155550100", "", "14155550100"},
		{"33123456789", "", "33123456789"},
		{"+44 (0)7700 900 001", "", "447700900001"},
		{"+44-7700-900001", "US", "447700900001"},
		{"07700 900001", "GB", "447700900001"},
		{"07700900001", "gb", "447700900001"},
		{"7700900001", "GB", "447700900001"}, // the spreadsheet ate the zero
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
		{"01204 62083", "GB", "44120462083"}, // nine digits, as some in Bolton have
		{"0800 1111", "GB", "448001111"},
		{"01632 960001", "GB", "441632960001"}, // for drama
	}
	for _, test := range tests {
		got, _, err := ParseNumber(test.raw, test.country)
		if err != nil || got != test.want {
			t.Errorf("%q in %q: got %q, %v, want %q", test.raw, test.country, got, err, test.want)
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
		{"tel: 020 7946 0018", "GB", "letters"},
		{"n/a", "GB", "letters"},
		{"+442079460018 / +442079460019", "", "more than one number"},
		{"02079460018 02079460019", "GB", "too long"},
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
		{"0000000", "ZA", "begins with this zero"},
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
		got, zones, err := ParseNumber(test.raw, test.country)
		if err == nil || !strings.Contains(err.Error(), test.reason) {
			t.Errorf("%q in %q: got %q, %v, want %q in the error", test.raw, test.country, got, err, test.reason)
			continue
		}
		if got != "" || zones != nil {
			t.Errorf("%q: got %q in %v beside an error", test.raw, got, zones)
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
		"+447700900001":  {"Europe/Guernsey", "Europe/Isle_of_Man", "Europe/London"},
		"+14155550100":   {"America/Los_Angeles"},
		"+18765550100":   {"America/Jamaica"},
		"+61412345678":   {"Australia/Adelaide", "Australia/Brisbane", "Australia/Darwin", "Australia/Hobart", "Australia/Perth", "Australia/Sydney"},
		"+61733333333":   {"Australia/Brisbane", "Australia/Sydney"},
		"+61893333333":   {"Australia/Adelaide", "Australia/Perth"},
		"+8835100123456": {},
	}
	for number, want := range tests {
		_, got, err := ParseNumber(number, "")
		if err != nil {
			t.Errorf("%s: %v", number, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", number, diff)
		}
	}
}

// plainNumber and the library agree on every number that plainNumber accepts, of
// every country and length; and it accepts what is common.
func TestPlainNumberAgreesWithLibrary(t *testing.T) {
	t.Parallel()
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.SampledFrom(slices.Sorted(maps.Keys(phonenumbers.GetSupportedCallingCodes()))).Draw(t, "code")
		s := fmt.Sprintf("+%d%s", code, rapid.StringMatching(`[0-9]{3,13}`).Draw(t, "national"))
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

// Every zone that a number can have exists, and a caller that changes the result
// does not change the library's own lists.
func TestZonesOfEveryCountry(t *testing.T) {
	t.Parallel()
	for region := range phonenumbers.GetSupportedRegions() {
		example := phonenumbers.GetExampleNumber(region)
		digits := strings.TrimPrefix(phonenumbers.Format(example, phonenumbers.E164), "+")
		zones, err := zonesOf(digits)
		if err != nil || !slices.IsSorted(zones) {
			t.Errorf("%s: %v, %v", region, zones, err)
		}
		for _, zone := range zones {
			if _, err := time.LoadLocation(zone); err != nil {
				t.Errorf("%s: %v", region, err)
			}
		}
		want := slices.Clone(zones)
		clear(zones)
		if again, _ := zonesOf(digits); !slices.Equal(again, want) {
			t.Errorf("%s: a caller's change is the library's: %q", region, again)
		}
	}
}

func FuzzParseNumber(f *testing.F) {
	for _, seed := range []string{"+442079460018", "020 7946 0018", "4.4E11", "1-800-FLOWERS", "＋４４"} {
		f.Add(seed, "GB")
	}
	f.Fuzz(func(t *testing.T, raw, country string) {
		digits, zones, err := ParseNumber(raw, country)
		if (err == nil) != e164.MatchString(digits) || err != nil && zones != nil {
			t.Fatalf("%q in %q: %q, %v, %v", raw, country, digits, zones, err)
		}
		if err != nil {
			return
		}
		if again, _, err := ParseNumber("+"+digits, ""); err != nil || again != digits {
			t.Fatalf("%q in %q is %q, which is %q, %v", raw, country, digits, again, err)
		}
	})
}
