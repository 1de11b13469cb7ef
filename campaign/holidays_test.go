package campaign

import (
	"slices"
	"strings"
	"testing"
	"time"

	"dialer/internal/testkit/require"
)

func TestHolidays(t *testing.T) {
	t.Parallel()
	for place, want := range map[string][]string{
		"GB":     {"2026-12-25", "2026-12-26", "2026-12-28", "2027-01-01", "2027-03-26", "2027-12-27", "2027-12-28"},
		"gb-eng": {"2026-12-25", "2027-03-29", "2027-08-30"},
		"GB-SCT": {"2026-11-30", "2027-01-04", "2027-08-02"},
		"US":     {"2026-11-26", "2027-07-05", "2027-11-25", "2035-12-25"},
		"DE-BY":  {"2027-01-06", "2027-05-27", "2027-10-03"},
		"IE":     {"2027-02-01", "2027-03-17", "2027-10-25"},
	} {
		got, err := Holidays(place)
		require.NoError(t, err)
		for _, date := range want {
			if !slices.Contains(got, date) {
				t.Errorf("%s lacks %s", place, date)
			}
		}
		if slices.Contains(got, "2027-06-16") || !slices.IsSorted(got) || len(got) < 70 || len(got) > 200 {
			t.Errorf("%s has %d dates: %v", place, len(got), got)
		}
	}
	for place, want := range map[string]string{"": "a country", "XX": "a country", "GB-XX": "GB-SCT", "AQ": "a country"} {
		if _, err := Holidays(place); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want one with %q", place, err, want)
		}
	}
}

// Every place has dates to except, few enough for a campaign.
func TestEachPlaceHasHolidays(t *testing.T) {
	t.Parallel()
	if len(holidays()) < 500 {
		t.Fatalf("%d places", len(holidays()))
	}
	for place := range holidays() {
		dates, err := Holidays(place)
		require.NoError(t, err)
		if len(dates) == 0 || len(dates) > maxExcept {
			t.Errorf("%s has %d dates", place, len(dates))
		}
		for _, date := range dates {
			if _, err := time.Parse(dateForm, date); err != nil {
				t.Errorf("%s: %v", place, err)
			}
		}
	}
}

// Dates are stored and shown, and the stored document still means the same.
func TestHolidaysAreStoredAsDates(t *testing.T) {
	t.Parallel()
	text := strings.Replace(dental, "except: [2026-12-25]", `except: [holidays=GB-ENG, 2026-12-24]`, 1)
	d, err := ParseDocument("dental.yaml", []byte(text))
	require.NoError(t, err)
	s, err := d.Settings()
	require.NoError(t, err)
	if !slices.Contains(s.Hours.Except, "2026-12-24") || !slices.Contains(s.Hours.Except, "2035-12-26") || strings.Contains(string(s.Document), holidaysWord) {
		t.Errorf("stored: %s", s.Document)
	}
	again, err := ParseDocument("", s.Document)
	require.NoError(t, err)
	same, err := again.Settings()
	require.NoError(t, err)
	if !slices.Equal(s.Hours.Except, same.Hours.Except) || string(s.Document) != string(same.Document) {
		t.Error("the stored document means something else")
	}
	if got := s.Hours.ExceptText("2026-12-01"); !strings.HasPrefix(got, "2026-12-24, 2026-12-25, 2026-12-26, 2026-12-28, 2027-01-01, ") || !strings.HasSuffix(got, " more, the last 2035-12-26") {
		t.Errorf("shown: %s", got)
	}
	for except, want := range map[string]string{"holidays=XX": "a country", "closed.ics": "a file", "soon": "the form 2026-12-25"} {
		d, err := ParseDocument("dental.yaml", []byte(strings.Replace(dental, "2026-12-25", except, 1)))
		require.NoError(t, err)
		if _, err = d.Settings(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "dental.yaml:18") {
			t.Errorf("%s: %v, want one with %q", except, err, want)
		}
	}
	far := strings.Replace(text, "zone: Europe/London", "zone: Europe/London, end: 2036-03-01T09:00", 1)
	d, err = ParseDocument("dental.yaml", []byte(far))
	require.NoError(t, err)
	if _, err = d.Settings(); err == nil || !strings.Contains(err.Error(), "2035") {
		t.Errorf("an end after the holidays that are known: %v", err)
	}
}
