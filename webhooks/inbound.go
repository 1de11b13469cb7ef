package webhooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"dialer/campaign"
	"dialer/internal/provider"
	"dialer/voice"

	"github.com/google/uuid"
)

// inbound answers a call to one of our numbers with the caller's latest message, if
// its campaign allows ringing back, or else with the text of the settings.
//
// A GET may store nothing, so it always gets that text.
func (h *handler) inbound(ctx context.Context, r *http.Request, body []byte, now time.Time) reply {
	in, readable := inboundCall(body)
	if r.Method != http.MethodPost || !readable {
		return h.flow(ctx, h.greeting())
	}
	p, err := h.store.RingBack(ctx, in)
	switch {
	case errors.Is(err, campaign.ErrNotFound):
		return h.flow(ctx, h.greeting())
	case err != nil:
		h.log.LogAttrs(ctx, slog.LevelError, "a call that came in is not answered", slog.Any("error", err))
		return reply{status: http.StatusServiceUnavailable, result: Delayed}
	}
	actions, err := provider.InboundNCCO(h.publicURL, p)
	if err != nil {
		h.raise(ctx, &h.noNCCO, now, fmt.Errorf("attempt %s, for who rang back: %w", p.Attempt.ID, err))
		actions = apology()
	}
	return h.flow(ctx, actions)
}

// inboundCall reads the caller from the request.
func inboundCall(body []byte) (campaign.InboundCall, bool) {
	var said struct {
		From, To, UUID   string
		ConversationUUID string `json:"conversation_uuid"`
	}
	if err := json.Unmarshal(body, &said); err != nil || said.UUID == "" {
		return campaign.InboundCall{}, false
	}
	id, err := uuid.NewV7()
	in := campaign.InboundCall{
		ID: id, CallUUID: said.UUID, ConversationUUID: said.ConversationUUID,
		From: campaign.ReadNumber(said.From), To: campaign.ReadNumber(said.To),
	}
	return in, err == nil && in.From != ""
}

// greeting is what a caller without a message hears.
func (h *handler) greeting() voice.NCCO {
	return voice.NCCO{voice.Talk{Text: h.inboundText, Language: h.inboundLanguage}}
}

// inboundID is the id in the address of an incoming call; Nil if there is none.
func inboundID(r *http.Request) uuid.UUID {
	id, err := uuid.Parse(r.URL.Query().Get("inbound"))
	if err != nil {
		return uuid.Nil
	}
	return id
}
