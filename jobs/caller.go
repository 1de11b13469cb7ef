package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"dialer/campaign"
	"dialer/internal/background"
	"dialer/internal/failpoint"
	"dialer/internal/pace"
	"dialer/internal/provider"
	"dialer/voice"

	"github.com/google/uuid"
)

const (
	gateTimeout = 5 * time.Second
	// maxHold is the longest time between the gate and the POST. What the
	// gate checked must still be true, and the token must outlive the POST.
	maxHold       = 5 * time.Second
	recordTimeout = 30 * time.Second
	// IssuedBefore is how far a token's issue time is set back, for a provider whose
	// clock is a little behind.
	IssuedBefore = 5 * time.Second
)

// CallStore is the part of Postgres that making a call needs.
type CallStore interface {
	// Gate commits the intent to POST. It is one guarded UPDATE that only one caller can
	// win, and it checks the rule again. It returns the attempt with its token, timed by
	// the database's clock. campaign.ErrStale: another caller has the attempt.
	// campaign.ErrWithdrawn: the person may not be called now, and the attempt was
	// voided. campaign.ErrDialLocked: the database calls nobody now, and the attempt
	// stays as it is. campaign.ErrNoRoom: a limit leaves no room now, and the attempt
	// stays too. Any other error: do not POST.
	Gate(ctx context.Context, id uuid.UUID, tokenLife time.Duration) (campaign.Attempt, error)
	// Record stores the outcome of the POST.
	Record(ctx context.Context, id uuid.UUID, o campaign.Outcome) error
	ClockStore
}

// Caller makes the calls of attempts: permit, gate, one POST, record. It is the
// only place that sends POST /calls.
type Caller struct {
	store     CallStore
	client    *voice.Client
	calls     *pace.Pacer
	tokenLife time.Duration
	log       *slog.Logger

	tokens tokenCache
	clocks clockGuard
	outage breaker
	reach  *reach
}

// NewCaller returns a caller whose tokens live for tokenLife. Calls keep to the
// pace of calls.
func NewCaller(store CallStore, client *voice.Client, calls *pace.Pacer, tokenLife time.Duration, log *slog.Logger) *Caller {
	reached := new(reach)
	return &Caller{
		store: store, client: client, calls: calls, tokenLife: tokenLife, log: log, reach: reached,
		tokens: tokenCache{sign: client.SignToken},
		clocks: clockGuard{store: store, client: client, log: log, reach: reached},
	}
}

// Made is the outcome of an attempt that passed the gate.
type Made struct {
	Attempt campaign.Attempt
	Outcome campaign.Outcome
	// Err is why the outcome is not created.
	Err error
	// NotRecorded is why the outcome is not stored. A webhook or Vonage's list will bring
	// it later.
	NotRecorded error
}

// Call makes the call of a reserved attempt. An error means that the attempt did not pass
// the gate, so nothing was sent. Before the gate, the end of ctx stops Call. After the
// gate there may be a call, and only Call's own time limits stop it. Recording also ends
// when working ends. keyLegs counts the legs that keys may open, besides those in the
// request's NCCO. All of them count in the pace, because Vonage counts a leg when it
// starts.
func (c *Caller) Call(ctx, working context.Context, id uuid.UUID, u campaign.Urgency, request voice.CallRequest, keyLegs int) (Made, error) {
	attempt, permit, begun, err := c.pass(ctx, id, u, request.NCCO.Connects()+keyLegs)
	if err != nil {
		return Made{}, err
	}
	failpoint.Hit("place.gated")
	c.clocks.database(begun, time.Now(), attempt.DialedAt)
	ctx = context.WithoutCancel(ctx)
	made := Made{Attempt: attempt}
	made.Outcome, made.Err = c.send(ctx, attempt, request, permit, begun)
	c.learn(ctx, attempt, made.Outcome)
	failpoint.Hit("place.learned")
	made.NotRecorded = c.record(ctx, working, attempt, made.Outcome)
	return made, nil
}

const (
	// roomTries and roomPause are how long a call waits for a place of its campaign
	// before its task rests.
	roomTries = 20
	roomPause = 100 * time.Millisecond
)

// pass takes a permit and goes through the gate. If a limit leaves no room it gives the
// permit back and tries again for two seconds. That is longer than the one-second window,
// and the claim reserves little more than there is room for.
func (c *Caller) pass(ctx context.Context, id uuid.UUID, u campaign.Urgency, legs int) (a campaign.Attempt, permit *pace.Permit, begun time.Time, err error) {
	for try := 1; ; try++ {
		if permit, err = c.permit(ctx, u, legs); err != nil {
			return a, nil, begun, err
		}
		failpoint.Hit("place.permitted")
		begun = time.Now()
		if a, err = c.gate(ctx, id); err == nil {
			return a, permit, begun, nil
		}
		permit.Return()
		if !errors.Is(err, campaign.ErrNoRoom) || try == roomTries {
			return a, nil, begun, err
		}
		if err := background.Sleep(ctx, roomPause); err != nil {
			return a, nil, begun, err
		}
	}
}

// maxLegs bounds the permits that one call takes for its legs, so that a task, which has
// a minute, reaches its POST.
const maxLegs = 10

// permit waits for the right to send a call that may open this many legs. Nobody knows
// yet when a leg starts, but counting it keeps calls and legs together within the rate.
func (c *Caller) permit(ctx context.Context, u campaign.Urgency, legs int) (*pace.Permit, error) {
	if err := c.outage.wait(ctx); err != nil {
		return nil, fmt.Errorf("wait for Vonage: %w", err)
	}
	if err := c.clocks.wait(ctx); err != nil {
		return nil, fmt.Errorf("wait for the clocks to agree: %w", err)
	}
	permit, err := c.calls.WaitWithLegs(ctx, pace.Class(u), min(legs, maxLegs))
	if err == nil && ctx.Err() != nil {
		permit.Return()
		err = fmt.Errorf("stopped before the gate: %w", ctx.Err())
	}
	return permit, err
}

// gate commits the intent to POST. A stop does not interrupt it, so we always know
// whether the intent was committed.
func (c *Caller) gate(ctx context.Context, id uuid.UUID) (campaign.Attempt, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), gateTimeout)
	defer cancel()
	return c.store.Gate(ctx, id, c.tokenLife)
}

// errTooLate means that the POST was not sent.
var errTooLate = fmt.Errorf("nothing was sent: the account's pace left no room within %v", maxHold)

// send makes the POST, once, unless too much time has passed since the gate. Everything
// is ready before the permit's moment. If that moment is missed, send takes the next
// permit, as long as there is still time after the gate.
func (c *Caller) send(ctx context.Context, a campaign.Attempt, request voice.CallRequest, permit *pace.Permit, begun time.Time) (campaign.Outcome, error) {
	//guard:false jobs.TestGateWithAnotherClockSendsNothing: no POST leaves with a token of a clock that differs
	if differ := c.clocks.difference(); differ != "" {
		permit.Return()
		return refused(campaign.RefusedClock), errors.New("nothing was sent: " + differ)
	}
	token, err := c.tokens.of(a)
	if err != nil {
		permit.Return()
		return provider.Outcome(voice.Created{}, err, time.Now()), err
	}
	//guard:drop jobs.TestCallTooLongAfterTheGate: nothing is sent too long after the gate
	permit.SetDeadline(begun.Add(min(maxHold, c.tokenLife/2)))
	failpoint.Hit("place.sending")
	made, err := c.client.CreateCall(failpoint.OnAnswer(ctx, "place.answering"), permit, token, request)
	failpoint.Hit("place.answered")
	if errors.Is(err, voice.ErrMissed) {
		return refused(campaign.RefusedStale), errTooLate
	}
	c.outage.hold(provider.RetryAfter(err))
	outcome := provider.Outcome(made, err, time.Now())
	life := a.TokenExpiresAt.Sub(a.DialedAt)
	//guard:value jobs.TestCallRefusedForExpiredToken: a 401 to a token that may have expired by Vonage's clock says nothing about the key
	if outcome.Refusal == campaign.RefusedAuth && time.Since(begun) > life-time.Second-min(campaign.ClockTolerance, life/2) {
		// The token may have expired, in whole seconds and by Vonage's clock.
		outcome = refused(campaign.RefusedStale)
	}
	//guard:false jobs.TestUnauthorizedByTheClockIsNoBadKey: a 401 that shows another clock says nothing about the key
	if outcome.Refusal == campaign.RefusedAuth && c.clocks.difference() != "" {
		outcome.Refusal = campaign.RefusedClock
	}
	return outcome, err
}

// learn applies an outcome to the breaker and clocks of this process.
func (c *Caller) learn(ctx context.Context, a campaign.Attempt, o campaign.Outcome) {
	c.outage.note(o)
	switch o.Refusal {
	case campaign.RefusedStale, campaign.RefusedClock: // nothing was sent, or the refusal proves nothing
	case campaign.RefusedUnreachable:
		//guard:false jobs.TestUnreachableVonageIsAnAlarm: a process that reaches Vonage no more is an alarm
		if c.reach.failed() {
			tellUnreached(ctx, c.store, c.log)
		}
	default:
		if o.Kind != campaign.OutcomeUnknown {
			c.reach.answered()
		}
	}
	switch o.Kind {
	case campaign.OutcomeRefused:
		c.log.InfoContext(ctx, "no call was made", "attempt_id", a.ID, "campaign_id", a.CampaignID,
			"refusal", string(o.Refusal), "said", o.Said)
	case campaign.OutcomeUnknown:
		c.log.InfoContext(ctx, "whether a call was made is not known; it will be settled from Vonage's list",
			"attempt_id", a.ID, "campaign_id", a.CampaignID, "said", o.Said)
	}
}

// record stores the outcome, and tries again for a while.
func (c *Caller) record(ctx, working context.Context, a campaign.Attempt, o campaign.Outcome) error {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	defer context.AfterFunc(working, cancel)()
	pause := 100 * time.Millisecond
	for {
		err := c.store.Record(ctx, a.ID, o)
		if err == nil {
			failpoint.Hit("record.committed")
			return nil
		}
		if ignoreHandled(err) == nil || background.Sleep(ctx, pause) != nil {
			c.log.ErrorContext(ctx, "outcome not recorded", "attempt_id", a.ID, "outcome", string(o.Kind), "error", err)
			return err
		}
		pause = min(2*pause, 2*time.Second)
	}
}

// ignoreHandled returns nil for errors that mean the attempt needs nothing more: another
// caller has it, it was withdrawn, or it does not exist.
func ignoreHandled(err error) error {
	for _, none := range []error{campaign.ErrStale, campaign.ErrWithdrawn, campaign.ErrNotFound} {
		if errors.Is(err, none) {
			return nil
		}
	}
	return err
}
