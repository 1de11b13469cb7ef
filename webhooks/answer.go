package webhooks

import (
	"context"
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

// answer serves the NCCO of the attempt's call, the same as in its POST. While the
// database is away it answers 503. Vonage then tries once more and after that asks the
// application's fallback.
func (h *handler) answer(w http.ResponseWriter, r *http.Request) reply {
	now := h.now()
	request, refused := h.verified(w, r, now)
	if refused.status != 0 {
		return refused
	}
	defer Serving(r.Context())()
	if !h.acquirePlace(r.Context(), now) {
		return reply{status: http.StatusServiceUnavailable, result: Delayed}
	}
	defer h.releasePlace()
	// Vonage waits for an NCCO only half as long as for the answer to an event.
	ctx, cancel := context.WithTimeout(r.Context(), h.deadline/2)
	defer cancel()
	err := h.store.SeeToken(ctx, request.token)
	if errors.Is(err, campaign.ErrTokenReused) {
		return h.seenBefore(ctx, err, now)
	}
	if err != nil && !errors.Is(err, campaign.ErrRepeated) {
		h.log.LogAttrs(ctx, slog.LevelError, "NCCO not read", slog.Any("error", err))
		return reply{status: http.StatusServiceUnavailable, result: Delayed}
	}
	if id := attemptID(r); id != uuid.Nil || r.URL.Query().Has("attempt") {
		return h.ncco(ctx, id, now)
	}
	return h.inbound(ctx, r, request.body, now)
}

// ncco reads the attempt and makes its NCCO.
func (h *handler) ncco(ctx context.Context, id uuid.UUID, now time.Time) reply {
	var actions voice.NCCO
	p, err := h.store.Placement(ctx, id)
	if err == nil && p.Attempt.CallUUID == "" {
		err = h.store.MessageAsked(ctx, id)
	}
	switch {
	case errors.Is(err, campaign.ErrNotFound):
		h.raise(ctx, &h.unknownAttempt, now, fmt.Errorf("attempt %s", id))
		actions = apology()
	case err != nil:
		h.log.LogAttrs(ctx, slog.LevelError, "NCCO not read", slog.String("attempt_id", id.String()), slog.Any("error", err))
		return reply{status: http.StatusServiceUnavailable, result: Delayed}
	default:
		actions = h.render(ctx, now, id, p)
	}
	return h.flow(ctx, actions)
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
