package main

import "testing"

func TestTheFirstDialerIsSpared(t *testing.T) {
	t.Parallel()
	f := newFleet(nil, []*dialer{{name: "1"}, {name: "2"}, {name: "3"}})
	hits := map[string]int{}
	for r, n := seeded(1, 1), 0; n < 11_000; n++ {
		hits[f.drawn(r).name]++
	}
	if hits["1"] < 800 || hits["1"] > 1200 || hits["2"] < 4500 || hits["3"] < 4500 {
		t.Errorf("of 11,000 hits: %v; want the first a fifth as often as each other", hits)
	}
	if one := newFleet(nil, f.dialers[:1]); one.drawn(seeded(1, 1)) != f.dialers[0] {
		t.Error("the only one is not drawn")
	}
}
