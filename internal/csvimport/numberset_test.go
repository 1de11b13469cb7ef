package csvimport

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

func TestNumberSetAgreesWithAMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		set, seen := newNumberSet(maxNumbers), map[string]bool{}
		for range rapid.IntRange(0, 4000).Draw(t, "n") {
			digits := strconv.FormatUint(rapid.Uint64Range(447700900000, 447700902000).Draw(t, "number"), 10)
			if got, want := set.seen(digits), seen[digits]; got != want {
				t.Fatalf("seen(%s) = %v after %d numbers, want %v", digits, got, len(seen), want)
			}
			seen[digits] = true
		}
		if set.used != len(seen) {
			t.Fatalf("used %d, want %d", set.used, len(seen))
		}
	})
}

func TestNumberSetGrowsToItsLimitAndNoFurther(t *testing.T) {
	t.Parallel()
	const limit = 100_000
	set := newNumberSet(limit)
	for i := range 2 * limit {
		set.seen(strconv.Itoa(10_000_000 + i))
	}
	if !set.full() || set.used != limit || len(set.slots) > 4*limit {
		t.Errorf("full %v, used %d, slots %d; want true, %d, at most %d", set.full(), set.used, len(set.slots), limit, 4*limit)
	}
	if !set.seen("10000000") || set.seen("10199999") || set.seen("10199999") {
		t.Error("beyond the limit: known numbers must stay known, and new ones must not be taken")
	}
}
