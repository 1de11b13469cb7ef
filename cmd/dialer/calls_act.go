package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/cli"
	"dialer/internal/pace"
	"dialer/internal/provider"
	"dialer/jobs"
	"dialer/storage"
	"dialer/voice"
)

// requestFlags are what requests about calls need besides the database, which
// holds the account's pace and the audit.
type requestFlags struct {
	accountFlags
	RequestsPerSecond float64 `name:"requests-per-second" env:"DIALER_REQUESTS_PER_SECOND" default:"15" help:"Requests that the account allows in any second, for all processes together (default: ${default})."`
}

func (f requestFlags) validate() error {
	err := f.accountFlags.validate()
	if f.RequestsPerSecond <= 0 || f.RequestsPerSecond > 10_000 {
		err = errors.Join(err, fmt.Errorf("--requests-per-second must be above 0 and at most 10000, not %v", f.RequestsPerSecond))
	}
	return err
}

// callTarget is a call, and who does something to it.
type callTarget struct {
	UUID string `arg:"" help:"The call's uuid."`
	actorFlags
	requestFlags
	databaseFlags
}

// actorFlags say who makes a change.
type actorFlags struct{ cli.ByFlag }

func (f actorFlags) actor() app.Actor { return app.Actor{Name: f.Who(), Through: app.ThroughCommand} }

// callAction is one request that does something to a call.
type callAction func(context.Context, *voice.Client) (voice.Ack, error)

// noResult is the callAction of a request that Vonage acknowledges without a text.
func noResult(do func(*voice.Client, context.Context, string) error, uuid string) callAction {
	return func(ctx context.Context, client *voice.Client) (voice.Ack, error) {
		return voice.Ack{}, do(client, ctx, uuid)
	}
}

// act does one thing to the call and prints what Vonage said.
func (c callTarget) act(ctx context.Context, con console, action, detail string, do callAction) error {
	return c.with(ctx, con, c.DatabaseURL, func(v *vonage) error {
		a := app.CallAction{CallUUID: c.UUID, Action: action, Detail: detail}
		answer, err := app.Calls{Store: v.db}.Act(ctx, c.actor(), a, v.request(c.UUID, do))
		switch {
		case err == nil:
			con.Linef("%s: %s: %s\n", c.UUID, action, answer)
		case errors.Is(err, voice.ErrInvalid):
			err = fmt.Errorf("%w: %w", cli.ErrUsage, err) // a mistake in the command line
		}
		return err
	})
}

// vonage is the client of the API, at the fleet's pace, and the database.
type vonage struct {
	db     *storage.DB
	client *voice.Client
}

// with connects to Vonage and does something with it.
func (f requestFlags) with(ctx context.Context, con console, databaseURL string, do func(*vonage) error) error {
	if err := f.validate(); err != nil {
		return fmt.Errorf("%w: %w", cli.ErrUsage, err)
	}
	key, err := f.key()
	if err != nil {
		return fmt.Errorf("%w: %w", cli.ErrUsage, err)
	}
	db, err := openMigrated(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	requests := pace.New(pace.Config{Store: db, Budget: campaign.RequestsBudget, PerSecond: f.RequestsPerSecond, Log: con.Logger()})
	client, err := voice.NewClient(voice.Config{
		BaseURL: f.APIURL, ApplicationID: f.ApplicationID, Key: key,
		Throttle: jobs.Throttle(requests, pace.Last), ThrottleFirst: jobs.Throttle(requests, pace.First),
	})
	if err != nil {
		return fmt.Errorf("%w: %w", cli.ErrUsage, err)
	}
	pacing, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { requests.Run(pacing) })
	defer wg.Wait()
	defer stop()
	return do(&vonage{db, client})
}

// request is a callAction as package app takes it. What breaks a limit of the API
// is never sent, so it had no effect that is to be recorded.
func (v *vonage) request(uuid string, do callAction) app.CallRequest {
	return func(ctx context.Context) app.CallResult {
		ack, err := do(ctx, v.client)
		if errors.Is(err, voice.ErrInvalid) {
			return app.CallResult{Err: err}
		}
		return app.CallResult{
			Effect: provider.Effect(err), Answer: answerText(ack, err),
			Over: errors.Is(err, voice.ErrNotFound), Err: aboutCall(uuid, err),
		}
	}
}

func answerText(ack voice.Ack, err error) string {
	if err != nil {
		return err.Error()
	}
	return cmp.Or(ack.Message, string(campaign.EffectDone))
}

// aboutCall says what an error of the API means for the call.
func aboutCall(uuid string, err error) error {
	_, known := errors.AsType[*voice.Error](err)
	switch {
	case errors.Is(err, voice.ErrNotFound):
		return fmt.Errorf("call %s has ended or is unknown to Vonage: %w", uuid, err)
	case known && provider.Effect(err) == campaign.EffectUnknown:
		return fmt.Errorf("call %s: it is not known whether this had its effect: %w", uuid, err)
	case known:
		return fmt.Errorf("call %s: %w", uuid, err)
	}
	return err
}
