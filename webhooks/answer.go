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

// apology is the NCCO of a call that nothing is known of here: whoever answered
// should not hear silence.
func apology() voice.NCCO {
	return voice.NCCO{voice.Talk{Text: "We are sorry, this call cannot be completed. Goodbye."}}
}

// answer serves the NCCO of the attempt's call, the same that it was placed
// with. While the database is away it answers 503, after which Vonage
// tries once more and then asks the application's fallback.
func (h *handler) answer(w http.ResponseWriter, r *http.Request) {
	actions, code := h.flow(w, r)
	if code != http.StatusOK {
		conclude(w, code)
		return
	}
	body, err := json.Marshal(actions)
	if err != nil {
		h.log.LogAttrs(r.Context(), slog.LevelError, "NCCO cannot be written", slog.Any("error", err))
		conclude(w, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // a provider that has left asks again
}

func (h *handler) flow(w http.ResponseWriter, r *http.Request) (voice.NCCO, int) {
	now := h.now()
	if _, code := h.admit(w, r, now); code != http.StatusOK {
		return nil, code
	}
	if !h.enter(r.Context(), now) {
		return nil, http.StatusServiceUnavailable
	}
	defer h.leave()
	// Vonage waits half as long for an NCCO as it does for an event.
	ctx, cancel := context.WithTimeout(r.Context(), h.deadline/2)
	defer cancel()
	id := attemptID(r)
	p, err := h.store.Placement(ctx, id)
	switch {
	case errors.Is(err, campaign.ErrNotFound):
		h.say(ctx, &h.strangers, now, strangers, fmt.Errorf("attempt %s", id))
		return apology(), http.StatusOK
	case err != nil:
		h.log.LogAttrs(ctx, slog.LevelError, "NCCO not read", slog.String("attempt_id", id.String()), slog.Any("error", err))
		return nil, http.StatusServiceUnavailable
	}
	return h.script(ctx, now, id, p), http.StatusOK
}

// script is the NCCO that the worker sends with the same attempt's POST.
func (h *handler) script(ctx context.Context, now time.Time, id uuid.UUID, p campaign.Placement) voice.NCCO {
	actions, err := provider.NCCO(h.publicURL, p)
	if err != nil {
		h.say(ctx, &h.noScript, now, noScript, fmt.Errorf("attempt %s: %w", id, err))
		return apology()
	}
	return actions
}
