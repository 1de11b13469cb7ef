package provider

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
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
		return campaign.Received{Body: e.Body, Kind: e.Kind, Evidence: FromEvent(e, now)}, nil
	case json.Valid(body):
		return campaign.Received{Body: body, Kind: "unknown"}, nil
	}
	return campaign.Received{}, fmt.Errorf("parse event: %w", err)
}
