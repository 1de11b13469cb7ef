package storage_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

// endAt moves a campaign's end to a time from now, as the passing of time would.
func endAt(t testing.TB, db *testkit.DB, in time.Duration) {
	t.Helper()
	db.Exec(t, `UPDATE campaigns SET ends_at = now() + $1::interval, settings = settings || jsonb_build_object('end', now() + $1::interval)`, in)
}

// Nobody is called once the campaign's end is nearer than a token's life. At the end
// all waiting contacts have ended as expired, also while it is paused.
func TestCampaignEnd(t *testing.T) {
	t.Parallel()
	for _, paused := range []bool{false, true} {
		db := testkit.New(t)
		s := settings()
		s.End = time.Now().Add(time.Hour)
		c := running(t, db, "c", s, rows(0, 5))
		if next := testkit.Value[int](t, db, `SELECT count(next_attempt_at) FROM reporting.contacts`); next != 5 {
			t.Errorf("%d of 5 have a next call", next)
		}
		queued := claim(t, db, 3)
		dialed := pass(t, db, queued[0])
		endAt(t, db, 20*time.Second)
		if got := claim(t, db, 10); len(got) != 0 {
			t.Errorf("%d were claimed 20 s before the end", len(got))
		}
		if _, err := db.Gate(t.Context(), queued[1], tokenLife); !errors.Is(err, campaign.ErrWithdrawn) {
			t.Errorf("the gate 20 s before the end: %v, want ErrWithdrawn", err)
		}
		if paused {
			require.NoError(t, db.Pause(t.Context(), c.ID, "x"))
		}
		endAt(t, db, -time.Second)
		want := 3 // the two who were not claimed, and the one in the queue
		if n, err := db.ExpireContacts(t.Context()); n < want || err != nil {
			t.Errorf("paused %t: %d expired, %v; want %d", paused, n, err, want)
		}
		got := testkit.Rows[string](t, db, `SELECT k.state || ' ' || coalesce(k.reason, '') FROM contacts k ORDER BY k.id`)
		expired := "done expired"
		if diff := cmp.Diff([]string{"active ", expired, expired, expired, expired}, got); diff != "" {
			t.Errorf("paused %t (-want +got)\n%s", paused, diff)
		}
		if _, err := db.AddContacts(t.Context(), c.ID, "more", campaign.RowBatch{Rows: rows(10, 1)}); err == nil || !strings.Contains(err.Error(), "end has passed") {
			t.Errorf("rows after the end: %v", err)
		}
		record(t, db, dialed.ID, created("U"))
		sound(t, db)
	}
}

// A campaign that was created without contacts is not finished before it has one.
func TestEmptyCampaignWaits(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	_, err := db.CreateCampaign(t.Context(), by("ann"), "c", false, settings())
	require.NoError(t, err)
	shown := func() string {
		t.Helper()
		_, err := db.FinishCampaigns(t.Context())
		require.NoError(t, err)
		return testkit.Value[string](t, db, `SELECT status FROM reporting.campaigns`)
	}
	if got := shown(); got != "running" {
		t.Errorf("it is %s", got)
	}
	endAt(t, db, -time.Second)
	if got := shown(); got != "finished" {
		t.Errorf("after its end it is %s", got)
	}
	if _, err := db.CreateCampaign(t.Context(), by("ann"), "c", false, settings()); !errors.Is(err, campaign.ErrExists) {
		t.Errorf("the same name again: %v", err)
	}
}

// A campaign's life, as people see it.
func TestCampaignStatuses(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c, err := db.CreateCampaign(t.Context(), by("ann"), "c", true, settings())
	require.NoError(t, err)
	shows := func(want campaign.Status) {
		t.Helper()
		_, err := db.FinishCampaigns(t.Context())
		require.NoError(t, err)
		if got := testkit.Value[string](t, db, `SELECT status FROM reporting.campaigns`); got != string(want) {
			t.Errorf("it is %s, want %s", got, want)
		}
		if stored := testkit.Value[string](t, db, `SELECT status FROM campaigns`); stored != string(want.Stored()) {
			t.Errorf("%s is stored as %s, want %s", want, stored, want.Stored())
		}
	}
	add(t, db, c.ID, "file", campaign.RowBatch{Rows: rows(0, 2)})
	require.NoError(t, db.FinishImport(t.Context(), c.ID))
	shows(campaign.Draft)
	if got := claim(t, db, 10); len(got) != 0 {
		t.Errorf("%d of a draft were claimed", len(got))
	}
	if err := db.Pause(t.Context(), c.ID, "x"); err == nil {
		t.Error("a draft was paused")
	}
	require.NoError(t, db.Resume(t.Context(), c.ID))
	shows(campaign.Running)
	db.Exec(t, `UPDATE campaigns SET starts_at = now() + interval '1 hour'`)
	shows(campaign.Scheduled)
	require.NoError(t, db.Pause(t.Context(), c.ID, "x"))
	shows(campaign.Paused)
	db.Exec(t, `UPDATE campaigns SET starts_at = NULL`)
	require.NoError(t, db.Resume(t.Context(), c.ID))
	a := pass(t, db, claim(t, db, 1)[0])
	record(t, db, a.ID, created("U"))
	require.NoError(t, db.Stop(t.Context(), c.ID))
	shows(campaign.Stopping)
	receive(t, db, event(a, "U", "completed"))
	shows(campaign.Stopped)
	if err := db.Resume(t.Context(), c.ID); err == nil {
		t.Error("a stopped campaign was resumed")
	}
}

// Every status that Postgres stores or shows has its rule.
func TestStatusRules(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	var known []string
	for _, r := range campaign.StatusRules {
		if r.Shows == "" {
			known = append(known, string(r.Status))
		}
	}
	got := testkit.Rows[string](t, db, `
		SELECT s[1] FROM pg_constraint, LATERAL regexp_matches(pg_get_constraintdef(oid), '''([a-z]+)''', 'g') AS s
		WHERE conname = 'campaigns_status_known'`)
	if diff := cmp.Diff(known, got); diff != "" {
		t.Errorf("(-rules +table)\n%s", diff)
	}
}

// A person who is added to a finished campaign is called at once, not after the next
// sweep.
func TestFinishedCampaignTakesRows(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "c", settings(), rows(0, 1))
	finish := func() {
		t.Helper()
		_, err := db.FinishCampaigns(t.Context())
		require.NoError(t, err)
	}
	status := func() string { return testkit.Value[string](t, db, `SELECT status FROM campaigns`) }
	add := func(list []campaign.Row) {
		t.Helper()
		_, err := db.AddContacts(t.Context(), c.ID, "more", campaign.RowBatch{Rows: list})
		require.NoError(t, err)
	}
	db.Exec(t, `UPDATE contacts SET state = 'done', reason = 'cancelled_by_request', cancelled_at = now()`)
	if finish(); status() != "finished" {
		t.Fatalf("it is %s", status())
	}
	add(rows(0, 1)) // they are in the campaign already
	if status() != "finished" {
		t.Errorf("it is %s after rows that add nobody", status())
	}
	add(rows(1, 1))
	if status() != "running" {
		t.Errorf("it is %s after a row that adds somebody", status())
	}
	if n := len(claim(t, db, 10)); n != 1 {
		t.Errorf("%d are claimed, want 1", n)
	}
	sound(t, db)
}
