package storage_test

import (
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// A person with several numbers ends by an edit of the countries only when none of the
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

// A number that was called as often as the campaign says does not put off the other.
func TestCapOfOneOfSeveralNumbers(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	capped := settings()
	capped.Limits.PerNumber = []campaign.NumberCap{{Calls: 1, Within: 24 * time.Hour}}
	running(t, db, "before", capped, rows(1, 1))
	a := dialOne(t, db)
	receive(t, db, event(a, "U1", "busy"))
	receive(t, db, event(a, "U1", "completed"))
	db.Exec(t, `UPDATE campaigns SET status = 'paused', pause_reason = 'x'`)
	running(t, db, "c", capped, []campaign.Row{twoNumbers()})
	second := dialOne(t, db)
	if second.To != number(2) {
		t.Fatalf("called: ...%s, want the number that is free", second.To[len(second.To)-2:])
	}
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

// A person who rang back may be connected: until they hang up they take one of the
// telephones.
func TestRingBacksCountAsConnected(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	s := settings()
	s.Message.RingBack, s.Message.Keys = true, map[string]campaign.Key{"1": {Connect: "442079460900"}}
	s.Limits.Connected = 1
	running(t, db, "clinic", s, rows(0, 2))
	a := dialOne(t, db)
	receive(t, db, event(a, "U0", "busy"))
	receive(t, db, event(a, "U0", "completed"))
	id, err := uuid.NewV7()
	require.NoError(t, err)
	_, err = db.RingBack(t.Context(), campaign.InboundCall{ID: id, CallUUID: "B1", ConversationUUID: "CON-B1", From: a.To, To: ours})
	require.NoError(t, err)
	if ids := claim(t, db, 10); len(ids) != 0 {
		t.Fatalf("%d were claimed while a person is on the line who rang back", len(ids))
	}
	if got := obstacles(t, db); !strings.Contains(got, "connected") {
		t.Errorf("why: %s", got)
	}
	receive(t, db, campaign.Received{Kind: "completed", Body: []byte(`{}`), Evidence: campaign.Evidence{
		Source: campaign.FromEvent, CallUUID: "B1", Status: "completed", Direction: "inbound", To: ours, From: a.To, At: time.Now(), ObservedAt: time.Now(),
	}})
	if ids := claim(t, db, 10); len(ids) != 1 {
		t.Errorf("%d were claimed once the person had hung up, want 1", len(ids))
	}
}

// A zone that this Postgres has lost, and that nobody has marked yet, stops neither the
// view nor what is stored with a webhook out.
func TestLostZoneStopsNoViewAndNoWebhook(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	_, err := db.AddHook(t.Context(), app.Actor{Name: "test", Role: app.Admin, Through: app.ThroughCommand}, app.Hook{URL: "https://example.com/hook"}, "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0")
	require.NoError(t, err)
	running(t, db, "c", settings(), rows(0, 2))
	a := pass(t, db, claim(t, db, 1)[0])
	db.Exec(t, `UPDATE zone_groups SET zones = '{Mars/Olympus}'`)
	receive(t, db, event(a, "U1", "human"))
	receive(t, db, event(a, "U1", "completed"))
	if got := testkit.Rows[string](t, db, `SELECT concat_ws(' ', state, next_attempt_at IS NULL) FROM reporting.contacts ORDER BY contact_id`); strings.Join(got, ", ") != "done t, pending t" {
		t.Errorf("contacts %v", got)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM hook_messages`); n == 0 {
		t.Error("no webhook out waits")
	}
}

// Contacts that came before countries were kept cost at most what the dearest country of
// their campaign does.
func TestBudgetOfContactsWithoutACountry(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	setRate(t, db, decimal.NullDecimal{}, "0.25")
	s := settings()
	s.LengthTimer, s.Limits.Budget = 60, money("1.00")
	running(t, db, "c", s, rows(0, 6))
	db.Exec(t, `UPDATE contacts SET country = NULL`)
	passed := 0
	for range 3 {
		for _, id := range claim(t, db, 10) {
			if _, err := db.Gate(t.Context(), id, tokenLife); err == nil {
				passed++
			}
		}
	}
	if passed != 4 {
		t.Errorf("%d passed the gate, want 4 of 0.25 each", passed)
	}
}

// A draft calls nobody, so nobody is told when.
func TestNextAttemptOfADraft(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	next := func() bool {
		return testkit.Value[bool](t, db, `SELECT next_attempt_at IS NOT NULL FROM reporting.contacts`)
	}
	if !next() {
		t.Error("a running campaign has no next call")
	}
	db.Exec(t, `UPDATE campaigns SET status = 'draft'`)
	if next() {
		t.Error("a draft has a next call")
	}
}
