package storage_test

import (
	"fmt"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

// Each person counts on every step up to the highest: called, answered, heard, result.
// A result counts as heard. A message that was played to a machine does not.
func TestLadder(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	s := settings()
	s.Message.Keys = map[string]campaign.Key{"1": {Result: "confirmed"}, "9": {OptOut: true}}
	running(t, db, "clinic", s, rows(0, 7))
	lives := []struct {
		status string
		said   campaign.Said
	}{
		{"busy", campaign.Said{}},
		{"human", campaign.Said{}},
		{"machine", campaign.Said{Heard: true}},
		{"human", campaign.Said{Heard: true}},
		{"human", campaign.Said{Turn: 1, Pressed: "1"}},
		{"human", campaign.Said{Turn: 1, Pressed: "1"}},
		// the seventh person is not called
	}
	for i, id := range claim(t, db, len(lives)) {
		a, callUUID := pass(t, db, id), fmt.Sprint("U", i)
		receive(t, db, event(a, callUUID, lives[i].status))
		said := event(a, callUUID, "")
		said.Kind, said.Said = "notify", lives[i].said
		receive(t, db, said)
		receive(t, db, event(a, callUUID, "completed"))
	}
	for range 2 { // from the deltas, and from the counters
		sound(t, db)
		reports, err := db.Report(t.Context())
		require.NoError(t, err)
		want := app.Ladder{Called: 6, Answered: 5, Heard: 3, Result: 2, Results: map[string]int{"confirmed": 2}}
		if diff := cmp.Diff(want, reports[0].Ladder); diff != "" {
			t.Errorf("the ladder (-want +got):\n%s", diff)
		}
		if heard := testkit.Value[int](t, db, `SELECT heard FROM reporting.campaigns`); heard != want.Heard {
			t.Errorf("reporting.campaigns says %d heard it", heard)
		}
		fold(t, db)
	}
}

// The campaign's until decides which people were reached.
func TestExportByUntil(t *testing.T) {
	t.Parallel()
	for until, want := range map[campaign.Until]string{
		campaign.UntilAnswered: "reached 3, not 0, confirmed 1",
		campaign.UntilHeard:    "reached 2, not 1, confirmed 1",
		campaign.UntilResult:   "reached 1, not 2, confirmed 1",
	} {
		db := testkit.New(t)
		s := settings()
		s.Retry.Attempts, s.Retry.Until = 1, until
		s.Message.Keys = map[string]campaign.Key{"1": {Result: "confirmed"}}
		c := running(t, db, "clinic", s, rows(0, 3))
		for i, id := range claim(t, db, 3) {
			a, callUUID := pass(t, db, id), fmt.Sprint("U", i)
			receive(t, db, event(a, callUUID, "human"))
			said := event(a, callUUID, "")
			said.Said = []campaign.Said{{}, {Heard: true}, {Turn: 1, Pressed: "1"}}[i]
			receive(t, db, said)
			receive(t, db, event(a, callUUID, "completed"))
		}
		count := func(q app.ExportQuery) (n int) {
			check(t, db.ExportContacts(t.Context(), c.ID, q, func([]string) error { return nil }, func(app.ExportedContact) error { n++; return nil }))
			return n
		}
		got := fmt.Sprintf("reached %d, not %d, confirmed %d",
			count(app.ExportQuery{Reached: true}), count(app.ExportQuery{NotReached: true}), count(app.ExportQuery{Result: "confirmed"}))
		if got != want {
			t.Errorf("until %s: %s, want %s", until, got, want)
		}
	}
}

// A contact that got what until asks for ends with the disposition of the call that
// brought it. Without it the person is called again, and the invariants are not broken
// by that.
func TestUntilEndsWithTheLastCall(t *testing.T) {
	t.Parallel()
	for until, said := range map[campaign.Until]campaign.Said{
		campaign.UntilHeard: {Heard: true}, campaign.UntilResult: {Turn: 1, Pressed: "1"},
	} {
		db := testkit.New(t)
		s := settings()
		s.Retry.Until = until
		s.Message.Keys = map[string]campaign.Key{"1": {Result: "confirmed"}}
		running(t, db, "clinic", s, rows(0, 1))
		first := dialOne(t, db)
		receive(t, db, event(first, "U1", "human"))
		receive(t, db, event(first, "U1", "completed"))
		if got := contact(t, db, first.ID); got != "waiting" {
			t.Fatalf("until %s: after an unheard call the person is %s", until, got)
		}
		db.AgeAttempts(t, time.Hour)
		db.MakeDue(t)
		second := dialOne(t, db)
		receive(t, db, event(second, "U2", "answered"))
		heard := event(second, "U2", "")
		heard.Said = said
		receive(t, db, heard)
		receive(t, db, event(second, "U2", "completed"))
		if got := contact(t, db, first.ID); got != "done answered" {
			t.Errorf("until %s: the person is %s, want the disposition of the last call", until, got)
		}
		sound(t, db)
	}
}
