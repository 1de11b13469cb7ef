package storage_test

import (
	"errors"
	"strings"
	"testing"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"

	"github.com/google/go-cmp/cmp"
)

func TestLiveCalls(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "c", settings(), rows(0, 5))
	ids := claim(t, db, 5)
	var dialed []campaign.Attempt
	for _, id := range ids[:4] {
		dialed = append(dialed, pass(t, db, id))
	}
	record(t, db, dialed[0].ID, created("U1"))
	record(t, db, dialed[1].ID, created("U2"))
	receive(t, db, completed(dialed[1], "U2", "0.1"))
	record(t, db, dialed[2].ID, unknown)
	other := running(t, db, "other", settings(), rows(100, 1))
	record(t, db, dialOne(t, db).ID, created("U3"))

	for id, want := range map[int64]app.LiveCalls{
		c.ID:     {UUIDs: []string{"U1"}, Unclear: 2},
		other.ID: {UUIDs: []string{"U3"}},
		-1:       {UUIDs: []string{}},
	} {
		got, err := db.LiveCalls(t.Context(), id)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("campaign %d: %v (-want +got):\n%s", id, err, diff)
		}
	}
}

func TestStopEndsWaitingContacts(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "c", settings(), rows(0, 1203)) // more than two batches
	ids := claim(t, db, 3)
	dialed := pass(t, db, ids[0])
	busy := pass(t, db, ids[1])
	record(t, db, busy.ID, created("U1"))
	receive(t, db, event(busy, "U1", "busy"))
	receive(t, db, event(busy, "U1", "completed"))
	check(t, db.Stop(t.Context(), c.ID))
	type row struct {
		Reason string
		N      int
	}
	got := testkit.Rows[row](t, db, `SELECT coalesce(reason, state), count(*) FROM contacts GROUP BY 1 ORDER BY 1`)
	if diff := cmp.Diff([]row{{"active", 1}, {"stopped", 1202}}, got); diff != "" {
		t.Errorf("contacts (-want +got):\n%s", diff)
	}
	if got := testkit.Value[string](t, db, `SELECT state || ' ' || note FROM attempts WHERE id = $1`, ids[2]); got != "void stopped" {
		t.Errorf("the attempt in the queue is %s", got)
	}
	record(t, db, dialed.ID, refused(campaign.RefusedRate))
	if contact(t, db, dialed.ID) != "done stopped" {
		t.Errorf("the contact whose call was refused after the stop is %s", contact(t, db, dialed.ID))
	}
	for verb, err := range map[string]error{
		"resume": db.Resume(t.Context(), c.ID), "pause": db.Pause(t.Context(), c.ID, "x"),
	} {
		if err == nil || !strings.Contains(err.Error(), "it is stopped") {
			t.Errorf("%s a stopped campaign: %v", verb, err)
		}
	}
	if err := db.Stop(t.Context(), 999); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("stop no campaign: %v", err)
	}
	sound(t, db)
}

func TestSweepCompletesInterruptedStop(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 5))
	db.Exec(t, `UPDATE campaigns SET status = 'stopped'`)
	finish(t, db)
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM contacts WHERE reason = 'stopped'`); n != 5 {
		t.Errorf("%d contacts ended as stopped, want 5", n)
	}
}
