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

// apology is the NCCO of a call for which we have none, so that the person does
// not hear silence.
func apology() voice.NCCO {
	return voice.NCCO{voice.Talk{Text: "We are sorry, this call cannot be completed. Goodbye."}}
}

// answer serves the NCCO of the attempt's call, the same that its POST had. While
// the database is away it answers 503. Vonage then tries once more and after
// that asks the application's fallback.
func (h *handler) answer(w http.ResponseWriter, r *http.Request) {
	actions, status := h.ncco(w, r)
	if status != http.StatusOK {
		respond(w, status)
		return
	}
	body, err := json.Marshal(actions)
	if err != nil {
		h.log.LogAttrs(r.Context(), slog.LevelError, "NCCO cannot be marshalled", slog.Any("error", err))
		respond(w, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) // on an error Vonage asks again
}

// ncco reads the attempt in the URL and makes its NCCO.
func (h *handler) ncco(w http.ResponseWriter, r *http.Request) (actions voice.NCCO, status int) {
	now := h.now()
	if _, status := h.verifiedBody(w, r, now); status != http.StatusOK {
		return nil, status
	}
	if !h.acquireSlot(r.Context(), now) {
		return nil, http.StatusServiceUnavailable
	}
	defer h.releaseSlot()
	// Vonage waits half as long for an NCCO as for the answer to an event.
	ctx, cancel := context.WithTimeout(r.Context(), h.deadline/2)
	defer cancel()
	id := attemptID(r)
	p, err := h.store.Placement(ctx, id)
	switch {
	case errors.Is(err, campaign.ErrNotFound):
		h.raise(ctx, &h.unknownAttempt, now, fmt.Errorf("attempt %s", id))
		return apology(), http.StatusOK
	case err != nil:
		h.log.LogAttrs(ctx, slog.LevelError, "NCCO not read", slog.String("attempt_id", id.String()), slog.Any("error", err))
		return nil, http.StatusServiceUnavailable
	}
	return h.render(ctx, now, id, p), http.StatusOK
}

// render makes the NCCO that the worker sent with the attempt's POST.
func (h *handler) render(ctx context.Context, now time.Time, id uuid.UUID, p campaign.Placement) voice.NCCO {
	actions, err := provider.NCCO(h.publicURL, p)
	if err != nil {
		h.raise(ctx, &h.noNCCO, now, fmt.Errorf("attempt %s: %w", id, err))
		return apology()
	}
	return actions
}
