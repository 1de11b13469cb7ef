package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"dialer/campaign"
	"dialer/internal/background"

	"github.com/google/uuid"
)

// CallAction is one thing that somebody did to a call. Making a manual call is one too.
type CallAction struct {
	At       time.Time // by the database's clock, once Vonage had answered
	CallUUID string
	Who      string
	Action   string          // such as hangup
	Detail   string          // what was requested, without the digits that were sent
	Outcome  campaign.Effect // what is known about it
	Answer   string          // what Vonage said
}

// ActionHangUp is the CallAction.Action that ends a call.
const ActionHangUp = "hangup"

// LiveCalls are the calls of one campaign that are not over, as far as the database
// knows.
type LiveCalls struct {
	UUIDs []string
	// Unclear counts attempts whose request may have made a call, but nothing is known
	// about it yet.
	Unclear int
}

// CallStore keeps the actions on calls.
type CallStore interface {
	// RecordCallAction adds the action to the audit; At and Who are ignored.
	RecordCallAction(ctx context.Context, by Actor, a CallAction) error
	// CallActions are the actions on one call, oldest first.
	CallActions(ctx context.Context, callUUID string) ([]CallAction, error)
	// HangUpOrdered notes that a call is about to be ended by us, and returns the
	// request with its time.
	HangUpOrdered(ctx context.Context, r campaign.HangUpRequest) (campaign.HangUpRequest, error)
	// HangUpAnswered stores the result of the request. It may get the same result twice.
	HangUpAnswered(ctx context.Context, r campaign.HangUpRequest, e campaign.Effect) error
	// HangUpLate orders hang-ups for calls of a stopped campaign that become known only
	// later; ordered is false if the campaign is not stopped.
	HangUpLate(ctx context.Context, campaignID int64) (ordered bool, err error)
	// LiveCalls only become fewer once the campaign is stopped, except that unclear ones
	// may turn out to be calls.
	LiveCalls(ctx context.Context, campaignID int64) (LiveCalls, error)
}

// Calls has the use cases of calls in progress.
type Calls struct{ Store CallStore }

// CallRequest asks Vonage to do one thing to a call.
type CallRequest func(context.Context) CallResult

// CallResult is the result of a request.
type CallResult struct {
	Effect campaign.Effect // "": nothing was sent
	Answer string          // what Vonage said
	Over   bool            // Vonage has no such call, or no longer has it
	Err    error           // nil: it is done
}

// errNotRecorded means that Vonage was asked, but the audit has no entry for it.
var errNotRecorded = errors.New("is not on record")

// recordTimeout is how long the audit may take after the request.
const recordTimeout = 10 * time.Second

// recordAgain is the pause before the next try to record.
const recordAgain = 250 * time.Millisecond

// Act does one thing to a call, and then writes the result to the audit, whatever it is.
// A request that was never sent is not recorded.
func (c Calls) Act(ctx context.Context, by Actor, a CallAction, request CallRequest) (answer string, err error) {
	if err := by.may(Operator); err != nil {
		return "", err
	}
	if a.Action == ActionHangUp {
		request = c.noted(a.CallUUID, request)
	}
	result := request(ctx)
	if result.Effect == "" {
		return "", result.Err
	}
	a.Outcome, a.Answer = result.Effect, result.Answer
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	err = result.Err
	if lost := c.Store.RecordCallAction(ctx, by, a); lost != nil {
		err = errors.Join(err, fmt.Errorf("%s of call %s (%s) %w: %w", a.Action, a.CallUUID, a.Outcome, errNotRecorded, lost))
	} else if result.Over && !errors.Is(err, errNotRecorded) {
		err = &callOver{err}
	}
	return a.Answer, err
}

// noted returns a hang-up request that is noted before it is sent. If it had no effect
// the note is taken back, also if it is not known whether the note was stored.
func (c Calls) noted(callUUID string, request CallRequest) CallRequest {
	return func(ctx context.Context) CallResult {
		id, err := uuid.NewRandom()
		if err != nil {
			return CallResult{Err: err}
		}
		r, err := c.Store.HangUpOrdered(ctx, campaign.HangUpRequest{ID: id, CallUUID: callUUID})
		if err != nil {
			return CallResult{Err: errors.Join(err, c.answered(ctx, r, campaign.EffectRefused))}
		}
		result := request(ctx)
		if err := c.answered(ctx, r, cmp.Or(result.Effect, campaign.EffectRefused)); err != nil {
			result.Err = errors.Join(result.Err, fmt.Errorf("what came of the hang-up of call %s %w: %w", callUUID, errNotRecorded, err))
		}
		return result
	}
}

// answered stores the result of a hang-up. It tries again while Postgres is away, because
// a note that is not taken back means that we ended the call.
func (c Calls) answered(ctx context.Context, r campaign.HangUpRequest, e campaign.Effect) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	for {
		err := c.Store.HangUpAnswered(ctx, r, e)
		if err == nil || background.Sleep(ctx, recordAgain) != nil {
			return err
		}
	}
}

// callOver marks the error of an action on a call that has ended.
type callOver struct{ error }

func (e *callOver) Unwrap() error { return e.error }
