package webhooks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/uuid"
)

// A key is stored with its result, and answered with its text; an opt-out is a
// suppression when its answer is sent.
func TestKeysAreAnsweredAndKept(t *testing.T) {
	t.Parallel()
	for pressed, want := range map[string]struct{ says, result string }{
		"1": {"Thank you.", "confirmed"},
		"9": {"You will not be called again", "opted_out"},
		"7": {"Sorry.", ""},
	} {
		db := testkit.New(t)
		db.StartCampaign(t, "clinic", 1, func(s *campaign.Settings) {
			s.Message = campaign.Message{Say: "Hello", Keys: map[string]campaign.Key{"1": {Result: "confirmed", Say: "Thank you."}, "9": {OptOut: true}}, Wrong: "Sorry."}
		})
		claimed, err := db.Claim(t.Context(), 1)
		require.NoError(t, err)
		a, err := db.Gate(t.Context(), claimed[0].AttemptID, 30*time.Second)
		require.NoError(t, err)
		h := newHandler(db)
		body := fmt.Sprintf(`{"dtmf":{"digits":%q,"timed_out":false},"uuid":%q,"conversation_uuid":%q,"timestamp":"2026-11-20T11:59:30.000Z"}`, pressed, callUUID, conversation)
		target := "/webhooks/input?attempt=" + a.ID.String() + "&turn=1&try=1&early=1"
		for range 2 { // the second is a retry
			if got := serve(h, signed(t, http.MethodPost, target, body)); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), want.says) {
				t.Errorf("key %s: %d %s, want %q", pressed, got.Code, got.Body, want.says)
			}
		}
		got := testkit.Value[string](t, db, `SELECT concat_ws(' ', array_to_string(a.keys, ','), a.result, k.result) FROM attempts a JOIN contacts k ON k.id = a.contact_id`)
		if expected := strings.TrimSpace(strings.Join([]string{pressed, want.result, want.result}, " ")); got != expected {
			t.Errorf("key %s: stored %q, want %q", pressed, got, expected)
		}
		if n := count(t, db, "suppressions"); (n == 1) != (pressed == "9") {
			t.Errorf("key %s: %d suppressions", pressed, n)
		}
		heard := `{"payload":{"dialer":"heard"},"conversation_uuid":"` + conversation + `","timestamp":"2026-11-20T11:59:40.000Z"}`
		post(t, h, a, heard)
		if n := count(t, db, "attempts WHERE heard_at = '2026-11-20T11:59:40Z'"); n != 1 {
			t.Errorf("key %s: heard is not stored", pressed)
		}
	}
}

// An opt-out of one campaign leaves the others as they are. An opt-out of all campaigns
// ends every contact that was still to be called on that number.
func TestOptOutScope(t *testing.T) {
	t.Parallel()
	for scope, want := range map[campaign.OptOutScope]struct{ other, listed string }{
		campaign.OptOutCampaign: {"pending", "clinic"},
		campaign.OptOutAll:      {"done suppressed", ""},
	} {
		db := testkit.New(t)
		db.StartCampaign(t, "clinic", 1, func(s *campaign.Settings) {
			s.Message = campaign.Message{Say: "Hello", OptOut: scope, Keys: map[string]campaign.Key{"9": {OptOut: true}}}
		})
		claimed, err := db.Claim(t.Context(), 1)
		require.NoError(t, err)
		a, err := db.Gate(t.Context(), claimed[0].AttemptID, 30*time.Second)
		require.NoError(t, err)
		db.StartCampaign(t, "other", 1)
		body := fmt.Sprintf(`{"dtmf":{"digits":"9","timed_out":false},"uuid":%q,"conversation_uuid":%q,"timestamp":"2026-11-20T11:59:30.000Z"}`, callUUID, conversation)
		got := serve(newHandler(db), signed(t, http.MethodPost, "/webhooks/input?attempt="+a.ID.String()+"&turn=1&try=1", body))
		if got.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", scope, got.Code, got.Body)
		}
		if other := testkit.Value[string](t, db, `SELECT concat_ws(' ', k.state, k.reason) FROM contacts k JOIN campaigns c ON c.id = k.campaign_id WHERE c.name = 'other'`); other != want.other {
			t.Errorf("%s: the person in the other campaign is %s, want %s", scope, other, want.other)
		}
		obstacle := `SELECT count(*) FROM campaigns c, call_obstacles($1, c.id, NULL, now()) WHERE c.name = $2 AND reason = 'suppressed'`
		for name, stands := range map[string]bool{"clinic": true, "other": scope == campaign.OptOutAll} {
			if n := testkit.Value[int](t, db, obstacle, testkit.Number(0), name); (n == 1) != stands {
				t.Errorf("%s: %d suppressions stand in the way in %s", scope, n, name)
			}
		}
		var listed []string
		for s, err := range db.Suppressions(t.Context()) {
			require.NoError(t, err)
			listed = append(listed, s.Campaign)
		}
		if len(listed) != 1 || listed[0] != want.listed {
			t.Errorf("%s: the list shows %q, want %q", scope, listed, want.listed)
		}
	}
}

// unreadStore stores, and cannot read.
type unreadStore struct{ *memoryStore }

func (unreadStore) Placement(context.Context, uuid.UUID) (campaign.Placement, error) {
	return campaign.Placement{}, errors.New("the database is away")
}

// A machine gets its text in the reply to the event. While the campaign cannot be read,
// Vonage is asked to send the event again; nothing is stored and there is no alarm.
func TestMachineGetsItsText(t *testing.T) {
	t.Parallel()
	store := &memoryStore{placement: campaign.Placement{
		Attempt: campaign.Attempt{ID: uuid.MustParse(attempt)}, Settings: campaign.Settings{Message: campaign.Message{Say: "Hello", Voicemail: "Call back."}},
	}}
	target := "/webhooks/event?attempt=" + attempt
	body := fmt.Sprintf(`{"status":"machine","sub_state":"beep_start","uuid":%q,"conversation_uuid":%q,"timestamp":"2026-11-20T11:59:30.000Z"}`, callUUID, conversation)
	if got := serve(newHandler(unreadStore{store}), signed(t, http.MethodPost, target, body)); got.Code != http.StatusServiceUnavailable || len(store.events)+len(store.alarms) > 0 {
		t.Errorf("%d, %d events, alarms %q; want 503 and nothing", got.Code, len(store.events), store.alarms)
	}
	got := serve(newHandler(store), signed(t, http.MethodPost, target, body))
	if got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "Call back.") || strings.Contains(got.Body.String(), "wait") {
		t.Errorf("%d %s, want the text at once", got.Code, got.Body)
	}
	store.placement.Settings.Message.Voicemail = ""
	if got := serve(newHandler(store), signed(t, http.MethodPost, target+"&again=1", body)); got.Code != http.StatusOK || got.Body.Len() > 0 {
		t.Errorf("%d %q, want no text where the campaign has none", got.Code, got.Body)
	}
}

// A call that ended with our apology, because a key got no answer, is an alarm.
func TestApologyIsAnAlarm(t *testing.T) {
	t.Parallel()
	store := &memoryStore{}
	h := newHandler(store)
	body := `{"payload":{"dialer":"sorry"},"conversation_uuid":"` + conversation + `","timestamp":"2026-11-20T11:59:40.000Z"}`
	for _, target := range []string{"/webhooks/event?attempt=" + attempt, "/webhooks/event?inbound=" + attempt} {
		if got := serve(h, signed(t, http.MethodPost, target, body)); got.Code != http.StatusOK {
			t.Errorf("%s: %d", target, got.Code)
		}
	}
	if len(store.events) != 2 || len(store.alarms) != 1 || !strings.Contains(store.alarms[0], campaign.AlarmAnswer) {
		t.Errorf("%d events, alarms %q", len(store.events), store.alarms)
	}
}
