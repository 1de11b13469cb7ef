package campaign

import (
	"slices"
	"testing"
)

// Every zone of the table is one in which the country's numbers may be, or has the same
// clock as one. Both bounds of a range have the same length. No earlier line hides a
// later one.
func TestPostalTable(t *testing.T) {
	t.Parallel()
	for country, ranges := range postalZones() {
		if postalForms[country] == nil {
			t.Errorf("%s has no form", country)
		}
		for i, r := range ranges {
			if len(r.from) != len(r.to) || r.from > r.to {
				t.Errorf("%s %s-%s is no range", country, r.from, r.to)
			}
			if !slices.IsSorted(r.zones) {
				t.Errorf("%s %s: zones are not sorted", country, r.from)
			}
			for _, zone := range r.zones {
				if _, err := LoadZone(zone); err != nil {
					t.Errorf("%s %s: %s: %v", country, r.from, zone, err)
				}
			}
			for _, before := range ranges[:i] {
				if n := len(before.from); n <= len(r.from) && before.from <= r.from[:n] && r.to[:n] <= before.to {
					t.Errorf("%s %s is hidden by %s", country, r.from, before.from)
				}
			}
		}
	}
}
