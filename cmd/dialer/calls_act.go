package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"dialer/campaign"
	"dialer/internal/cli"
	"dialer/internal/pace"
	"dialer/internal/provider"
	"dialer/jobs"
	"dialer/storage"
	"dialer/voice"
)

// requestFlags are what requests about calls need, beside the database, which
// holds the account's pace and the record of what was done.
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

// actorFlags are recorded with what is done.
type actorFlags struct {
	By string `env:"DIALER_BY,USER" placeholder:"NAME" help:"Who does this, for the record."`
}

func (f actorFlags) validate() error {
	if f.By == "" {
		return errors.New("--by (DIALER_BY, USER) is needed: who does this, for the record")
	}
	return nil
}

// deed is one request that does something to a call.
type deed func(context.Context, *voice.Client) (voice.Ack, error)

// simply is a deed that Vonage acknowledges without a word.
func simply(do func(*voice.Client, context.Context, string) error, uuid string) deed {
	return func(ctx context.Context, client *voice.Client) (voice.Ack, error) {
		return voice.Ack{}, do(client, ctx, uuid)
	}
}

// act does one thing to the call, records it, and says what Vonage said.
func (c callTarget) act(ctx context.Context, con console, action, detail string, do deed) error {
	if err := c.actorFlags.validate(); err != nil {
		return fmt.Errorf("%w: %w", cli.ErrUsage, err)
	}
	return c.with(ctx, con, c.DatabaseURL, func(k *vonage) error {
		answer, err := k.act(ctx, storage.CallAction{CallUUID: c.UUID, Who: c.By, Action: action, Detail: detail}, do)
		if err == nil {
			con.printf("%s: %s: %s\n", c.UUID, action, answer)
		}
		return err
	})
}

// vonage is the way to Vonage at the fleet's pace, and the record.
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
	requests := pace.New(pace.Config{Store: db, Budget: campaign.RequestsBudget, PerSecond: f.RequestsPerSecond, Log: con.logger()})
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

const recordTimeout = 10 * time.Second

// errNotRecorded: Vonage was asked, and there is no row of it.
var errNotRecorded = errors.New("is not on record")

// act does one thing to a call and records what came of it. What was never
// sent because it breaks a limit of the API is a mistake in the command line.
func (k *vonage) act(ctx context.Context, a storage.CallAction, do deed) (answer string, err error) {
	ack, err := do(ctx, k.client)
	if errors.Is(err, voice.ErrInvalid) {
		return "", fmt.Errorf("%w: %w", cli.ErrUsage, err)
	}
	a.Outcome, a.Answer = string(provider.Effect(err)), answerText(ack, err)
	err = aboutCall(a.CallUUID, err)
	recording, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if lost := k.db.RecordAction(recording, a); lost != nil {
		err = errors.Join(err, fmt.Errorf("%s of call %s (%s) %w: %w", a.Action, a.CallUUID, a.Outcome, errNotRecorded, lost))
	}
	return a.Answer, err
}

func answerText(ack voice.Ack, err error) string {
	if err != nil {
		return err.Error()
	}
	return cmp.Or(ack.Message, storage.ActionDone)
}

// aboutCall says what an error of Vonage's means for the call.
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
