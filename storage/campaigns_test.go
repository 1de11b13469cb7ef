package storage_test

import (
	"errors"
	"strings"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

func status(t *testing.T, db *testkit.DB, id int64) string {
	t.Helper()
	return testkit.Value[string](t, db, `SELECT status FROM campaigns WHERE id = $1`, id)
}

func finish(t *testing.T, db *testkit.DB) int {
	t.Helper()
	n, err := db.FinishCampaigns(t.Context())
	require.NoError(t, err)
	return n
}

func TestCampaignByName(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	a := importing(t, db, "a", settings(), nil)
	two := importing(t, db, "1", settings(), nil) // named like the first one's id
	for name, want := range map[string]int64{"a": a.ID, "1": two.ID, "2": two.ID} {
		if got, err := db.CampaignByName(t.Context(), name); err != nil || got.ID != want {
			t.Errorf("%q: %d, %v; want %d", name, got.ID, err, want)
		}
	}
	if _, err := db.CampaignByName(t.Context(), "none"); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

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

func TestFinishCampaigns(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "c", settings(), rows(0, 1))
	importing(t, db, "still importing", settings(), nil)
	if n := finish(t, db); n != 0 {
		t.Errorf("%d campaigns changed while one waits and one imports", n)
	}
	a := dialOne(t, db)
	record(t, db, a.ID, created("U1"))
	receive(t, db, completed(a, "U1", "1"))
	if n := finish(t, db); n != 1 || status(t, db, c.ID) != "finished" {
		t.Errorf("%d campaigns changed, it is %s", n, status(t, db, c.ID))
	}
	add(t, db, c.ID, "more", campaign.RowBatch{Rows: rows(5, 1)})
	if n := finish(t, db); n != 0 || status(t, db, c.ID) != "running" {
		t.Errorf("after more rows: %d campaigns changed, it is %s", n, status(t, db, c.ID))
	}
	db.Exec(t, `UPDATE campaigns SET status = 'finished' WHERE id = $1`, c.ID) // as where late news of a call reopened somebody
	if n := finish(t, db); n != 1 || status(t, db, c.ID) != "running" {
		t.Errorf("with somebody to call: %d campaigns changed, it is %s", n, status(t, db, c.ID))
	}
}
