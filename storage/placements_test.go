package storage_test

import (
	"errors"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit"

	"github.com/google/uuid"
)

func TestPlacementInEveryState(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	id := claimOne(t, db)
	for _, move := range []func(){
		func() {},
		func() { pass(t, db, id) },
		func() { record(t, db, id, created("U1")) },
	} {
		move()
		p, err := db.Placement(t.Context(), id)
		if err != nil || p.Attempt.ID != id || p.Vars["name"] != "Person 0" || p.Settings.Message.Say != settings().Message.Say {
			t.Errorf("%s: %+v, %v", state(t, db, id), p, err)
		}
	}
	if _, err := db.Load(t.Context(), id); !errors.Is(err, campaign.ErrStale) {
		t.Errorf("Load of an accepted attempt: %v, want stale", err)
	}
	if _, err := db.Placement(t.Context(), uuid.New()); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("of an attempt that is none: %v, want not found", err)
	}
}
