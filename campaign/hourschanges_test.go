package campaign

import (
	"fmt"
	"testing"
	"time"
)

// Around every change of clocks from 2020 to 2030, in every zone, calls may begin in
// exactly those minutes that the hours and their margin allow: none outside, and no
// minute is lost. Zones with the same changes are tried once.
func TestHoursAtEveryChangeOfClocks(t *testing.T) {
	t.Parallel()
	broken, err := ParseWeek(map[string]string{"mon-fri": "09:00-12:30,14:00-20:00", "sat,sun": "00:00-24:00"})
	if err != nil {
		t.Fatal(err)
	}
	night := Daily(60, 181)
	night.Margin = 2 * time.Minute
	always := Daily(0, 1440)
	always.Margin = 5 * time.Minute
	tried, n := map[string]bool{}, 0
	for _, name := range zoneNames() {
		place, err := LoadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		var changes []time.Time
		for at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC); ; {
			_, next := at.In(place).ZoneBounds()
			if next.IsZero() || next.Year() > 2030 {
				break
			}
			changes, at = append(changes, next), next
		}
		for _, change := range changes {
			_, before := change.Add(-time.Second).In(place).Zone()
			_, after := change.In(place).Zone()
			alike := fmt.Sprint(change.Unix(), before, after)
			if tried[alike] {
				continue
			}
			tried[alike] = true
			for _, h := range []Hours{Daily(540, 1200), night, broken, always} {
				for minute := -3 * 60; minute <= 3*60; minute++ {
					at := change.Add(time.Duration(minute) * time.Minute)
					n++
					if got, want := h.openInAll(at, []*time.Location{place}), opensAt(h, at, []*time.Location{place}); got != want {
						t.Fatalf("%s in %s at %v: open %t, want %t", h, name, at, got, want)
					}
				}
			}
		}
	}
	if len(tried) < 300 {
		t.Errorf("only %d changes were tried", len(tried))
	}
	t.Logf("%d changes, %d minutes", len(tried), n)
}
