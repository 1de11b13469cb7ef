package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"dialer/campaign"
	"dialer/internal/failpoint"
	"dialer/internal/pace"
	"dialer/internal/provider"
	"dialer/voice"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
)

const (
	gateTimeout = 5 * time.Second
	// holdMost is the longest time between the gate and the POST. What the
	// gate checked must still be true, and the token must outlive the POST.
	holdMost   = 5 * time.Second
	recordMost = 30 * time.Second
	// tokenBack is how far back the token says that it was issued, for a
	// provider whose clock is a little behind.
	tokenBack = 5 * time.Second
	// storePause holds a worker that could not read its attempt, so that the
	// queue does not spin while Postgres is away.
	storePause = time.Second
)

// placer is the asynq handler that makes each attempt's call: permit, gate,
// one POST, record. Before the gate it may return an error, and asynq brings
// the task again; past the gate it never does.
type placer struct {
	publicURL string
	tokenLife time.Duration
	store     PlaceStore
	client    *voice.Client
	calls     *pace.Pacer
	log       *slog.Logger

	// stopping ends when no gate may be begun any more, working when results
	// are not waited for either. A handler gets its context from asynq, which
	// knows neither.
	stopping, working context.Context

	clocks  clockGuard
	outage  breaker
	invalid invalidRuns
	active  sync.WaitGroup
}

// ProcessTask places the task's attempt.
func (p *placer) ProcessTask(ctx context.Context, task *asynq.Task) error {
	p.active.Add(1)
	defer p.active.Done()
	t, err := readTicket(task)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.stopping, cancel)()
	return p.place(ctx, t.Attempt, t.Urgency)
}

func (p *placer) place(ctx context.Context, id uuid.UUID, u campaign.Urgency) error {
	placement, err := p.store.Load(ctx, id)
	if err != nil {
		return p.notLoaded(ctx, err)
	}
	failpoint.Hit("place.loaded")
	call, err := provider.CallRequest(p.publicURL, placement)
	if err != nil {
		return p.withdraw(ctx, id, err)
	}
	permit, err := p.permit(ctx, u)
	if err != nil {
		return err
	}
	failpoint.Hit("place.permitted")
	begun := time.Now()
	attempt, err := p.gate(ctx, id)
	if err != nil {
		permit.Return()
		return nothingToDo(err)
	}
	failpoint.Hit("place.gated")
	// From here on a call may come of it: nothing stops what follows but its
	// own time limits.
	ctx = context.WithoutCancel(ctx)
	outcome := p.send(ctx, attempt, call, permit, begun)
	outcome = p.learn(ctx, attempt, outcome)
	failpoint.Hit("place.learned")
	p.record(ctx, attempt, outcome)
	return nil
}

func (p *placer) notLoaded(ctx context.Context, err error) error {
	if nothingToDo(err) == nil {
		return nil
	}
	_ = sleep(ctx, storePause) // the error is returned either way
	return err
}

// nothingToDo drops the errors that say that the attempt is not this task's.
func nothingToDo(err error) error {
	for _, none := range []error{campaign.ErrStale, campaign.ErrWithdrawn, campaign.ErrNotFound} {
		if errors.Is(err, none) {
			return nil
		}
	}
	return err
}

func (p *placer) withdraw(ctx context.Context, id uuid.UUID, why error) error {
	if err := p.store.Withdraw(ctx, id, campaign.WithdrawnMessage); nothingToDo(err) != nil {
		return err
	}
	p.log.WarnContext(ctx, "message cannot be made", "attempt_id", id, "error", why)
	return nil
}

// permit waits for the right to send a call.
func (p *placer) permit(ctx context.Context, u campaign.Urgency) (*pace.Permit, error) {
	if err := p.outage.wait(ctx); err != nil {
		return nil, fmt.Errorf("wait for Vonage: %w", err)
	}
	if err := p.clocks.wait(ctx); err != nil {
		return nil, fmt.Errorf("wait for the clocks to agree: %w", err)
	}
	permit, err := p.calls.Wait(ctx, pace.Priority(u))
	if err == nil && ctx.Err() != nil {
		permit.Return()
		err = fmt.Errorf("stopped before the gate: %w", ctx.Err())
	}
	return permit, err
}

// gate commits the intent to POST. A stop does not interrupt it, so that it is
// known whether it was committed.
func (p *placer) gate(ctx context.Context, id uuid.UUID) (campaign.Attempt, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), gateTimeout)
	defer cancel()
	return p.store.Gate(ctx, id, p.tokenLife)
}

// send makes the POST, once, unless it took too long to come to it. Everything
// is ready before the permit's moment; when that is missed, the next permit is
// taken, until it would be too long after the gate.
func (p *placer) send(ctx context.Context, a campaign.Attempt, call voice.CallRequest, permit *pace.Permit, begun time.Time) campaign.Outcome {
	token, err := p.client.SignToken(voice.Token{ID: a.ID.String(), IssuedAt: a.DialedAt.Add(-tokenBack), ExpiresAt: a.TokenExpiresAt})
	if err != nil {
		permit.Return()
		return provider.Outcome(voice.Created{}, err, time.Now())
	}
	//guard:drop jobs.TestNothingIsSentTooLongAfterTheGate: nothing is sent too long after the gate
	permit.SetDeadline(begun.Add(min(holdMost, p.tokenLife/2)))
	failpoint.Hit("place.sending")
	made, err := p.client.CreateCall(failpoint.OnAnswer(ctx, "place.answering"), permit, token, call)
	failpoint.Hit("place.answered")
	if errors.Is(err, voice.ErrMissed) {
		return refused(campaign.RefusedStale)
	}
	p.outage.hold(provider.RetryAfter(err))
	outcome := provider.Outcome(made, err, time.Now())
	if outcome.Refusal == campaign.RefusedAuth && time.Since(begun) > p.tokenLife-min(2*time.Second, p.tokenLife/2) {
		// The fence did its work: the request came so late that its token had
		// expired, which it does in whole seconds and by Vonage's clock.
		// That says nothing about the key.
		return refused(campaign.RefusedStale)
	}
	return outcome
}

// learn does what an outcome means for this process and the fleet.
func (p *placer) learn(ctx context.Context, a campaign.Attempt, o campaign.Outcome) campaign.Outcome {
	p.outage.note(o)
	switch o.Kind {
	case campaign.OutcomeRefused:
		p.log.InfoContext(ctx, "no call was made", "attempt_id", a.ID, "campaign_id", a.CampaignID, "refusal", string(o.Refusal))
	case campaign.OutcomeUnknown:
		p.log.InfoContext(ctx, "whether a call was made is not known; it will be settled from Vonage's list",
			"attempt_id", a.ID, "campaign_id", a.CampaignID)
	}
	return p.invalid.judge(a.CampaignID, o)
}

// record stores the outcome, for as long as there is hope. An outcome that is
// lost here is found again by webhook or in Vonage's list.
func (p *placer) record(ctx context.Context, a campaign.Attempt, o campaign.Outcome) {
	ctx, cancel := context.WithTimeout(ctx, recordMost)
	defer cancel()
	defer context.AfterFunc(p.working, cancel)()
	pause := 100 * time.Millisecond
	for {
		err := p.store.Record(ctx, a.ID, o)
		if err == nil {
			failpoint.Hit("record.committed")
			return
		}
		if nothingToDo(err) == nil || sleep(ctx, pause) != nil {
			p.log.ErrorContext(ctx, "outcome not recorded", "attempt_id", a.ID, "outcome", string(o.Kind), "error", err)
			return
		}
		pause = min(2*pause, 2*time.Second)
	}
}

// newPlacer makes the handler; see placer for the two contexts.
func newPlacer(stopping, working context.Context, c Config, store PlaceStore, client *voice.Client, calls *pace.Pacer, log *slog.Logger) *placer {
	return &placer{
		publicURL: c.PublicURL, tokenLife: c.TokenLife,
		store: store, client: client, calls: calls, log: log, stopping: stopping, working: working,
		clocks:  clockGuard{store: store, client: client, log: log},
		invalid: invalidRuns{runs: make(map[int64]int)},
	}
}
