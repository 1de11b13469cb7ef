package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/cli"
	"dialer/internal/pace"
	"dialer/jobs"
	"dialer/storage"
	"dialer/voice"
)

// place makes the call as an attempt of its own, and prints the outcome.
func (c *callCreateCommand) place(ctx context.Context, con console, v *vonage, attempt campaign.Attempt, request voice.CallRequest) error {
	if err := v.db.UseAccount(ctx, account(c.APIURL, c.ApplicationID)); err != nil {
		return err
	}
	calls := pace.New(pace.Config{Store: v.db, Budget: campaign.CallsBudget, PerSecond: c.CallsPerSecond, Log: con.Logger()})
	pacing, stop := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { calls.Run(pacing) })
	defer wg.Wait()
	defer stop()
	caller := jobs.NewCaller(v.db, v.client, calls, leastTokenLife, con.Logger())
	made, err := makeManual(ctx, v.db, caller, c.actor(), attempt, request)
	if err != nil {
		return err
	}
	return c.report(con, made)
}

// makeManual makes the call of an order. An error means that nobody was called.
func makeManual(ctx context.Context, db *storage.DB, caller *jobs.Caller, by app.Actor, attempt campaign.Attempt, request voice.CallRequest) (made jobs.Made, err error) {
	err = app.ManualCalls{Store: db}.Make(ctx, by, attempt, func(ctx context.Context) (err error) {
		made, err = caller.Call(ctx, context.WithoutCancel(ctx), attempt.ID, campaign.DueReminder, request, 0)
		return err
	})
	if err != nil {
		return made, fmt.Errorf("not called: %w", err)
	}
	return made, nil
}

// report prints the outcome, which is recorded.
func (c *callCreateCommand) report(con console, made jobs.Made) error {
	attempt, err := made.Attempt, made.Err
	if made.NotRecorded != nil {
		err = errors.Join(err, fmt.Errorf("the outcome of %s is not on record: %w", attempt.ID, made.NotRecorded))
	}
	switch made.Outcome.Kind {
	case campaign.OutcomeCreated:
		con.Printf("%s: created: %s\n", made.Outcome.Evidence.CallUUID, made.Outcome.Evidence.Status)
		return err
	case campaign.OutcomeRefused:
		return fmt.Errorf("no call was made: %w", err)
	}
	return fmt.Errorf(`%s: %w
Do not repeat it before %s. From then on this lists it, if there is one: dialer call list --date-start %s
A running dialer settles it. It is on record: dialer call show %s`,
		unknownText(made.Outcome), err, cli.Time(attempt.TokenExpiresAt.Add(c.SettleAfter)),
		attempt.DialedAt.Add(-jobs.IssuedBefore).UTC().Format(time.RFC3339), attempt.ID)
}

// unknownText says what is not known of a request that may have made a call.
func unknownText(o campaign.Outcome) string {
	if o.MustExist {
		return "the call was made, and which it is cannot be read from the answer"
	}
	return "it is not known whether the call was made"
}

// describeManualCall is one line about a call that a person made.
func describeManualCall(a campaign.Attempt) string {
	return fmt.Sprintf("%s  manual call by %s%s: %s", whenOf(a), a.Manual.RequestedBy, inBrackets(a.Manual.Detail), describeAttempt(a))
}
