package storage_test

import (
	"errors"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

// A contact without a row in the file is cancelled: a waiting one at once, and one in a
// call after the call. An ended contact does not change.
func TestRemoveMissing(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "c", settings(), rows(0, 6))
	open := claim(t, db, 3)
	end(t, db, pass(t, db, open[0]), "human")
	busy := pass(t, db, open[1])
	kept := campaign.RowError{Line: 3, Key: number(5), Reason: "its zone is wrong now"}
	im, err := db.BeginImport(t.Context(), campaign.Import{CampaignID: c.ID, Source: "shorter", RemoveMissing: true})
	require.NoError(t, err)
	_, err = db.AddContacts(t.Context(), c.ID, "shorter", campaign.RowBatch{Rows: rows(4, 1), Rejected: []campaign.RowError{kept}, Import: im})
	require.NoError(t, err)
	removed, _, err := db.EndImport(t.Context(), im)
	require.NoError(t, err)
	want := []string{
		number(0) + " done human", number(1) + " active", number(2) + " done cancelled_by_request",
		number(3) + " done cancelled_by_request", number(4) + " pending", number(5) + " pending",
	}
	if diff := cmp.Diff(want, becameOf(t, db)); removed != 3 || diff != "" {
		t.Errorf("removed %d (-want +got):\n%s", removed, diff)
	}
	end(t, db, busy, "busy")
	if got := becameOf(t, db)[1]; got != number(1)+" done cancelled_by_request" {
		t.Errorf("after its busy call: %s", got)
	}
	if got := testkit.Value[int](t, db, `SELECT done_cancelled_by_request FROM reporting.campaigns`); got != 3 {
		t.Errorf("reporting.campaigns counts %d, want 3", got)
	}
	sound(t, db)
}

// A campaign's name is taken only once the campaign has a contact.
func TestNameOfAnEmptyCampaignIsFree(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	open := func(attempts int) (campaign.Campaign, error) {
		s := settings()
		s.Retry.Attempts = attempts
		return db.OpenCampaign(t.Context(), "c", s)
	}
	c, err := open(1)
	require.NoError(t, err)
	im, err := db.BeginImport(t.Context(), campaign.Import{CampaignID: c.ID, Source: "file"})
	require.NoError(t, err)
	add(t, db, c.ID, "file", campaign.RowBatch{Rejected: []campaign.RowError{{Line: 2, Reason: "bad"}}, Import: im})
	if _, err := open(2); !errors.Is(err, campaign.ErrOtherSettings) {
		t.Errorf("while an import goes on: %v, want ErrOtherSettings", err)
	}
	db.Exec(t, `UPDATE imports SET started_at = now() - interval '2 minutes'`) // it was killed
	if c, err = open(2); err != nil || c.Settings.Retry.Attempts != 2 {
		t.Errorf("after one that broke off: %+v, %v", c.Settings.Retry, err)
	}
	im, err = db.BeginImport(t.Context(), campaign.Import{CampaignID: c.ID, Source: "file"})
	require.NoError(t, err)
	if _, kept, err := db.EndImport(t.Context(), im); kept || err != nil {
		t.Errorf("kept %t, %v; want the campaign dropped", kept, err)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM reporting.campaigns`); n != 0 {
		t.Errorf("%d campaigns are left", n)
	}
	sound(t, db)
}
