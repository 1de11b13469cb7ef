package storage_test

import (
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"

	"github.com/google/go-cmp/cmp"
)

func TestPaceIsSaved(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	p, now, err := db.LoadPace(t.Context(), campaign.CallsBudget)
	check(t, err)
	if len(p.AvailableAt)+len(p.AcceptedAt)+len(p.RefusedAt) > 0 || p.ReducedTo != 1 || p.NextAt.After(now) || p.ReducedUntil.After(now) {
		t.Errorf("at %v a new budget is %+v", now, p)
	}
	want := campaign.Pace{
		AvailableAt: []time.Time{now, now.Add(time.Second)}, NextAt: now.Add(time.Minute),
		AcceptedAt: []time.Time{now.Add(-time.Second)}, RefusedAt: []time.Time{now.Add(-time.Minute)},
		ReducedTo: 0.25, ReducedAt: now.Add(time.Hour), ReducedUntil: now.Add(2 * time.Hour), Version: p.Version,
	}
	saved, err := db.SavePace(t.Context(), campaign.CallsBudget, want)
	check(t, err)
	if !saved {
		t.Error("not saved")
	}
	want.Version++
	got, later, err := db.LoadPace(t.Context(), campaign.CallsBudget)
	check(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if later.Before(now) || later.Sub(now) > time.Minute {
		t.Errorf("the clock shows %v and then %v", now, later)
	}
	if other, _, err := db.LoadPace(t.Context(), campaign.RequestsBudget); err != nil || len(other.AvailableAt) > 0 {
		t.Errorf("the other budget is %+v: %v", other, err)
	}
	if _, _, err := db.LoadPace(t.Context(), "nonsense"); err == nil {
		t.Error("an unknown budget was loaded")
	}
}

// A process that paused between reading and writing must not undo the changes of
// others.
func TestPaceIsSavedOnce(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	p, now, err := db.LoadPace(t.Context(), campaign.CallsBudget)
	check(t, err)
	for i, want := range []bool{true, false} {
		p.NextAt = now.Add(time.Duration(i) * time.Hour)
		saved, err := db.SavePace(t.Context(), campaign.CallsBudget, p)
		check(t, err)
		if saved != want {
			t.Errorf("writing version %d, try %d: saved is %t, want %t", p.Version, i+1, saved, want)
		}
	}
	if next := testkit.Value[time.Time](t, db, `SELECT next_at FROM pace WHERE budget = 'calls'`); !next.Equal(now) {
		t.Errorf("next_at is %v, as the second one wrote", next)
	}
}
