package storage_test

import (
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// twoNumbers is a person with two numbers, each in its own zone.
func twoNumbers() campaign.Row {
	return campaign.Row{
		Line: 2, Key: "p1", To: number(1), Zones: []string{"Europe/London"},
		More: []campaign.RowNumber{{To: number(2), Zones: []string{"America/New_York"}}},
		Vars: map[string]string{"name": "Ann"},
	}
}

// turn is the current number, its zone, and what the report shows.
func turn(t *testing.T, db *testkit.DB) string {
	t.Helper()
	return testkit.Value[string](t, db, `
		SELECT concat_ws(' ', k.to_number, g.zones[1], r.to_number, k.state, k.reason)
		FROM contacts k JOIN zone_groups g ON g.id = k.zone_group_id JOIN reporting.contacts r ON r.contact_id = k.id`)
}

// A person with two numbers is called on one after the other, each in its own zone,
// never on both at once. The second is dropped once the first was answered.
func TestSeveralNumbersInTurn(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "clinic", settings(), []campaign.Row{twoNumbers()})
	expect := func(when string, words ...string) {
		t.Helper()
		if got, want := turn(t, db), strings.Join(words, " "); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
		sound(t, db)
	}
	expect("at first", number(1), "Europe/London", number(1), "pending")
	first := dialOne(t, db)
	if ids := claim(t, db, 10); len(ids) != 0 {
		t.Fatalf("%d more attempts while one is open", len(ids))
	}
	receive(t, db, event(first, "U1", "busy"))
	receive(t, db, event(first, "U1", "completed"))
	expect("after busy", number(2), "America/New_York", number(1), "waiting")
	second := dialOne(t, db)
	if second.To != number(2) {
		t.Fatalf("the second call goes to the number that ends with %s", second.To[len(second.To)-1:])
	}
	receive(t, db, event(second, "U2", "busy"))
	receive(t, db, event(second, "U2", "completed"))
	expect("after the round", number(1), "Europe/London", number(2), "waiting")
	if due := testkit.Value[time.Duration](t, db, `SELECT due_at - now() FROM contacts`); due < 9*time.Minute {
		t.Errorf("the first number is called again after %s", due)
	}
	db.AgeAttempts(t, time.Hour)
	db.MakeDue(t)
	third := dialOne(t, db)
	receive(t, db, event(third, "U3", "human"))
	receive(t, db, event(third, "U3", "completed"))
	expect("after the answer", number(1), "Europe/London", number(1), "done human")
	for _, n := range []string{number(1), number(2)} {
		h, err := db.NumberHistory(t.Context(), n)
		require.NoError(t, err)
		if len(h.Contacts) != 1 || len(h.Contacts[0].Attempts) != 3 {
			t.Errorf("the history of %s shows %d contacts", n, len(h.Contacts))
		}
	}
}

// The suppression of one number does not affect the other, whether it comes before the
// call, while it is in the queue, or ends soon.
func TestSuppressionOfOneOfSeveralNumbers(t *testing.T) {
	t.Parallel()
	for name, suppress := range map[string]func(*testkit.DB){
		"before": func(db *testkit.DB) { db.SuppressNumbers(t, number(1)) },
		"queued": func(db *testkit.DB) { claim(t, db, 10); db.SuppressNumbers(t, number(1)) },
		"for a day": func(db *testkit.DB) {
			_, err := db.Suppress(t.Context(), []app.Suppression{{Number: number(1), Source: "test", ExpiresAt: time.Now().Add(24 * time.Hour)}})
			require.NoError(t, err)
		},
	} {
		db := testkit.New(t)
		running(t, db, "clinic", settings(), []campaign.Row{twoNumbers()})
		suppress(db)
		a := dialOne(t, db)
		if a.To != number(2) {
			t.Errorf("%s: the call goes to the suppressed number", name)
		}
		receive(t, db, event(a, "U1", "human"))
		receive(t, db, event(a, "U1", "completed"))
		if got := contact(t, db, a.ID); got != "done human" {
			t.Errorf("%s: the person is %s", name, got)
		}
		sound(t, db)
	}
	db := testkit.New(t)
	running(t, db, "clinic", settings(), []campaign.Row{twoNumbers()})
	db.SuppressNumbers(t, number(2))
	db.SuppressNumbers(t, number(1))
	if got := testkit.Value[string](t, db, `SELECT concat_ws(' ', state, reason) FROM contacts`); got != "done suppressed" {
		t.Errorf("with both suppressed the person is %s", got)
	}
}

// If all numbers are suppressed until a time, the contact ends when the call is due,
// like one with one number, and does not switch from one number to the other for ever.
func TestAllOfSeveralNumbersAreSuppressedForADay(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "clinic", settings(), []campaign.Row{twoNumbers()})
	for _, n := range []string{number(1), number(2)} {
		_, err := db.Suppress(t.Context(), []app.Suppression{{Number: n, Source: "test", ExpiresAt: time.Now().Add(24 * time.Hour)}})
		require.NoError(t, err)
	}
	if ids := claim(t, db, 10); len(ids) != 0 {
		t.Fatalf("%d attempts to suppressed numbers", len(ids))
	}
	if got := testkit.Value[string](t, db, `SELECT concat_ws(' ', state, reason) FROM contacts`); got != "done suppressed" {
		t.Errorf("with both suppressed for a day the person is %s", got)
	}
	sound(t, db)
}

// A changed row keeps the current number, unless the numbers changed.
func TestSeveralNumbersAreUpdated(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "clinic", settings(), []campaign.Row{twoNumbers()})
	a := dialOne(t, db)
	receive(t, db, event(a, "U1", "busy"))
	receive(t, db, event(a, "U1", "completed"))
	update := func(edit func(*campaign.Row)) campaign.BatchResult {
		row := twoNumbers()
		row.Vars = map[string]string{"name": "Bob"}
		edit(&row)
		im, err := db.BeginImport(t.Context(), campaign.Import{CampaignID: c.ID, Source: "again", Update: true})
		require.NoError(t, err)
		result, err := db.AddContacts(t.Context(), c.ID, "again", campaign.RowBatch{Rows: []campaign.Row{row}, Import: im})
		require.NoError(t, err)
		return result
	}
	if r := update(func(*campaign.Row) {}); len(r.Changed) != 1 || !r.Changed[0].Updated {
		t.Errorf("a new name: %+v", r)
	}
	if got := turn(t, db); !strings.HasPrefix(got, number(2)+" America/New_York") {
		t.Errorf("after the update: %s", got)
	}
	if r := update(func(row *campaign.Row) { row.More[0].To = number(3) }); len(r.Changed) != 1 || r.Changed[0].Updated {
		t.Errorf("other numbers of somebody who was called: %+v", r)
	}
}

// An edit of the countries ends a person with several numbers only if none of the
// numbers is in one of them.
func TestCountryOfOneOfSeveralNumbers(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	both := twoNumbers()
	both.Country = "GB"
	both.More[0] = campaign.RowNumber{To: "33123456789", Country: "FR", Zones: []string{"Europe/Paris"}}
	c := running(t, db, "c", settings(), []campaign.Row{both})
	withdrawn := func() {
		t.Helper()
		for _, id := range claim(t, db, 1) {
			if _, err := db.Gate(t.Context(), id, tokenLife); err == nil {
				t.Error("a call passed the gate")
			}
		}
	}
	edit(t, db, c, 1, func(s *campaign.Settings) { s.Countries = campaign.Countries{"FR"} })
	withdrawn()
	if got := turn(t, db); !strings.HasPrefix(got, "33123456789 Europe/Paris") || !strings.HasSuffix(got, "pending") {
		t.Errorf("after the edit: %s, want the number in France, pending", got)
	}
	edit(t, db, c, 2, func(s *campaign.Settings) { s.Countries = campaign.Countries{"DE"} })
	withdrawn()
	if got := turn(t, db); !strings.HasSuffix(got, "done refused") {
		t.Errorf("with no number in the countries: %s, want done refused", got)
	}
	sound(t, db)
}

// A number that has reached the campaign's cap does not delay the other.
func TestCapOfOneOfSeveralNumbers(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	capped := settings()
	capped.Limits.PerNumber = []campaign.NumberCap{{Calls: 1, Within: 24 * time.Hour}}
	running(t, db, "before", capped, rows(1, 1))
	a := dialOne(t, db)
	receive(t, db, event(a, "U1", "ringing"))
	receive(t, db, event(a, "U1", "busy"))
	receive(t, db, event(a, "U1", "completed"))
	db.Exec(t, `UPDATE campaigns SET status = 'paused', pause_reason = 'x'`)
	running(t, db, "c", capped, []campaign.Row{twoNumbers()})
	second := dialOne(t, db)
	if second.To != number(2) {
		t.Fatalf("called: ...%s, want the number that is free", second.To[len(second.To)-2:])
	}
	receive(t, db, event(second, "U2", "ringing"))
	receive(t, db, event(second, "U2", "busy"))
	receive(t, db, event(second, "U2", "completed"))
	db.Exec(t, `UPDATE contacts SET due_at = now() - interval '1 second' WHERE numbers IS NOT NULL`)
	if ids := claim(t, db, 10); len(ids) != 0 {
		t.Errorf("%d were claimed with both numbers called", len(ids))
	}
	free := testkit.Value[time.Duration](t, db, `
		SELECT k.due_at - a.dialed_at FROM contacts k, attempts a WHERE k.numbers IS NOT NULL AND a.id = $1`, a.ID)
	if free != 24*time.Hour {
		t.Errorf("it is due %v after the first number's call, want 24h", free)
	}
	sound(t, db)
}
