package campaign

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The proof of absence needs these inequalities. They are true for every setting that
// Validate accepts.
func TestTimesProveAbsence(t *testing.T) {
	t.Parallel()
	for _, times := range []Times{
		DefaultTimes,
		{SettleAfter: 2 * time.Second, TokenLife: 5 * time.Second, RecordsKept: 48 * time.Hour},
		{SettleAfter: time.Hour, TokenLife: 30 * time.Second, RecordsKept: 48 * time.Hour},
		{SettleAfter: 8 * time.Hour, TokenLife: 30 * time.Second, RecordsKept: 24 * time.Hour},
	} {
		if err := times.Validate(); err != nil {
			t.Fatal(err)
		}
		gate := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
		a := Attempt{DialedAt: gate, TokenExpiresAt: gate.Add(times.TokenLife)}
		from, to := times.Window(a)
		first := times.FirstScan(a)
		second := times.NextLook(a, 1, first)
		accepted := a.TokenExpiresAt // the latest moment at which Vonage accepts the POST
		for name, holds := range map[string]bool{
			"the window holds every moment at which Vonage accepts the POST":   from.Before(gate) && to.After(accepted),
			"the window begins before the gate on a clock that is behind":      gate.Sub(from) > ClockTolerance,
			"the list has settled though Vonage's clock is behind":             to.Sub(accepted) > times.SettleAfter+ClockTolerance || times.SettleAfter < ClockTolerance,
			"the window holds the start of a call that is listed late":         !to.Before(accepted.Add(times.SettleAfter)),
			"the first scan begins when a call must be listed":                 !first.Before(accepted.Add(times.SettleAfter)),
			"the second scan begins a gap after the first":                     second.Sub(first) >= times.ScanGap(),
			"the second scan begins after the window's end":                    !second.Before(to),
			"Vonage keeps the records past the second scan":                    second.Before(from.Add(times.RecordsKept)),
			"a window counts no longer once its records may end during a scan": times.Provable() < times.RecordsKept && second.Sub(from) <= times.Provable(),
		} {
			if !holds {
				t.Errorf("%+v: it does not hold that %s", times, name)
			}
		}
	}
}

func TestTimesThatProveNothing(t *testing.T) {
	t.Parallel()
	for _, times := range []Times{
		{SettleAfter: 0, TokenLife: time.Second, RecordsKept: 48 * time.Hour},
		{SettleAfter: 24 * time.Hour, TokenLife: 30 * time.Second, RecordsKept: 48 * time.Hour},
		{SettleAfter: 2 * time.Minute, TokenLife: 30 * time.Second, RecordsKept: 2 * time.Hour},
	} {
		if err := times.Validate(); err == nil {
			t.Errorf("%+v is valid", times)
		}
	}
}

func TestTimesLooksDouble(t *testing.T) {
	t.Parallel()
	gate := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	a := Attempt{DialedAt: gate, TokenExpiresAt: gate.Add(30 * time.Second)}
	begun := DefaultTimes.FirstScan(a)
	var got []time.Duration
	for n := 1; n <= 12; n++ {
		next := DefaultTimes.NextLook(a, n, begun)
		got = append(got, next.Sub(begun))
		begun = next
	}
	var want []time.Duration
	for _, m := range []int{2, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360} {
		want = append(want, time.Duration(m)*time.Minute)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pauses (-want +got):\n%s", diff)
	}
}
