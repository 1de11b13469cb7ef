package storage_test

import (
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit"
)

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "c", settings(), rows(0, 3))
	ids := claim(t, db, 2)
	a := pass(t, db, ids[0])
	for range 2 {
		check(t, db.Pause(t.Context(), c.ID, "lunch"))
	}
	if state(t, db, ids[1]) != campaign.Void || state(t, db, a.ID) != campaign.Dialing {
		t.Errorf("in the queue: %s, dialed: %s; want void, dialing", state(t, db, ids[1]), state(t, db, a.ID))
	}
	if len(claim(t, db, 10)) != 0 {
		t.Error("claimed from a paused campaign")
	}
	for range 2 {
		check(t, db.Resume(t.Context(), c.ID))
	}
	if got := claim(t, db, 10); len(got) != 2 {
		t.Errorf("claimed %d after the pause, want the 2 that were not dialed", len(got))
	}
	sound(t, db)
}

func TestPauseDuringImport(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := importing(t, db, "c", settings(), rows(0, 1))
	check(t, db.Pause(t.Context(), c.ID, "wait"))
	check(t, db.Resume(t.Context(), c.ID))
	if got := status(t, db, c.ID); got != "importing" {
		t.Errorf("resumed before its import was finished, it is %s", got)
	}
	check(t, db.Pause(t.Context(), c.ID, "wait"))
	check(t, db.FinishImport(t.Context(), c.ID))
	if got := status(t, db, c.ID); got != "paused" {
		t.Errorf("the end of its import made it %s", got)
	}
	check(t, db.Resume(t.Context(), c.ID))
	if got := status(t, db, c.ID); got != "running" {
		t.Errorf("resumed, it is %s", got)
	}
}
