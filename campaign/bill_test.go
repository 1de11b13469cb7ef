package campaign

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestBillTotalOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := anyBill(t, "a"), anyBill(t, "b"), anyBill(t, "c")
		if a.Before(a) || a.Before(b) && b.Before(a) {
			t.Fatal("a bill before itself")
		}
		if a.Before(b) && b.Before(c) && !a.Before(c) {
			t.Fatal("not transitive")
		}
		if !a.Before(b) && !b.Before(a) && (a.ObservedAt != b.ObservedAt || a.compareContent(b) != 0 || a.Source != b.Source) {
			t.Fatal("two bills that differ compare equal")
		}
	})
}

func TestBillBefore(t *testing.T) {
	t.Parallel()
	none := Bill{}
	seconds := 12
	ofEvent := Bill{Source: FromEvent, ObservedAt: sec(10), Price: money("0.03"), Duration: &seconds}
	unpriced := Bill{Source: FromList, ObservedAt: sec(99), Duration: &seconds}
	began := Bill{Source: FromList, ObservedAt: sec(99), StartTime: sec(1)}
	ended := Bill{Source: FromEvent, ObservedAt: sec(10), Duration: &seconds}
	first := Bill{Source: FromList, ObservedAt: sec(20), Price: money("0.02")}
	second := Bill{Source: FromList, ObservedAt: sec(30), Price: money("0.01")}
	back := Bill{Source: FromList, ObservedAt: sec(40), Price: money("0.02")}
	ascending := []Bill{none, began, ended, unpriced, ofEvent, first, second, back}
	for i, a := range ascending {
		for j, b := range ascending {
			if a.Before(b) != (i < j) {
				t.Errorf("bill %d before bill %d: %t", i, j, a.Before(b))
			}
		}
	}
}

// Prices from the list come in any order. The one that was read last counts, whether it
// is new, repeated, or one that counted before.
func TestFoldLatestListPrice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		prices := rapid.SliceOfN(rapid.SampledFrom([]string{"0.01", "0.02", "0.03"}), 1, 6).Draw(t, "prices")
		var readings []Evidence
		for i, p := range prices {
			readings = append(readings, listed("completed", float64(60*(i+1))).billed(p, 12))
		}
		got := foldAll(dialing(), rapid.Permutation(readings).Draw(t, "order"))
		if last := money(prices[len(prices)-1]); !got.Bill.Price.Decimal.Equal(last.Decimal) {
			t.Fatalf("the price is %s, %s was read last", got.Bill.Price.Decimal, last.Decimal)
		}
	})
}

// A price keeps the digits that it was written with, whichever of two equal ones came
// first.
func TestFoldKeepsPriceDigits(t *testing.T) {
	t.Parallel()
	readings := []Evidence{listed("completed", 60).billed("0.02", 12), listed("completed", 60).billed("0.02000000", 12)}
	for range 2 {
		got := foldAll(dialing(), readings)
		if s := got.Bill.Price.Decimal.StringFixed(8); s != "0.02000000" || got.Bill.Price.Decimal.Exponent() != -8 {
			t.Errorf("price %s, exponent %d", s, got.Bill.Price.Decimal.Exponent())
		}
		slices.Reverse(readings)
	}
}
