package jobs

import (
	"errors"
	"net/http"
	"time"

	"dialer/campaign"
	"dialer/voice"
)

// outcomeOf is the one place that says what a POST's answer means for the
// attempt. Whatever is not proof that no call was made leaves it unknown.
func outcomeOf(made voice.Created, err error, now time.Time) campaign.Outcome {
	if err == nil {
		return campaign.Outcome{Kind: campaign.OutcomeCreated, Evidence: campaign.Evidence{
			Source: campaign.FromResponse, CallUUID: made.UUID, ConversationUUID: made.ConversationUUID,
			Status: made.Status, Direction: made.Direction, ObservedAt: now,
		}}
	}
	e, ok := errors.AsType[*voice.Error](err)
	if !ok {
		return campaign.Outcome{Kind: campaign.OutcomeUnknown}
	}
	switch e.Verdict {
	case voice.VerdictRefused:
		return refused(refusalOf(e))
	case voice.VerdictPlaced:
		return campaign.Outcome{Kind: campaign.OutcomeUnknown, MustExist: true}
	}
	return campaign.Outcome{Kind: campaign.OutcomeUnknown}
}

// waitOf is how long Vonage asks to be left alone.
func waitOf(err error) time.Duration {
	if e, ok := errors.AsType[*voice.Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

func refused(why campaign.Refusal) campaign.Outcome {
	return campaign.Outcome{Kind: campaign.OutcomeRefused, Refusal: why}
}

// refusalOf names a refusal. A status that is not listed was a refusal of this
// call all the same, and one that concerns more than this contact.
func refusalOf(e *voice.Error) campaign.Refusal {
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
