package webhooks

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// greeting is what callers without a message hear.
var greeting = []any{map[string]any{"action": "talk", "text": DefaultInboundText}}

// inboundAddress is where the keys of an incoming call are sent.
var inboundAddress = regexp.MustCompile(`/webhooks/input\?(inbound=[0-9a-f-]+[^"]*)`)

// A person who was called and rings back hears their message, and the keys work;
// others hear the text of the settings. A GET only reads.
func TestRingingBackOverHTTP(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	db.StartCampaign(t, "clinic", 1, func(s *campaign.Settings) {
		s.Message = campaign.Message{Say: "Hello {{name}}", RingBack: true, Keys: map[string]campaign.Key{"1": {Result: "confirmed", Say: "Thank you."}, "9": {OptOut: true}}}
	})
	claimed, err := db.Claim(t.Context(), 1)
	require.NoError(t, err)
	a, err := db.Gate(t.Context(), claimed[0].AttemptID, 30*time.Second)
	require.NoError(t, err)
	h := newHandler(db)
	for _, body := range statusEvents(a, "started", "busy", "completed") {
		post(t, h, a, body)
	}
	ring := func(method, from, callUUID string) string {
		t.Helper()
		body := fmt.Sprintf(`{"from":%q,"to":%q,"uuid":%q,"conversation_uuid":"CON-in","endpoint_type":"phone"}`, from, testkit.From, callUUID)
		w := serve(h, signed(t, method, "/webhooks/answer", body))
		if w.Code != http.StatusOK {
			t.Fatalf("%s from %s: %d", method, from, w.Code)
		}
		return w.Body.String()
	}
	for name, said := range map[string]string{
		"a stranger":      ring(http.MethodPost, "447700900999", "in-2"),
		"a hidden number": ring(http.MethodPost, "unknown", "in-3"),
		"by GET":          ring(http.MethodGet, a.To, "in-4"),
	} {
		if !strings.Contains(said, DefaultInboundText) || count(t, db, "inbound_calls") != 0 {
			t.Errorf("%s hears %s", name, said)
		}
	}
	said := ring(http.MethodPost, "+"+a.To, "in-1")
	found := inboundAddress.FindStringSubmatch(said)
	if !strings.Contains(said, "Hello Person 0") || found == nil {
		t.Fatalf("who rings back hears %s", said)
	}
	address := strings.ReplaceAll(found[1], `\u0026`, "&")
	press := func(key string) string {
		t.Helper()
		body := fmt.Sprintf(`{"dtmf":{"digits":%q,"timed_out":false},"uuid":"in-1","conversation_uuid":"CON-in","timestamp":"2026-11-20T11:59:30.000Z"}`, key)
		w := serve(h, signed(t, http.MethodPost, "/webhooks/input?"+address, body))
		if w.Code != http.StatusOK {
			t.Fatalf("key %s: %d %s", key, w.Code, w.Body)
		}
		return w.Body.String()
	}
	if said := press("1"); !strings.Contains(said, "Thank you.") {
		t.Errorf("key 1: %s", said)
	}
	if got := testkit.Value[string](t, db, `SELECT concat_ws(' ', state, reason, result, attempts) FROM contacts`); got != "done answered confirmed 1" {
		t.Errorf("the person is %q", got)
	}
	if said := press("9"); !strings.Contains(said, "You will not be called again") || count(t, db, "suppressions") != 1 {
		t.Errorf("key 9: %s, %d suppressions", said, count(t, db, "suppressions"))
	}
	if n := count(t, db, "alarms"); n != 0 {
		t.Errorf("%d alarms", n)
	}
}
