package storage_test

import (
	"slices"
	"testing"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/uuid"
)

// family is a campaign in which people with one number share a call.
func family(t *testing.T, db *testkit.DB, names ...string) campaign.Campaign {
	t.Helper()
	s := settings()
	s.Together, s.Key = true, "id"
	s.Message = campaign.Message{Say: "Hello {{name}}.", Keys: map[string]campaign.Key{"1": {Result: "comes"}, "9": {OptOut: true}}}
	list := rows(0, len(names)+1)
	for i, name := range names {
		list[i].To, list[i].Key, list[i].Vars = number(0), name, map[string]string{"id": name, "name": name}
	}
	list[len(names)].Key = "other"
	return running(t, db, "family", s, list)
}

// People who share a number are called once, with all their names, and the result
// belongs to all.
func TestPeopleTogether(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	family(t, db, "Ann", "Bob", "Cid")
	ids := claim(t, db, 10)
	if len(ids) != 2 {
		t.Fatalf("%d attempts for two telephones", len(ids))
	}
	p, err := db.Load(t.Context(), ids[0])
	require.NoError(t, err)
	said, err := p.Settings.Message.Render(p.Vars)
	require.NoError(t, err)
	if said.Script.Say != "Hello Ann, Bob and Cid." {
		t.Errorf("says %q", said.Script.Say)
	}
	a := pass(t, db, ids[0])
	states := func() []string {
		return testkit.Rows[string](t, db, `SELECT concat_ws(' ', key, state, reason, result, attempts) FROM reporting.contacts WHERE key <> 'other' ORDER BY key`)
	}
	if got, want := states(), []string{"Ann active 0", "Bob active 0", "Cid active 0"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	receive(t, db, event(a, "U", "human"))
	key := event(a, "U", "")
	key.Kind, key.Said = "input", campaign.Said{Turn: 1, Pressed: "1", Heard: true}
	receive(t, db, key)
	receive(t, db, event(a, "U", "completed"))
	if got, want := states(), []string{"Ann done human comes 1", "Bob done human comes 1", "Cid done human comes 1"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if n := len(claim(t, db, 10)); n != 0 {
		t.Errorf("%d more calls", n)
	}
	h, err := db.NumberHistory(t.Context(), number(0))
	require.NoError(t, err)
	if len(h.Contacts) != 3 || h.Contacts[2].CalledWith != "Ann" || len(h.Contacts[2].Attempts) != 1 || !slices.Equal(h.Contacts[0].Followers, []string{"Bob", "Cid"}) {
		t.Errorf("%+v", h.Contacts)
	}
	together(t, db)
}

// A cancelled person leaves the call. If it is the leader, the next person leads.
func TestWhoLeadsIsCancelled(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := family(t, db, "Ann", "Bob", "Cid", "Dee")
	for _, key := range []string{"Cid", "Ann"} {
		require.NoError(t, db.CancelContact(t.Context(), by("op"), c.ID, key, ""))
		together(t, db)
	}
	ids := claim(t, db, 10)
	if len(ids) != 2 {
		t.Fatalf("%d attempts for two telephones", len(ids))
	}
	// Bob has the later id, and is called with Dee: now, or while the call waits in the queue.
	at := slices.IndexFunc(ids, func(id uuid.UUID) bool {
		p, err := db.Load(t.Context(), id)
		require.NoError(t, err)
		said, err := p.Settings.Message.Render(p.Vars)
		return err == nil && said.Script.Say == "Hello Bob and Dee."
	})
	if at < 0 {
		t.Error("nobody says hello to Bob and Dee")
	}
	require.NoError(t, db.CancelContact(t.Context(), by("op"), c.ID, "Bob", ""))
	together(t, db)
	if got := testkit.Value[string](t, db, `SELECT concat_ws(' ', state, call_with IS NULL, leads) FROM contacts WHERE key = 'Dee'`); got != "pending t f" {
		t.Errorf("Dee: %s", got)
	}
}

// An opt-out applies to the telephone: everybody with this number ends.
func TestTogetherSuppressedAndStopped(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := family(t, db, "Ann", "Bob")
	_, err := db.Suppress(t.Context(), []app.Suppression{{Number: number(0), Source: "test"}})
	require.NoError(t, err)
	_ = claim(t, db, 10)
	if got := testkit.Rows[string](t, db, `SELECT reason FROM contacts WHERE to_number = '`+number(0)+`'`); !slices.Equal(got, []string{"suppressed", "suppressed"}) {
		t.Errorf("%q", got)
	}
	together(t, db)
	_ = c
}

func together(t *testing.T, db *testkit.DB) {
	t.Helper()
	broken, err := db.CheckInvariants(t.Context())
	require.NoError(t, err)
	for _, v := range broken {
		t.Errorf("%s: %s: %v", v.Invariant, v.What, v.Examples)
	}
}
