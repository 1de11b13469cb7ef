package reconcile

import (
	"testing"
	"time"

	"dialer/campaign"

	"github.com/google/go-cmp/cmp"
)

func TestWindowsOf(t *testing.T) {
	t.Parallel()
	var everyMinute []time.Duration
	for m := range 91 {
		everyMinute = append(everyMinute, time.Duration(m)*time.Minute)
	}
	for _, tt := range []struct {
		name    string
		offsets []time.Duration
		want    []int // attempts in each window
	}{
		{"none", nil, nil},
		{"together", []time.Duration{0, time.Second, 2 * time.Minute}, []int{3}},
		{"not in order", []time.Duration{2 * time.Minute, 0, time.Second}, []int{3}},
		{"far apart", []time.Duration{0, time.Second, 6 * time.Minute}, []int{2, 1}},
		{"longer than an hour", everyMinute, []int{55, 36}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []int
			for _, w := range windowsOf(dialed(tt.offsets...), campaign.DefaultTimes, start.Add(3*time.Hour)) {
				got = append(got, len(w.attempts))
				for _, a := range w.attempts {
					if from, to := campaign.DefaultTimes.Window(a.Attempt); from.Before(w.from) || to.After(w.to) {
						t.Errorf("the window %v to %v of an attempt is outside %v to %v", from, to, w.from, w.to)
					}
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("windows (-want +got):\n%s", diff)
			}
		})
	}
	// Vonage may have dropped the record of the first attempt, and has the record of the
	// second.
	now := start.Add(campaign.DefaultTimes.Provable() + time.Minute)
	if apart := windowsOf(dialed(0, 3*time.Minute), campaign.DefaultTimes, now); len(apart) != 2 {
		t.Errorf("%d windows, want one for each", len(apart))
	}
}

func TestWindowEndsInThePast(t *testing.T) {
	t.Parallel()
	for now, want := range map[time.Duration]time.Duration{
		40*time.Second + time.Millisecond: 40 * time.Second,
		4 * time.Minute:                   4 * time.Minute,
		time.Hour:                         4*time.Minute + 30*time.Second,
	} {
		w := windowsOf(dialed(0), campaign.DefaultTimes, start.Add(now))[0]
		if !w.to.Equal(start.Add(want)) {
			t.Errorf("at %v the scan ends at %v, want %v", now, w.to.Sub(start), want)
		}
	}
}

// If there are no records, parts grow to an hour; if there are many, they are short. They
// overlap and leave nothing out.
func TestSlices(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		perSecond float64
		records   int // in each part
		want      []time.Duration
	}{
		{3, 0, []time.Duration{11*time.Minute + 6*time.Second, 22*time.Minute + 12*time.Second, 44*time.Minute + 24*time.Second, time.Hour, 42*time.Minute + 18*time.Second}},
		{1, 2000, []time.Duration{33*time.Minute + 20*time.Second, 33*time.Minute + 20*time.Second, 33*time.Minute + 20*time.Second, 33*time.Minute + 20*time.Second, 33*time.Minute + 20*time.Second, 13*time.Minute + 20*time.Second}},
	} {
		r := &Reader{CallsPerSecond: tt.perSecond}
		read, at := 0, start
		var got []time.Duration
		for part := range r.slices(start, start.Add(3*time.Hour), sliceFor(tt.perSecond), func() int { return read }) {
			if part.from.After(at) {
				t.Errorf("a part begins at %v, after %v", part.from, at)
			}
			got = append(got, part.to.Sub(at))
			at = part.to
			read += tt.records
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || !at.Equal(start.Add(3*time.Hour)) {
			t.Errorf("%v a second: end at %v, parts (-want +got):\n%s", tt.perSecond, at, diff)
		}
	}
}
