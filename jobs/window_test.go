package jobs

import (
	"testing"
	"time"

	"dialer/campaign"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

func dialedAt(offsets ...time.Duration) []campaign.Attempt {
	var attempts []campaign.Attempt
	for _, d := range offsets {
		at := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC).Add(d)
		attempts = append(attempts, campaign.Attempt{ID: uuid.New(), DialedAt: at, TokenExpiresAt: at.Add(30 * time.Second)})
	}
	return attempts
}

func TestWindows(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		offsets []time.Duration
		want    []int // attempts in each window
	}{
		{"none", nil, nil},
		{"together", []time.Duration{0, time.Second, 2 * time.Minute}, []int{3}},
		{"not in order", []time.Duration{2 * time.Minute, 0, time.Second}, []int{3}},
		{"far apart", []time.Duration{0, time.Second, 6 * time.Minute}, []int{2, 1}},
		{"longer than an hour", minutes(0, 90), []int{61, 30}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []int
			for _, w := range windows(dialedAt(tt.offsets...)) {
				got = append(got, len(w.attempts))
				for _, a := range w.attempts {
					if a.DialedAt.Before(w.from) || a.TokenExpiresAt.After(w.to) {
						t.Errorf("attempt of %v to %v is outside its window of %v to %v", a.DialedAt, a.TokenExpiresAt, w.from, w.to)
					}
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("windows (-want +got):\n%s", diff)
			}
		})
	}
}

func minutes(from, to int) (all []time.Duration) {
	for m := from; m <= to; m++ {
		all = append(all, time.Duration(m)*time.Minute)
	}
	return all
}

func TestWindowEndsInThePast(t *testing.T) {
	t.Parallel()
	w := windows(dialedAt(0))[0]
	for _, tt := range []struct{ now, want time.Duration }{
		{40 * time.Second, 40 * time.Second},
		{4 * time.Minute, 4 * time.Minute},
		{time.Hour, 30*time.Second + listTail},
	} {
		if got := w.end(w.from.Add(tt.now)); !got.Equal(w.from.Add(tt.want)) {
			t.Errorf("at %v the scan ends at %v, want %v", tt.now, got.Sub(w.from), tt.want)
		}
	}
}

func TestStragglersGoBySlice(t *testing.T) {
	t.Parallel()
	var got []int
	for _, group := range bySlice(dialedAt(9*time.Minute, 0, 10*time.Minute, 19*time.Minute, time.Hour)) {
		got = append(got, len(group))
	}
	if diff := cmp.Diff([]int{2, 2, 1}, got); diff != "" {
		t.Errorf("slices (-want +got):\n%s", diff)
	}
}
