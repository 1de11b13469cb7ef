package provider

import (
	"errors"
	"net/http"
	"time"

	"dialer/campaign"
	"dialer/voice"
)

// Outcome says what the result of CreateCall means for the attempt. Only proof
// that no call was made is a refusal; any other error leaves it unknown.
func Outcome(made voice.Created, err error, now time.Time) campaign.Outcome {
	if err == nil {
		return campaign.Outcome{Kind: campaign.OutcomeCreated, Evidence: FromResponse(made, now)}
	}
	e, ok := errors.AsType[*voice.Error](err)
	switch {
	case !ok:
		return campaign.Outcome{Kind: campaign.OutcomeUnknown}
	case e.Verdict == voice.VerdictRefused:
		return campaign.Outcome{Kind: campaign.OutcomeRefused, Refusal: refusal(e)}
	}
	return campaign.Outcome{
		Kind: campaign.OutcomeUnknown,
		//guard:value(false) internal/provider.TestOutcome: a call that was made but whose answer cannot be read must exist
		MustExist: e.Verdict == voice.VerdictPlaced,
	}
}

// refusal gives the reason for a refusal. A status that is not listed refused
// this call too, but its cause concerns more than this contact.
func refusal(e *voice.Error) campaign.Refusal {
	if errors.Is(e, voice.ErrInvalid) {
		return campaign.RefusedInvalid
	}
	switch e.Status {
	case 0:
		return campaign.RefusedUnreachable
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return campaign.RefusedInvalid
	case http.StatusUnauthorized:
		return campaign.RefusedAuth
	case http.StatusTooManyRequests:
		return campaign.RefusedRate
	}
	return campaign.RefusedAccount
}

// Effect says what the result of an action on a call in progress means, for
// example of a hang-up.
func Effect(err error) campaign.Effect {
	if err == nil {
		return campaign.EffectDone
	}
	if e, ok := errors.AsType[*voice.Error](err); ok && e.Verdict == voice.VerdictRefused {
		return campaign.EffectRefused
	}
	return campaign.EffectUnknown
}

// RetryAfter is how long Vonage asked us to wait before the next request, 0
// when it did not ask.
func RetryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*voice.Error](err); ok {
		return e.RetryAfter
	}
	return 0
}
