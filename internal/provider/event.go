package provider

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/voice"
)

// ParseEvent reads a webhook whose signature was verified. A body that is not
// JSON is an error. JSON that is no event is kept as kind unknown, because
// Vonage did send it.
func ParseEvent(method string, query url.Values, body []byte, now time.Time) (campaign.Received, error) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\uFEFF")))
	e, err := voice.ParseEvent(method, query, body)
	switch {
	case err == nil:
		r := campaign.Received{Body: e.Body, Kind: e.Kind, Evidence: FromEvent(e, now), Said: notified(e), Unanswered: payloadOf(e) == "sorry", Beeped: strings.HasPrefix(e.SubState, "beep_")}
		if e.DTMF != nil {
			r.Pressed = e.DTMF.Digits
		}
		if e.Speech != nil {
			for _, reading := range e.Speech.Results {
				r.Uttered = append(r.Uttered, campaign.Utterance{Text: reading.Text, Confidence: reading.Confidence})
			}
		}
		if e.Kind == "record" && e.Recording != nil {
			r.Recording = &campaign.Recording{
				URL: e.Recording.URL, ID: e.Recording.UUID, Bytes: e.Recording.Size, StartedAt: e.StartTime, EndedAt: e.EndTime,
			}
		}
		return r, nil
	case json.Valid(body):
		return campaign.Received{Body: body, Kind: "unknown"}, nil
	}
	return campaign.Received{}, fmt.Errorf("parse event: %w", err)
}

// notified is what one of our own notify actions tells.
func notified(e voice.Event) campaign.Said {
	payload := payloadOf(e)
	return campaign.Said{Heard: payload == "heard", Left: payload == "voicemail"}
}

// payloadOf is the word in one of our own notify actions; "" in another event.
func payloadOf(e voice.Event) string {
	var payload struct{ Dialer string }
	if e.Kind != "notify" || json.Unmarshal(e.Payload, &payload) != nil {
		return ""
	}
	return payload.Dialer
}
