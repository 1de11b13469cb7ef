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

// reimport is another reading of the campaign's file.
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

// end reports how the call of an attempt ended.
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

// becameOf lists each contact's state and reason.
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

// The same file again: changed rows are reported with their columns, and change
// contacts only with Update.
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

// If an appointment moves while its call is in the queue, the person is called at the
// new time or not at all. A contact in a call is not changed.
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

// A change and the gate race: a call that passes the gate uses the values at that time,
// and no call uses old values after the change.
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

// Nobody is called after the time in their row, and the contact ends then.
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
