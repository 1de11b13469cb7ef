package provider

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/voice"
)

// ParseEvent reads a webhook whose signature was verified. A body that is not
// JSON is an error. JSON that is not an event is kept as kind unknown, because Vonage did
// send it.
func ParseEvent(method string, query url.Values, body []byte, now time.Time) (campaign.Received, error) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\uFEFF")))
	e, err := voice.ParseEvent(method, query, body)
	switch {
	case err == nil:
		r := campaign.Received{Body: e.Body, Kind: e.Kind, Evidence: FromEvent(e, now), Said: notified(e), Unanswered: payloadOf(e) == "sorry", Beeped: strings.HasPrefix(e.SubState, "beep_")}
		r.Invalid = invalidNumber(e)
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

// invalidNumber is Vonage's word for a number that does not exist, or "". A route that
// cannot be found also comes with the code 404, but says nothing about the number.
func invalidNumber(e voice.Event) string {
	if e.Status != "failed" && e.Status != "rejected" {
		return ""
	}
	switch {
	case e.Detail == "invalid_number" || e.Detail == "number_out_of_service":
		return e.Detail
	case e.Detail == "" && e.SIPCode != nil && slices.Contains([]int{404, 410, 484, 604}, *e.SIPCode): // not found, gone, incomplete, nowhere
		return fmt.Sprintf("sip_code %d", *e.SIPCode)
	}
	return ""
}

// notified is the report of one of our own notify actions.
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
