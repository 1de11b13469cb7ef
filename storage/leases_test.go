package storage_test

import (
	"errors"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
)

func TestLease(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	const term, idle = time.Minute, time.Hour
	take := func(owner string, idle time.Duration, want bool) (generation int64) {
		t.Helper()
		generation, taken, err := db.TakeLease(t.Context(), "sweep", owner, term, idle)
		check(t, err)
		if taken != want {
			t.Errorf("%s takes the lease: %t, want %t", owner, taken, want)
		}
		return generation
	}
	lost := func(err error) {
		t.Helper()
		if !errors.Is(err, campaign.ErrLeaseLost) {
			t.Errorf("%v, want %v", err, campaign.ErrLeaseLost)
		}
	}
	first := take("a", idle, true)
	take("b", 0, false)
	check(t, db.RenewLease(t.Context(), "sweep", first, term))
	db.Exec(t, `UPDATE leases SET expires_at = now() - interval '1 second'`)
	second := take("b", idle, true)
	lost(db.RenewLease(t.Context(), "sweep", first, term))
	lost(db.EndLease(t.Context(), "sweep", first, true))
	take("a", 0, false)
	check(t, db.EndLease(t.Context(), "sweep", second, false)) // it was stopped
	third := take("a", idle, true)
	check(t, db.EndLease(t.Context(), "sweep", third, true))
	take("b", idle, false) // it was done recently
	take("b", 0, true)
}
