package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"dialer/campaign"
	"dialer/internal/pace"
	"dialer/jobs"
	"dialer/voice"
)

// permitWait is how long a manual call waits for its turn at the account's pace.
// Its reservation holds a little longer.
const permitWait = 90 * time.Second

const withdrawTimeout = 10 * time.Second

// place makes the call as an attempt of its own, in the same order as a
// campaign's: reserve, permit, gate, one request, outcome.
func (c *callCreateCommand) place(ctx context.Context, con console, k *vonage, attempt campaign.Attempt, request voice.CallRequest) error {
	if err := k.db.ReserveManual(ctx, c.actor(), attempt); err != nil {
		return notCalled(err)
	}
	calls := pace.New(pace.Config{Store: k.db, Budget: campaign.CallsBudget, PerSecond: c.CallsPerSecond, Log: con.logger()})
	pacing, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { calls.Run(pacing) })
	defer wg.Wait()
	defer stop()
	caller := jobs.NewCaller(k.db, k.client, calls, leastTokenLife, con.logger())
	ctx, cancel := context.WithTimeout(ctx, permitWait)
	defer cancel()
	made, err := caller.Call(ctx, context.WithoutCancel(ctx), attempt.ID, campaign.Urgent, request)
	if err != nil {
		return c.withdraw(ctx, k, attempt, err)
	}
	return c.conclude(con, made)
}

// withdraw frees the number of a call that did not pass the gate, and says why
// it did not.
func (c *callCreateCommand) withdraw(ctx context.Context, k *vonage, attempt campaign.Attempt, why error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTimeout)
	defer cancel()
	reason := campaign.WithdrawnAbandoned
	if errors.Is(why, campaign.ErrDialLocked) {
		reason = campaign.WithdrawnLocked
	}
	if err := k.db.Withdraw(ctx, attempt.ID, reason); err != nil && !errors.Is(err, campaign.ErrStale) {
		why = errors.Join(why, err)
	}
	if void, err := k.db.ManualCall(ctx, attempt.ID.String()); err == nil && void.State == campaign.Void {
		why = fmt.Errorf("%s: %w", campaign.Withdrawal(void.Note).Meaning(), why)
	}
	return notCalled(why)
}

func notCalled(err error) error {
	if blocked, ok := errors.AsType[*campaign.BlockedError](err); ok {
		err = blocked
	}
	return fmt.Errorf("not called: %w", err)
}

// conclude prints the outcome, which is recorded.
func (c *callCreateCommand) conclude(con console, made jobs.Made) error {
	attempt, err := made.Attempt, made.Err
	if made.NotRecorded != nil {
		err = errors.Join(err, fmt.Errorf("the outcome of %s is not on record: %w", attempt.ID, made.NotRecorded))
	}
	switch made.Outcome.Kind {
	case campaign.OutcomeCreated:
		con.printf("%s: created: %s\n", made.Outcome.Evidence.CallUUID, made.Outcome.Evidence.Status)
		return err
	case campaign.OutcomeRefused:
		return fmt.Errorf("no call was made: %w", err)
	}
	return fmt.Errorf(`%s: %w
Do not repeat it before %s. From then on this lists it, if there is one: dialer call list --date-start %s
A running dialer settles it. It is on record: dialer call show %s`,
		doubt(made.Outcome), err, attempt.TokenExpiresAt.Add(c.SettleAfter).UTC().Format(timeFormat),
		attempt.DialedAt.Add(-jobs.IssuedBefore).UTC().Format(time.RFC3339), attempt.ID)
}

// doubt says what is not known of a request that may have made a call.
func doubt(o campaign.Outcome) string {
	if o.MustExist {
		return "the call was made, and which it is cannot be read from the answer"
	}
	return "it is not known whether the call was made"
}

// describeManualCall is one line about a call that a person made.
func describeManualCall(a campaign.Attempt) string {
	return fmt.Sprintf("%s  manual call by %s%s: %s", whenOf(a), a.Manual.RequestedBy, inBrackets(a.Manual.Detail), describeAttempt(a))
}
