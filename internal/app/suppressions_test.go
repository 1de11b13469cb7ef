package app

import (
	"testing"
	"time"
)

// A later suppression does not shorten an earlier one, unless it says so.
func TestSuppressedCount(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	day := func(n int) time.Time { return now.AddDate(0, 0, n) }
	forever := time.Time{}
	for _, test := range []struct {
		name       string
		held, then time.Time
		none       bool
		shorten    bool
		want       Suppressed
		replaces   bool
	}{
		{name: "a new number", none: true, then: day(1), want: Suppressed{Added: 1}, replaces: true},
		{name: "one that had expired", held: day(-1), then: day(1), want: Suppressed{Added: 1}, replaces: true},
		{name: "for longer", held: day(1), then: day(2), want: Suppressed{Extended: 1}, replaces: true},
		{name: "for good", held: day(1), then: forever, want: Suppressed{Extended: 1}, replaces: true},
		{name: "the same end", held: day(1), then: day(1), shorten: true, want: Suppressed{Same: 1}},
		{name: "for good already", held: forever, then: forever, want: Suppressed{Same: 1}},
		{name: "for less long", held: day(2), then: day(1), want: Suppressed{Kept: 1}},
		{name: "an end for what has none", held: forever, then: day(1), want: Suppressed{Kept: 1}},
		{name: "an end that is asked for", held: forever, then: day(1), shorten: true, want: Suppressed{Shortened: 1}, replaces: true},
	} {
		held := map[string]Suppression{}
		if !test.none {
			held["1"] = Suppression{Number: "1", ExpiresAt: test.held}
		}
		var got Suppressed
		if replaces := got.Count(Suppression{Number: "1", ExpiresAt: test.then}, held, test.shorten, now); got != test.want || replaces != test.replaces {
			t.Errorf("%s: %+v, replaces: %v; want %+v, %v", test.name, got, replaces, test.want, test.replaces)
		}
	}
}
