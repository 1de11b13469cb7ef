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
	if !ok {
		return campaign.Outcome{Kind: campaign.OutcomeUnknown}
	}
	if why, proved := refusal(e); proved {
		return campaign.Outcome{Kind: campaign.OutcomeRefused, Refusal: why, Said: e.Said()}
	}
	//guard:value chaos.Unheard: a POST whose answer was lost is no refusal
	return campaign.Outcome{
		Kind: campaign.OutcomeUnknown, Said: e.Said(),
		//guard:value(false) internal/provider.TestOutcome: a call that was made but whose answer cannot be read must exist
		MustExist: e.Verdict == voice.VerdictPlaced,
	}
}

// refusals are the answers to a POST that prove that it made no call, with the meaning of
// each. No other answer proves that: a redirect may come from a server that passed the
// POST on.
var refusals = map[int]campaign.Refusal{
	http.StatusBadRequest:            campaign.RefusedInvalid,
	http.StatusUnauthorized:          campaign.RefusedAuth,
	http.StatusPaymentRequired:       campaign.RefusedAccount,
	http.StatusForbidden:             campaign.RefusedAccount,
	http.StatusNotFound:              campaign.RefusedAccount,
	http.StatusMethodNotAllowed:      campaign.RefusedAccount,
	http.StatusRequestEntityTooLarge: campaign.RefusedInvalid,
	http.StatusUnprocessableEntity:   campaign.RefusedInvalid,
	http.StatusTooManyRequests:       campaign.RefusedRate,
}

// refusal is the meaning of a refusal. proved is false if a call may have been made.
func refusal(e *voice.Error) (why campaign.Refusal, proved bool) {
	switch {
	case e.Verdict != voice.VerdictRefused:
		return "", false
	case errors.Is(e, voice.ErrInvalid):
		return campaign.RefusedInvalid, true
	case e.Status == 0:
		return campaign.RefusedUnreachable, true
	}
	why, proved = refusals[e.Status]
	return why, proved
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

// RetryAfter is how long Vonage asked us to wait before the next request; 0: it did not
// ask.
func RetryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*voice.Error](err); ok {
		return e.RetryAfter
	}
	return 0
}
