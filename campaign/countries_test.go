package campaign

import (
	"strings"
	"testing"

	"dialer/internal/testkit/require"
)

func TestCountries(t *testing.T) {
	t.Parallel()
	tests := []struct {
		words, number, want string // want: "" allowed, else part of the refusal
	}{
		{"", "+18765550119", ""},
		{"all", "+18765550119", ""},
		{"GB", "+447700900123", ""},
		{"gb, ie", "+353861234567", ""},
		{"GB", "+18765550119", "this number is in JM, and calls go to GB only; --countries GB,JM allows it"},
		{"US", "+14165550123", "in CA"},
		{"GB", "+447781123456", "in GG"},
		{"GB,IE", "+80012345678", "--countries all"},
	}
	for _, test := range tests {
		c, given, err := ParseCountries(strings.Split(test.words, ","))
		require.NoError(t, err)
		n, err := ParseNumber(test.number, "")
		require.NoError(t, err)
		err = c.Check(n)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) || given != (test.words != "") {
			t.Errorf("%q, %s: %v, want %q", test.words, test.number, err, test.want)
		}
	}
	for words, want := range map[string]string{"UK": "GB for", "England": "no country", "GB,all": "either", "ZZ": "no country"} {
		if _, _, err := ParseCountries([]string{words}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", words, err, want)
		}
	}
	if got := UsualCountries("de", []string{"442079460000", "4930123456", "12015550123"}).String(); got != "DE,GB,US" {
		t.Errorf("usual countries %s", got)
	}
}
