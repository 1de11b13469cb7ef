package provider

import (
	"encoding/json"
	"testing"

	"dialer/campaign"
	"dialer/voice"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

const publicURL = "https://dialer.test/"

// placement is an attempt whose campaign says the message.
func placement(m campaign.Message) campaign.Placement {
	return campaign.Placement{
		Attempt:  campaign.Attempt{ID: uuid.MustParse(attempt), To: "447700900001", From: "442079460000"},
		Settings: campaign.Settings{Message: m},
		Vars:     map[string]string{"name": "Ada"},
	}
}

// asJSON is what v marshals to.
func asJSON(t *testing.T, v any) (members any) {
	t.Helper()
	raw, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(raw, &members)
	}
	if err != nil {
		t.Fatal(err)
	}
	return members
}

// heardNotice is the action after the last word.
var heardNotice = map[string]any{
	"action": "notify", "payload": map[string]any{"dialer": "heard"},
	"eventUrl": []any{"https://dialer.test/webhooks/event?attempt=" + attempt}, "eventMethod": "POST",
}

func TestCallRequestSettings(t *testing.T) {
	t.Parallel()
	p := placement(campaign.Message{Say: "Hello {{name}}"})
	p.Settings.Machine, p.Settings.RingingTimer, p.Settings.LengthTimer = "hangup", 45, 120
	r, err := CallRequest(publicURL, p)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"to":        []any{map[string]any{"type": "phone", "number": "447700900001"}},
		"from":      map[string]any{"type": "phone", "number": "442079460000"},
		"event_url": []any{"https://dialer.test/webhooks/event?attempt=" + attempt}, "event_method": "POST",
		"ncco":              []any{map[string]any{"action": "talk", "text": "Hello Ada"}, heardNotice},
		"machine_detection": "hangup", "ringing_timer": 45.0, "length_timer": 120.0,
	}
	if diff := cmp.Diff(want, asJSON(t, r)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

func TestCallRequestAnswerURL(t *testing.T) {
	t.Parallel()
	p := placement(campaign.Message{AnswerURL: "https://example.test/answer?x=1", AnswerMethod: "POST", DTMFAnswer: "p{{extension|12}}#"})
	p.Settings.Machine, p.Settings.MachineMode, p.Settings.BeepTimeout = "hangup", "detect_beep", 60
	r, err := CallRequest(publicURL, p)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"to":        []any{map[string]any{"type": "phone", "number": "447700900001", "dtmfAnswer": "p12#"}},
		"from":      map[string]any{"type": "phone", "number": "442079460000"},
		"event_url": []any{"https://dialer.test/webhooks/event?attempt=" + attempt}, "event_method": "POST",
		"answer_url": []any{"https://example.test/answer?attempt=" + attempt + "&x=1"}, "answer_method": "POST",
		"machine_detection":          "hangup",
		"advanced_machine_detection": map[string]any{"behavior": "hangup", "mode": "detect_beep", "beep_timeout": 60.0},
	}
	if diff := cmp.Diff(want, asJSON(t, r)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if actions, err := NCCO(publicURL, p); err == nil {
		t.Errorf("the campaign has an answer URL of its own: got the NCCO %v, want an error", actions)
	}
}

// The worker sends, and the answer webhook serves, the same NCCO.
func TestNCCO(t *testing.T) {
	t.Parallel()
	p := placement(campaign.Message{NCCO: json.RawMessage(`[
		{"action":"talk","text":"Press 1, {{name}}"},
		{"action":"input","type":["dtmf"],"dtmf":{"maxDigits":1}},
		{"action":"input","type":["dtmf"],"eventUrl":["https://example.test/keys"]},
		{"action":"connect","endpoint":[{"type":"phone","number":"442079460001"}]},
		{"action":"connect","endpoint":[{"type":"phone","number":"442079460001"}],"eventUrl":["https://example.test/legs"]},
		{"action":"connect","endpoint":[{"type":"phone","number":"442079460001"}],"eventType":"synchronous"},
		{"action":"record"}]`)})
	desk := []any{map[string]any{"type": "phone", "number": "442079460001"}}
	want := []any{
		map[string]any{"action": "talk", "text": "Press 1, Ada"},
		map[string]any{
			"action": "input", "type": []any{"dtmf"}, "dtmf": map[string]any{"maxDigits": 1.0},
			"eventUrl": []any{"https://dialer.test/webhooks/input?attempt=" + attempt},
		},
		map[string]any{"action": "input", "type": []any{"dtmf"}, "eventUrl": []any{"https://example.test/keys"}},
		map[string]any{"action": "connect", "endpoint": desk, "eventUrl": []any{"https://dialer.test/webhooks/event?attempt=" + attempt + "&leg=1"}, "eventMethod": "POST"},
		map[string]any{"action": "connect", "endpoint": desk, "eventUrl": []any{"https://example.test/legs"}},
		map[string]any{"action": "connect", "endpoint": desk, "eventType": "synchronous"},
		map[string]any{"action": "record"},
	}
	sent, err := CallRequest(publicURL, p)
	if err != nil {
		t.Fatal(err)
	}
	served, err := NCCO(publicURL, p)
	if err != nil {
		t.Fatal(err)
	}
	for name, actions := range map[string]voice.NCCO{"sent": sent.NCCO, "served": served} {
		if diff := cmp.Diff(want, asJSON(t, actions)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestMessageThatCannotBeSent(t *testing.T) {
	t.Parallel()
	for name, message := range map[string]campaign.Message{
		"missing value": {Say: "Hello {{town}}"},
		"invalid NCCO":  {NCCO: json.RawMessage(`[{"action":"input"}]`)},
	} {
		if r, err := CallRequest(publicURL, placement(message)); err == nil {
			t.Errorf("%s: got the request %+v, want an error", name, r)
		}
		if actions, err := NCCO(publicURL, placement(message)); err == nil {
			t.Errorf("%s: got the NCCO %v, want an error", name, actions)
		}
	}
}
