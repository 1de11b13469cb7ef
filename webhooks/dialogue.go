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

// onInput finds the result of the keys, so that both are stored together. The dialogue's
// state is in the request's address, so any process can answer, and a repeated request
// gets the same answer.
func (h *handler) onInput(ctx context.Context, e *campaign.Received, at campaign.Turn) (next, error) {
	p, err := h.placement(ctx, e)
	switch {
	case errors.Is(err, campaign.ErrNotFound):
		return nil, nil // stored with an alarm, like every event without an attempt
	case err != nil:
		return nil, err
	}
	answer, err := provider.AnswerInput(h.publicURL, p, at, e.Pressed, e.Uttered)
	e.Said = answer.Said
	return func(ctx context.Context, e campaign.Received, now time.Time) reply {
		if err != nil {
			h.raise(ctx, &h.noNCCO, now, fmt.Errorf("attempt %s: %w", e.AttemptID, err))
			return h.flow(ctx, apology())
		}
		if answer.NCCO == nil {
			return reply{status: http.StatusOK, result: Stored}
		}
		return h.flow(ctx, answer.NCCO)
	}, nil
}

// placement reads the data of an event's dialogue: that of the attempt, or of an incoming
// call.
func (h *handler) placement(ctx context.Context, e *campaign.Received) (campaign.Placement, error) {
	if e.InboundID != uuid.Nil {
		return h.store.InboundPlacement(ctx, e.InboundID)
	}
	return h.store.Placement(ctx, e.AttemptID)
}

// onMachine makes the text for machines, if the campaign has one. Like onInput it reads
// before the event is stored: if that fails, Vonage sends the event again.
func (h *handler) onMachine(ctx context.Context, e *campaign.Received) (next, error) {
	p, err := h.store.Placement(ctx, e.AttemptID)
	switch {
	case errors.Is(err, campaign.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	actions, err := provider.VoicemailNCCO(h.publicURL, p, e.Beeped)
	if err == nil && len(actions) == 0 {
		return nil, nil
	}
	return func(ctx context.Context, e campaign.Received, now time.Time) reply {
		if err != nil {
			h.raise(ctx, &h.noNCCO, now, fmt.Errorf("attempt %s: %w", e.AttemptID, err))
			return reply{status: http.StatusOK, result: Stored}
		}
		return h.flow(ctx, actions)
	}, nil
}

// onUnanswered raises the alarm of a call that heard our apology: a key came while we
// were away, or too slow. It is raised when Vonage reports the call, so that it is stored
// although the database was away.
func (h *handler) onUnanswered(ctx context.Context, e campaign.Received, now time.Time) reply {
	h.raise(ctx, &h.unanswered, now, fmt.Errorf("attempt %s", e.AttemptID))
	return reply{status: http.StatusOK, result: Stored}
}

// flow answers with an NCCO.
func (h *handler) flow(ctx context.Context, actions voice.NCCO) reply {
	body, err := json.Marshal(actions)
	if err != nil {
		h.log.LogAttrs(ctx, slog.LevelError, "NCCO cannot be marshalled", slog.Any("error", err))
		return reply{status: http.StatusInternalServerError, result: Bad}
	}
	return reply{status: http.StatusOK, result: Served, body: body, form: jsonForm}
}
