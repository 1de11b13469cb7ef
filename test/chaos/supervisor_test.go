package main

import (
	"testing"

	"dialer/test/fleet"
)

func TestFirstDialerIsHarmedLessOften(t *testing.T) {
	t.Parallel()
	s := newSupervisor([]*fleet.Dialer{{Name: "1"}, {Name: "2"}, {Name: "3"}})
	hits := map[string]int{}
	for r, n := seeded(1, 1), 0; n < 11_000; n++ {
		hits[s.draw(r).Name]++
	}
	if hits["1"] < 800 || hits["1"] > 1200 || hits["2"] < 4500 || hits["3"] < 4500 {
		t.Errorf("of 11,000 hits: %v; want the first a fifth as often as each other", hits)
	}
	if one := newSupervisor(s.dialers[:1]); one.draw(seeded(1, 1)) != s.dialers[0] {
		t.Error("the only one is not drawn")
	}
}
