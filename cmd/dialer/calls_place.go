package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"dialer/campaign"
	"dialer/internal/pace"
	"dialer/internal/provider"
	"dialer/storage"
	"dialer/voice"
)

const (
	// handTokenLife is how long the request may live: what Vonage documents as
	// the least.
	handTokenLife = leastTokenLife
	// handHoldMost is the longest time between the intent and the request. What
	// was checked must still be true.
	handHoldMost = 5 * time.Second
	// handTokenBack is for a provider whose clock is a little behind.
	handTokenBack = 5 * time.Second
)

// place makes the call in the order that makes it safe: permit, intent, one
// request, outcome. From the intent on nothing interrupts it but its own time
// limits.
func (c *callCreateCommand) place(ctx context.Context, con console, k *vonage, intent storage.HandCall, request voice.CallRequest) error {
	calls := pace.New(pace.Config{Store: k.db, Budget: campaign.CallsBudget, PerSecond: c.CallsPerSecond, Log: con.logger()})
	pacing, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { calls.Run(pacing) })
	defer wg.Wait()
	defer stop()
	permit, err := calls.Wait(ctx, pace.First)
	if err != nil {
		return err
	}
	begun := time.Now()
	intent, err = k.db.IntendCall(context.WithoutCancel(ctx), intent, handTokenLife, c.SettleAfter)
	if err != nil {
		permit.Return()
		return notIntended(err)
	}
	ctx = context.WithoutCancel(ctx)
	permit.SetDeadline(begun.Add(handHoldMost))
	made, err := send(ctx, k.client, permit, intent, request)
	return c.conclude(ctx, con, k, intent, made, err)
}

func notIntended(err error) error {
	if barred, ok := errors.AsType[storage.Barred](err); ok {
		return fmt.Errorf("not called: %w", barred)
	}
	return fmt.Errorf("not called: %w", err)
}

// errNotSent: the account's pace came to the call too late.
var errNotSent = &voice.Error{
	Op: "create call", Verdict: voice.VerdictRefused,
	Err: fmt.Errorf("nothing was sent: no moment of the account's pace came within %v", handHoldMost),
}

// send makes the request, once, at a moment that the pace allows.
func send(ctx context.Context, client *voice.Client, permit voice.Permit, intent storage.HandCall, request voice.CallRequest) (voice.Created, error) {
	token, err := client.SignToken(voice.Token{
		ID: intent.ID.String(), IssuedAt: intent.At.Add(-handTokenBack), ExpiresAt: intent.TokenExpiresAt,
	})
	if err != nil {
		permit.Done(time.Time{}, 0)
		return voice.Created{}, err
	}
	made, err := client.CreateCall(ctx, permit, token, request)
	if errors.Is(err, voice.ErrMissed) {
		err = errNotSent
	}
	return made, err
}

// conclude records the outcome and prints it.
func (c *callCreateCommand) conclude(ctx context.Context, con console, k *vonage, call storage.HandCall, made voice.Created, err error) error {
	outcome := provider.Outcome(made, err, time.Now())
	call.Outcome, call.Answer = outcome.Kind, made.Status
	call.CallUUID, call.ConversationUUID = outcome.Evidence.CallUUID, outcome.Evidence.ConversationUUID
	if err != nil {
		call.Answer = err.Error()
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if lost := k.db.ConcludeCall(ctx, call); lost != nil {
		err = errors.Join(err, fmt.Errorf("the outcome of %s is not on record: %w", call.ID, lost))
	}
	switch call.Outcome {
	case campaign.OutcomeCreated:
		con.printf("%s: created: %s\n", call.CallUUID, call.Answer)
		return err
	case campaign.OutcomeRefused:
		return fmt.Errorf("no call was made: %w", err)
	}
	return fmt.Errorf(`%s: %w
Do not repeat it before %s. From then on this lists it, if there is one: dialer call list --date-start %s
It is on record: dialer call show %s`,
		doubt(outcome), err, call.TokenExpiresAt.Add(c.SettleAfter).UTC().Format(timeFormat),
		call.At.Add(-handTokenBack).UTC().Format(time.RFC3339), call.ID)
}

// doubt says what is not known of a request that may have made a call.
func doubt(o campaign.Outcome) string {
	if o.MustExist {
		return "the call was made, and which it is cannot be read from the answer"
	}
	return "it is not known whether the call was made"
}

// describeHandCall is one line about a call that somebody made.
func describeHandCall(c storage.HandCall) string {
	text := fmt.Sprintf("%s  made by hand by %s", c.At.UTC().Format(timeFormat), c.Who) + inBrackets(c.Detail)
	switch {
	case c.CallUUID != "":
		text += fmt.Sprintf(": %s, call %s", cmp.Or(c.Status, c.Answer), c.CallUUID)
	case c.Outcome == campaign.OutcomeRefused:
		text += ": no call was made: " + c.Answer
	case c.Outcome == "":
		text += ": no outcome was recorded: there may be a call"
	default:
		text += ": there may be a call: " + c.Answer
	}
	if c.Price.Valid {
		text += ", price " + money(c.Price)
	}
	return text
}
