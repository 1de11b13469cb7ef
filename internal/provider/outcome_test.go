package provider

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/voice"

	"github.com/google/go-cmp/cmp"
)

func refused(why campaign.Refusal) campaign.Outcome {
	return campaign.Outcome{Kind: campaign.OutcomeRefused, Refusal: why}
}

func TestOutcome(t *testing.T) {
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
			if diff := cmp.Diff(tt.want, Outcome(tt.made, tt.err, now)); diff != "" {
				t.Errorf("outcome (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefusalHasRemedy(t *testing.T) {
	t.Parallel()
	for _, status := range []int{0, 302, 400, 401, 403, 404, 418, 422, 429} {
		why := refusal(&voice.Error{Status: status})
		if _, ok := campaign.Remedies[why]; !ok {
			t.Errorf("status %d: refusal %q has no remedy", status, why)
		}
	}
}

func TestEffect(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want campaign.Effect
	}{
		{nil, campaign.EffectDone},
		{&voice.Error{Verdict: voice.VerdictRefused, Status: 404}, campaign.EffectRefused},
		{fmt.Errorf("hang up: %w", &voice.Error{Verdict: voice.VerdictRefused}), campaign.EffectRefused},
		{&voice.Error{Verdict: voice.VerdictPlaced}, campaign.EffectUnknown},
		{&voice.Error{Verdict: voice.VerdictUnknown, Status: 500}, campaign.EffectUnknown},
		{&voice.Error{Verdict: "perhaps"}, campaign.EffectUnknown},
		{errors.New("reset"), campaign.EffectUnknown},
	} {
		if got := Effect(tt.err); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.err, got, tt.want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("post: %w", &voice.Error{RetryAfter: 3 * time.Second})
	if got := RetryAfter(err); got != 3*time.Second {
		t.Errorf("got %v, want 3s", got)
	}
	if got := RetryAfter(errors.New("reset")); got != 0 {
		t.Errorf("got %v, want 0", got)
	}
}
