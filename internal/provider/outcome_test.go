package provider

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit/require"
	"dialer/internal/testkit/testkey"
	"dialer/voice"

	"github.com/google/go-cmp/cmp"
)

func TestOutcome(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	unknown := campaign.Outcome{Kind: campaign.OutcomeUnknown}
	refused := func(why campaign.Refusal, said string) campaign.Outcome {
		return campaign.Outcome{Kind: campaign.OutcomeRefused, Refusal: why, Said: said}
	}
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
			campaign.Outcome{Kind: campaign.OutcomeUnknown, MustExist: true, Said: "201 Created"}},
		{"400", voice.Created{}, refusedBy(400), refused(campaign.RefusedInvalid, "400 Bad Request")},
		{"401", voice.Created{}, refusedBy(401), refused(campaign.RefusedAuth, "401 Unauthorized")},
		{"402", voice.Created{}, refusedBy(402), refused(campaign.RefusedAccount, "402 Payment Required")},
		{"403", voice.Created{}, refusedBy(403), refused(campaign.RefusedAccount, "403 Forbidden")},
		{"404", voice.Created{}, refusedBy(404), refused(campaign.RefusedAccount, "404 Not Found")},
		{"405", voice.Created{}, refusedBy(405), refused(campaign.RefusedAccount, "405 Method Not Allowed")},
		{"413", voice.Created{}, refusedBy(413), refused(campaign.RefusedInvalid, "413 Request Entity Too Large")},
		{"422", voice.Created{}, &voice.Error{Verdict: voice.VerdictRefused, Status: 422, Title: "No such voice", Detail: "style 9"},
			refused(campaign.RefusedInvalid, "422 Unprocessable Entity: No such voice: style 9")},
		{"429", voice.Created{}, refusedBy(429), refused(campaign.RefusedRate, "429 Too Many Requests")},
		{"redirect", voice.Created{}, &voice.Error{Verdict: voice.VerdictUnknown, Status: 307},
			campaign.Outcome{Kind: campaign.OutcomeUnknown, Said: "307 Temporary Redirect"}},
		{"no byte written", voice.Created{}, &voice.Error{Verdict: voice.VerdictRefused, Err: errors.New("connection refused")},
			refused(campaign.RefusedUnreachable, "connection refused")},
		{"invalid before it was sent", voice.Created{}, &voice.Error{Verdict: voice.VerdictRefused, Err: fmt.Errorf("%w: to", voice.ErrInvalid)},
			refused(campaign.RefusedInvalid, "invalid request: to")},
		{"500", voice.Created{}, &voice.Error{Verdict: voice.VerdictUnknown, Status: 500},
			campaign.Outcome{Kind: campaign.OutcomeUnknown, Said: "500 Internal Server Error"}},
		{"wrapped timeout", voice.Created{}, fmt.Errorf("post: %w", &voice.Error{Verdict: voice.VerdictUnknown}), unknown},
		{"a verdict that is not known", voice.Created{}, &voice.Error{Verdict: "perhaps", Status: 400},
			campaign.Outcome{Kind: campaign.OutcomeUnknown, Said: "400 Bad Request"}},
		{"a refusal that the table does not have", voice.Created{}, refusedBy(418),
			campaign.Outcome{Kind: campaign.OutcomeUnknown, Said: "418 I'm a teapot"}},
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

// The client and the table agree on what each answer proves, and each refusal has
// a remedy.
func TestRefusalsAreWhatTheClientTakesForOne(t *testing.T) {
	t.Parallel()
	var status int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(server.Close)
	client, err := voice.NewClient(voice.Config{BaseURL: server.URL, ApplicationID: "app", Key: testkey.RSA()})
	require.NoError(t, err)
	token, err := client.SignToken(voice.Token{ID: "t", IssuedAt: time.Now(), ExpiresAt: time.Now().Add(time.Minute)})
	require.NoError(t, err)
	request := voice.CallRequest{To: []voice.Endpoint{voice.Phone{Number: "447700900001"}}, From: "442079460000", AnswerURL: "http://dialer.test", EventURL: "http://dialer.test"}
	for status = 200; status <= 599; status++ {
		made, err := client.CreateCall(t.Context(), nil, token, request)
		got := Outcome(made, err, time.Now())
		why, listed := refusals[status]
		if (got.Kind == campaign.OutcomeRefused) != listed || got.Refusal != why {
			t.Errorf("status %d: %s %s, want %q", status, got.Kind, got.Refusal, why)
		}
		if _, ok := campaign.Remedies[why]; listed && !ok {
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
