package storage_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// reimport is one further reading of the campaign's file.
func reimport(t *testing.T, db *testkit.DB, im campaign.Import, rows []campaign.Row) (campaign.BatchResult, int) {
	t.Helper()
	im, err := db.BeginImport(t.Context(), im)
	require.NoError(t, err)
	got, err := db.AddContacts(t.Context(), im.CampaignID, im.Source, campaign.RowBatch{Rows: rows, Import: im})
	require.NoError(t, err)
	removed, _, err := db.EndImport(t.Context(), im)
	require.NoError(t, err)
	return got, removed
}

// end tells how the call of an attempt ended.
func end(t *testing.T, db *testkit.DB, a campaign.Attempt, status string) {
	t.Helper()
	uuid := "U-" + a.ID.String()
	record(t, db, a.ID, created(uuid))
	if status == "human" {
		receive(t, db, event(a, uuid, "answered"))
	}
	receive(t, db, event(a, uuid, status))
	receive(t, db, event(a, uuid, "completed"))
}

func contactOf(t *testing.T, db *testkit.DB, id uuid.UUID) int64 {
	t.Helper()
	return testkit.Value[int64](t, db, `SELECT contact_id FROM attempts WHERE id = $1`, id)
}

// becameOf is each contact's state and reason.
func becameOf(t *testing.T, db *testkit.DB) []string {
	t.Helper()
	return testkit.Rows[string](t, db, `SELECT concat_ws(' ', key, state, reason) FROM contacts ORDER BY key`)
}

// Two people share a telephone: they are called one after the other.
func TestTwoKeysOfOneNumber(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	list := rows(0, 2)
	list[0].Key, list[1].Key, list[1].To = "ann", "bob", list[0].To
	running(t, db, "c", settings(), list)
	first := claim(t, db, 10)
	if len(first) != 1 {
		t.Fatalf("%d claimed, want one of the two", len(first))
	}
	if again := claim(t, db, 10); len(again) != 0 {
		t.Errorf("%d claimed while the telephone is busy", len(again))
	}
	end(t, db, pass(t, db, first[0]), "human")
	second := claim(t, db, 10)
	if len(second) != 1 || contactOf(t, db, second[0]) == contactOf(t, db, first[0]) {
		t.Errorf("claimed %v, want the other person", second)
	}
	sound(t, db)
}

// The file again: rows that changed are named with their columns, and change
// contacts only if they are to.
func TestChangedRows(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	list := rows(0, 3)
	c := running(t, db, "c", settings(), list)
	again := rows(0, 4)
	again[0].Vars = map[string]string{"name": "Person 0", "town": "Leeds"}
	again[1].Vars, again[1].CallAt = map[string]string{"name": "Bob"}, time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	changed := []campaign.ChangedRow{{Line: 2, Columns: []string{"town"}}, {Line: 3, Columns: []string{"name"}}}
	im := campaign.Import{CampaignID: c.ID, Source: "edited"}
	got, _ := reimport(t, db, im, again)
	if diff := cmp.Diff(campaign.BatchResult{Added: 1, Already: 1, Changed: changed}, got); diff != "" {
		t.Errorf("without update (-want +got):\n%s", diff)
	}
	names := `SELECT concat_ws(' ', vars->>'name', vars->>'town') FROM contacts ORDER BY key`
	if got := testkit.Rows[string](t, db, names); !slices.Equal(got, []string{"Person 0", "Person 1", "Person 2", "Person 3"}) {
		t.Errorf("changed without update: %v", got)
	}
	im.Update = true
	changed[0].Updated, changed[1].Updated = true, true
	got, _ = reimport(t, db, im, again)
	if diff := cmp.Diff(campaign.BatchResult{Already: 2, Changed: changed}, got); diff != "" {
		t.Errorf("with update (-want +got):\n%s", diff)
	}
	if got := testkit.Rows[string](t, db, names); !slices.Equal(got, []string{"Person 0 Leeds", "Bob", "Person 2", "Person 3"}) {
		t.Errorf("not changed: %v", got)
	}
	if due := testkit.Value[time.Time](t, db, `SELECT due_at FROM contacts WHERE line_no = 3`); !due.Equal(again[1].CallAt) {
		t.Errorf("due at %v, want the new time %v", due, again[1].CallAt)
	}
	got, _ = reimport(t, db, im, again)
	if diff := cmp.Diff(campaign.BatchResult{Already: 4}, got); diff != "" {
		t.Errorf("a third time (-want +got):\n%s", diff)
	}
	sound(t, db)
}

// An appointment that is moved while its call waits in the queue is called at the
// new time or not at all; one that is being called is not changed.
func TestChangedWhileQueued(t *testing.T) {
	t.Parallel()
	later := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	for _, test := range []struct {
		name    string
		before  func(*testing.T, *testkit.DB, uuid.UUID)
		updated bool
	}{
		{"it waits in the queue", func(*testing.T, *testkit.DB, uuid.UUID) {}, true},
		{"it has passed the gate", func(t *testing.T, db *testkit.DB, id uuid.UUID) { pass(t, db, id) }, false},
		{"it was busy, and is queued again", func(t *testing.T, db *testkit.DB, id uuid.UUID) {
			end(t, db, pass(t, db, id), "busy")
			db.Exec(t, `UPDATE contacts SET due_at = now() - interval '1 minute'`)
			if again := claim(t, db, 1); len(again) != 1 {
				t.Fatal("not claimed again")
			}
		}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			c := running(t, db, "c", settings(), rows(0, 1))
			queued := claim(t, db, 1)[0]
			test.before(t, db, queued)
			moved := rows(0, 1)
			moved[0].CallAt, moved[0].Vars = later, map[string]string{"name": "at three"}
			got, _ := reimport(t, db, campaign.Import{CampaignID: c.ID, Source: "edited", Update: true}, moved)
			if len(got.Changed) != 1 || got.Changed[0].Updated != test.updated || (got.Changed[0].Why == "") != test.updated {
				t.Errorf("got %+v, want updated %t", got.Changed, test.updated)
			}
			_, err := db.Gate(t.Context(), queued, tokenLife)
			if test.updated && err == nil {
				t.Error("the old call passed the gate after the change")
			}
			if due := testkit.Value[time.Time](t, db, `SELECT due_at FROM contacts`); test.updated && !due.Equal(later) {
				t.Errorf("due at %v, want %v", due, later)
			}
			if again := claim(t, db, 1); len(again) != 0 {
				t.Error("claimed before the new time")
			}
			sound(t, db)
		})
	}
}

// A change and the gate race: whoever passes the gate was called with what stood
// then, and nobody is called with old values after the change.
func TestChangeRacesTheGate(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	const n = 40
	c := running(t, db, "c", settings(), rows(0, n))
	queued := claim(t, db, n)
	moved := rows(0, n)
	for i := range moved {
		moved[i].Vars = map[string]string{"name": "new"}
		moved[i].CallAt = time.Now().Add(time.Hour)
	}
	passed := make(chan int64, n)
	of := map[uuid.UUID]int64{}
	for _, id := range queued {
		of[id] = contactOf(t, db, id)
	}
	for _, id := range queued {
		go func() {
			if _, err := db.Gate(t.Context(), id, tokenLife); err != nil {
				if !errors.Is(err, campaign.ErrStale) && !errors.Is(err, campaign.ErrWithdrawn) {
					t.Error(err)
				}
				passed <- 0
				return
			}
			passed <- of[id]
		}()
	}
	got, _ := reimport(t, db, campaign.Import{CampaignID: c.ID, Source: "edited", Update: true}, moved)
	called := map[int64]bool{}
	for range queued {
		called[<-passed] = true
	}
	for _, id := range testkit.Rows[int64](t, db, `SELECT id FROM contacts WHERE vars->>'name' = 'new'`) {
		if called[id] {
			t.Errorf("contact %d was changed and called with the old values", id)
		}
	}
	if len(got.Changed) != n {
		t.Errorf("%d rows changed, want %d", len(got.Changed), n)
	}
	sound(t, db)
}

// Who has no row in the file any more is cancelled: those that wait at once, and
// one that is being called after its call. Who has ended stays as they are.
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

// Nobody is called after the time that their row gives, and they end then.
func TestNotLaterThan(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	list := rows(0, 3)
	for i := range list {
		list[i].NotLaterThan = time.Now().Add(time.Hour)
	}
	running(t, db, "c", settings(), list)
	queued := claim(t, db, 2)
	db.Exec(t, `UPDATE contacts SET not_later_than = now() - interval '1 second' WHERE id <> $1`, contactOf(t, db, queued[1]))
	db.Exec(t, `UPDATE contacts SET not_later_than = now() + interval '20 seconds' WHERE id = $1`, contactOf(t, db, queued[1]))
	for _, id := range queued {
		if _, err := db.Gate(t.Context(), id, tokenLife); !errors.Is(err, campaign.ErrWithdrawn) {
			t.Errorf("the gate: %v, want ErrWithdrawn", err)
		}
	}
	if n, err := db.ExpireContacts(t.Context()); n != 1 || err != nil {
		t.Errorf("%d expired, %v; want the one that waited", n, err)
	}
	for i, got := range becameOf(t, db) {
		if want := fmt.Sprint(number(i), " done expired"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	sound(t, db)
}

// A campaign's name is taken only once somebody is in it.
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

// next_attempt_at is campaign.Settings.FirstCall wherever no clock changes.
func TestNextAttemptEqualsTheDomains(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	open := func(text string, except ...string) campaign.Hours {
		h, err := campaign.ParseHours(text)
		require.NoError(t, err)
		h.Except, h.Margin = except, 2*time.Minute
		return h
	}
	weekdays, err := campaign.ParseDays("mon-fri")
	require.NoError(t, err)
	tomorrow := time.Now().Add(24 * time.Hour)
	for i, h := range []campaign.Hours{
		open("00:00-24:00"), open("09:00-20:00"), open("10:00-10:30,15:00-16:00").On(weekdays), open("09:00-20:00", tomorrow.Format("2006-01-02")),
	} {
		s := settings()
		s.Hours = h
		list := rows(100*i, 36)
		for j := range list {
			list[j].CallAt = tomorrow.Add(time.Duration(j-18) * 97 * time.Minute).UTC().Truncate(time.Second) // some are due already
			list[j].Zones = [][]string{{"Europe/London"}, {"America/New_York", "America/Los_Angeles"}, {"Asia/Kolkata", "Europe/Berlin"}, {"Pacific/Kiritimati"}}[j%4]
		}
		c := running(t, db, fmt.Sprint("c", i), s, list)
		type row struct {
			At  *time.Time
			Now time.Time
		}
		for j, got := range testkit.Rows[row](t, db, `SELECT next_attempt_at, now() FROM reporting.contacts WHERE campaign_id = $1 ORDER BY line`, c.ID) {
			want, ok := s.FirstCall(list[j].CallAt, list[j].Zones, got.Now)
			if ok != (got.At != nil) || ok && !got.At.Equal(want) {
				t.Errorf("%v in %v from %v on: Postgres says %v, the domain %v %t", h, list[j].Zones, list[j].CallAt, got.At, want, ok)
			}
		}
	}
}
