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

// CallAction is what somebody did to a call, its making by hand included.
type CallAction struct {
	At       time.Time // by the database's clock, once Vonage had answered
	CallUUID string
	Who      string
	Action   string          // such as hangup
	Detail   string          // what was asked for; holds no digits that were sent
	Outcome  campaign.Effect // what is known of it
	Answer   string          // what Vonage said
}

// ActionHangUp is the CallAction.Action that ends a call.
const ActionHangUp = "hangup"

// LiveCalls are the calls of one campaign that are not over, as far as is known
// here.
type LiveCalls struct {
	UUIDs []string
	// Unclear counts attempts whose request may have made a call of which
	// nothing is known yet.
	Unclear int
}

// CallStore keeps what was done to calls.
type CallStore interface {
	// RecordCallAction adds to the audit what was done; At and Who are ignored.
	RecordCallAction(ctx context.Context, by Actor, a CallAction) error
	// CallActions is what was done to one call, oldest first.
	CallActions(ctx context.Context, callUUID string) ([]CallAction, error)
	// HangUpOrdered notes that a call is about to be ended by us, and returns the
	// request with its time.
	HangUpOrdered(ctx context.Context, r campaign.HangUpRequest) (campaign.HangUpRequest, error)
	// HangUpAnswered stores what came of it. It may be told the same twice.
	HangUpAnswered(ctx context.Context, r campaign.HangUpRequest, e campaign.Effect) error
	// HangUpLate has the calls of a stopped campaign hung up that are known only
	// later; ordered is false for one that is not stopped.
	HangUpLate(ctx context.Context, campaignID int64) (ordered bool, err error)
	// LiveCalls become only fewer once the campaign is stopped, except that
	// unclear ones may turn out to be calls.
	LiveCalls(ctx context.Context, campaignID int64) (LiveCalls, error)
}

// Calls are what people do to calls in progress.
type Calls struct{ Store CallStore }

// CallRequest asks Vonage to do one thing to a call.
type CallRequest func(context.Context) CallResult

// CallResult is what came of a request.
type CallResult struct {
	Effect campaign.Effect // "": nothing was sent
	Answer string          // what Vonage said
	Over   bool            // Vonage has no such call, or has it no more
	Err    error           // nil: it is done
}

// errNotRecorded: Vonage was asked, and the audit has no entry of it.
var errNotRecorded = errors.New("is not on record")

// recordTimeout is how long the audit may take after the request.
const recordTimeout = 10 * time.Second

// recordAgain is how long after a failure it is tried again.
const recordAgain = 250 * time.Millisecond

// Act does one thing to a call, and then writes to the audit what came of it,
// whatever that is. What was never sent is not recorded.
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

// noted is a hang-up that is noted before it is sent. What had no effect is taken
// back, also where it is not known whether it was noted.
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

// answered stores what came of a hang-up. It tries again while Postgres is away,
// because what is not taken back counts as our doing.
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
