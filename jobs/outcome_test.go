package jobs

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/voice"

	"github.com/google/go-cmp/cmp"
)

func TestOutcomeOf(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	unknown := campaign.Outcome{Kind: campaign.OutcomeUnknown}
	refusedBy := func(status int) error {
		return &voice.Error{Verdict: voice.VerdictRefused, Status: status}
	}
	for _, tt := range []struct {
		name string
		made voice.Created
		err  error
		want campaign.Outcome
	}{
		{"created", voice.Created{UUID: "u", ConversationUUID: "CON-1", Status: "started", Direction: "outbound"}, nil,
			campaign.Outcome{Kind: campaign.OutcomeCreated, Evidence: campaign.Evidence{
				Source: campaign.FromResponse, CallUUID: "u", ConversationUUID: "CON-1", Status: "started", Direction: "outbound", ObservedAt: now}}},
		{"201 without a uuid", voice.Created{}, &voice.Error{Verdict: voice.VerdictPlaced, Status: 201},
			campaign.Outcome{Kind: campaign.OutcomeUnknown, MustExist: true}},
		{"400", voice.Created{}, refusedBy(400), refused(campaign.RefusedInvalid)},
		{"401", voice.Created{}, refusedBy(401), refused(campaign.RefusedAuth)},
		{"403", voice.Created{}, refusedBy(403), refused(campaign.RefusedAccount)},
		{"404", voice.Created{}, refusedBy(404), refused(campaign.RefusedAccount)},
		{"422", voice.Created{}, refusedBy(422), refused(campaign.RefusedInvalid)},
		{"429", voice.Created{}, refusedBy(429), refused(campaign.RefusedRate)},
		{"redirect", voice.Created{}, refusedBy(307), refused(campaign.RefusedAccount)},
		{"no byte written", voice.Created{}, refusedBy(0), refused(campaign.RefusedUnreachable)},
		{"invalid before it was sent", voice.Created{}, &voice.Error{Verdict: voice.VerdictRefused, Err: fmt.Errorf("%w: to", voice.ErrInvalid)}, refused(campaign.RefusedInvalid)},
		{"500", voice.Created{}, &voice.Error{Verdict: voice.VerdictUnknown, Status: 500}, unknown},
		{"wrapped timeout", voice.Created{}, fmt.Errorf("post: %w", &voice.Error{Verdict: voice.VerdictUnknown}), unknown},
		{"a verdict that is not known", voice.Created{}, &voice.Error{Verdict: "perhaps", Status: 400}, unknown},
		{"an error of another kind", voice.Created{}, errors.New("what"), unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, outcomeOf(tt.made, tt.err, now)); diff != "" {
				t.Errorf("outcome (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEveryRefusalHasARemedy(t *testing.T) {
	t.Parallel()
	for _, status := range []int{0, 302, 400, 401, 403, 404, 418, 422, 429} {
		why := refusalOf(&voice.Error{Status: status})
		if _, ok := campaign.Remedies[why]; !ok {
			t.Errorf("status %d: refusal %q has no remedy", status, why)
		}
	}
}
