package webhooks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"dialer/campaign"
	"dialer/voice"
)

// received reads a verified event. What is no JSON at all is an error; JSON of
// another shape than an event's is kept as kind unknown, since Vonage did
// say it.
func received(method string, query url.Values, body []byte, now time.Time) (campaign.Received, error) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\uFEFF")))
	e, err := voice.ParseEvent(method, query, body)
	switch {
	case err == nil:
		return campaign.Received{Body: e.Body, Kind: e.Kind, Evidence: evidence(e, now)}, nil
	case json.Valid(body):
		return campaign.Received{Body: body, Kind: "unknown"}, nil
	}
	return campaign.Received{}, fmt.Errorf("parse event: %w", err)
}

// evidence is what an event says about a call. A party that is no number, such
// as a SIP address, stays as it was said: it must contradict any number,
// because the event is then about another leg than the one we asked for.
func evidence(e voice.Event, now time.Time) campaign.Evidence {
	return campaign.Evidence{
		Source:           campaign.FromEvent,
		CallUUID:         e.UUID,
		ConversationUUID: e.ConversationUUID,
		Status:           e.Status,
		Direction:        e.Direction,
		To:               e.To,
		From:             e.From,
		At:               e.Timestamp,
		ObservedAt:       now.UTC(),
		Bill:             bill(e, now),
	}
}

// bill is what a completed event says that the call cost. Other events have
// members of the same names that mean other things: a record event's times
// are the recording's, an answered event's rate is null.
func bill(e voice.Event, now time.Time) campaign.Bill {
	if e.Status != "completed" {
		return campaign.Bill{}
	}
	return campaign.Bill{
		Source:     campaign.FromEvent,
		ObservedAt: now.UTC(),
		Price:      e.Price,
		Rate:       e.Rate,
		Duration:   e.Duration,
		StartTime:  e.StartTime,
		EndTime:    e.EndTime,
		Network:    e.Network,
	}
}
