package storage_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/uuid"
)

// A person's own call gives its result to the contact, but is no attempt: it opens
// nothing, counts in no figure, raises no alarm and hides no call.
func TestInboundCallsAreNoAttempts(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	s := settings()
	s.Message.RingBack, s.Message.Keys = true, map[string]campaign.Key{"1": {Result: "confirmed"}, "9": {OptOut: true}}
	s.Retry.Until = campaign.UntilResult
	running(t, db, "clinic", s, rows(0, 1))
	other := settings()
	other.Message.Say = "Another message"
	running(t, db, "no ringing back", other, rows(1, 1))
	for i, id := range claim(t, db, 2) {
		a := pass(t, db, id)
		callUUID := []string{"U0", "U1"}[i]
		receive(t, db, event(a, callUUID, "busy"))
		receive(t, db, event(a, callUUID, "completed"))
	}
	ring := func(from, callUUID string) (campaign.Placement, error) {
		id, err := uuid.NewV7()
		require.NoError(t, err)
		return db.RingBack(t.Context(), campaign.InboundCall{ID: id, CallUUID: callUUID, ConversationUUID: "CON-" + callUUID, From: from, To: ours})
	}
	p, err := ring(number(0), "B1")
	require.NoError(t, err)
	if again, err := ring(number(0), "B1"); err != nil || again.Inbound != p.Inbound || p.Inbound == uuid.Nil {
		t.Errorf("asked twice for one call: %v and %v, %v", p.Inbound, again.Inbound, err)
	}
	for _, stranger := range []string{number(1), number(2)} {
		if _, err := ring(stranger, "B2"); !errors.Is(err, campaign.ErrNotFound) {
			t.Errorf("a person without a message to hear again: %v", err)
		}
	}
	said := func(callUUID string, what campaign.Said) campaign.Received {
		return campaign.Received{
			InboundID: p.Inbound, Kind: "input", Body: []byte(`{}`), Said: what,
			Evidence: campaign.Evidence{Source: campaign.FromEvent, CallUUID: callUUID, At: time.Now(), ObservedAt: time.Now()},
		}
	}
	status := func(word string) campaign.Received {
		r := said("B1", campaign.Said{})
		r.InboundID, r.Kind, r.Evidence.Status, r.Evidence.Direction = uuid.Nil, word, word, "inbound"
		r.Evidence.To, r.Evidence.From = ours, number(0)
		return r
	}
	receive(t, db, status("started"))
	receive(t, db, status("answered"))
	receive(t, db, said("another", campaign.Said{Turn: 1, Pressed: "9"}))
	receive(t, db, said("B1", campaign.Said{Heard: true}))
	receive(t, db, said("B1", campaign.Said{Turn: 1, Pressed: "1"}))
	receive(t, db, status("completed"))
	want := "done busy confirmed 1 1"
	got := testkit.Value[string](t, db, `
		SELECT concat_ws(' ', r.state, r.reason, r.result, r.attempts, c.heard) FROM reporting.contacts r JOIN reporting.campaigns c USING (campaign_id)
		WHERE r.to_number = $1`, number(0))
	if got != want {
		t.Errorf("the person is %q, want %q", got, want)
	}
	if got := testkit.Value[string](t, db, `SELECT concat_ws(' ', key, array_to_string(keys, ','), result, heard_at IS NOT NULL) FROM reporting.inbound_calls`); got != number(0)+" 1 confirmed t" {
		t.Errorf("the call is %q", got)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM attempts`); n != 2 || len(alarms(t, db)) > 0 {
		t.Errorf("%d attempts, alarms %v", n, alarms(t, db))
	}
	if h, err := db.NumberHistory(t.Context(), number(0)); err != nil || len(h.Contacts[0].Inbound) != 1 || h.Contacts[0].Because != "the person rang back" {
		t.Errorf("why: %+v, %v", h, err)
	}
	sound(t, db)

	optOut := said("B1", campaign.Said{Turn: 2, Pressed: "9", OptOut: campaign.OptOutAll})
	receive(t, db, optOut)
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM suppressions WHERE number = $1 AND ended_at IS NULL`, number(0)); n != 1 {
		t.Errorf("%d suppressions after opting out", n)
	}
}

// A person who rang back may be connected. Until they hang up they take one of the
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

// Two campaigns whose keys connect to one number share its telephones, also with people
// who rang back after a call of either campaign.
func TestConnectedOfOneDesk(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	desk := func(number string, connected, atOnce int) campaign.Settings {
		s := settings()
		s.Message.RingBack, s.Message.Keys = true, map[string]campaign.Key{"1": {Connect: number}}
		s.Limits.Connected, s.Limits.AtOnce = connected, atOnce
		return s
	}
	running(t, db, "a", desk("442079460900", 3, 0), rows(0, 5))
	first := claim(t, db, 10)
	if len(first) != 3 {
		t.Fatalf("%d were claimed, want 3", len(first))
	}
	running(t, db, "b", desk("442079460900", 4, 9), rows(10, 6))
	running(t, db, "other", desk("442079460901", 3, 0), rows(20, 5))
	ids := append(claim(t, db, 20), first...) // while none of them is up: 4 and 3 more
	passed := map[string]int{}
	for _, result := range db.GateBatch(tokenLife, ids...) {
		if err := <-result; err != nil && !errors.Is(err, campaign.ErrNoRoom) {
			t.Error(err)
		}
	}
	for range 3 { // attempts that came together were checked one by one
		for _, q := range mustQueue(t, db) {
			if _, err := db.Gate(t.Context(), q.AttemptID, tokenLife); err != nil && !errors.Is(err, campaign.ErrNoRoom) && !errors.Is(err, campaign.ErrStale) {
				t.Error(err)
			}
		}
	}
	for _, name := range testkit.Rows[string](t, db, `SELECT campaign FROM reporting.attempts WHERE state = 'dialing'`) {
		passed[name]++
	}
	if one := passed["a"] + passed["b"]; one < 3 || one > 4 || passed["a"] > 3 || passed["other"] != 3 {
		t.Errorf("%v are up; the desk of a and b has at most 4 telephones, the other one 3", passed)
	}
	sound(t, db)
}

// If there are two limits on the calls that are up, the one that was reached is named.
func TestConnectedIsNamed(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	s := settings()
	s.Message.Keys = map[string]campaign.Key{"1": {Connect: "442079460900"}}
	s.Limits.Connected = 3
	running(t, db, "a", s, rows(0, 3))
	for _, id := range claim(t, db, 10) {
		pass(t, db, id)
	}
	s.Limits.AtOnce = 2
	b := running(t, db, "b", s, rows(10, 3))
	got := testkit.Rows[string](t, db, `SELECT o.reason FROM contacts k, limit_obstacles(k.campaign_id, k.id, now()) AS o WHERE k.campaign_id = $1 GROUP BY 1`, b.ID)
	if !slices.Equal(got, []string{"connected"}) {
		t.Errorf("why: %q, want connected", got)
	}
}
