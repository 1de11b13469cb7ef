package jobs

import (
	"context"
	"errors"
	"sync"
	"time"

	"dialer/campaign"
	"dialer/internal/background"
	"dialer/internal/failpoint"
	"dialer/internal/provider"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
)

// loadPause is how long a worker rests that could not read its attempt, so that
// the queue does not spin while Postgres is away.
const loadPause = time.Second

// WorkStore is what a worker needs to call people of campaigns.
type WorkStore interface {
	CallStore

	// Load reads what is needed to make the attempt's call, or
	// campaign.ErrStale when it is not reserved any more.
	Load(ctx context.Context, id uuid.UUID) (campaign.Placement, error)
	// RefuseMessage withdraws a reserved attempt whose message cannot be made,
	// and pauses its campaign.
	RefuseMessage(ctx context.Context, id uuid.UUID, why string) error
	// PauseUnreadable pauses the campaign of an attempt for which Load returned a
	// campaign.ErrUnreadable.
	PauseUnreadable(ctx context.Context, id uuid.UUID, why string) error
}

// callWorker is the asynq handler: it makes the call of each task's attempt.
// Before the gate it may return an error, and asynq brings the task again; past
// the gate it never does.
type callWorker struct {
	*Caller
	store     WorkStore
	publicURL string

	// stopping ends when no gate may be begun any more, working when results
	// are not waited for either. A handler gets its context from asynq, which
	// knows neither.
	stopping, working context.Context
	active            sync.WaitGroup
}

// ProcessTask makes the call of the task's attempt.
func (w *callWorker) ProcessTask(ctx context.Context, task *asynq.Task) error {
	w.active.Add(1)
	defer w.active.Done()
	t, err := readTask(task)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.stopping, cancel)()
	return w.makeCall(ctx, t.Attempt, t.Urgency)
}

func (w *callWorker) makeCall(ctx context.Context, id uuid.UUID, u campaign.Urgency) error {
	placement, err := w.store.Load(ctx, id)
	if err != nil {
		return w.notLoaded(ctx, id, err)
	}
	failpoint.Hit("place.loaded")
	request, err := provider.CallRequest(w.publicURL, placement)
	if err != nil {
		return w.refuse(ctx, id, err)
	}
	_, err = w.Call(ctx, w.working, id, u, request, placement.Settings.Message.KeyLegs())
	return ignoreHandled(err)
}

func (w *callWorker) notLoaded(ctx context.Context, id uuid.UUID, err error) error {
	if ignoreHandled(err) == nil {
		return nil
	}
	//guard:false jobs.TestUnreadableCampaignStopsNoOther: a campaign that cannot be read is paused, and not tried for ever
	if errors.Is(err, campaign.ErrUnreadable) {
		err = errors.Join(err, w.store.PauseUnreadable(ctx, id, err.Error()))
	}
	_ = background.Sleep(ctx, loadPause) // the error is returned either way
	return err
}

func (w *callWorker) refuse(ctx context.Context, id uuid.UUID, why error) error {
	if err := w.store.RefuseMessage(ctx, id, why.Error()); ignoreHandled(err) != nil {
		return err
	}
	w.log.WarnContext(ctx, "the message cannot be made, and the campaign was paused", "attempt_id", id, "error", why)
	return nil
}

// newCallWorker makes the handler; see callWorker for the two contexts.
func newCallWorker(stopping, working context.Context, c Config, store WorkStore, caller *Caller) *callWorker {
	return &callWorker{Caller: caller, store: store, publicURL: c.PublicURL, stopping: stopping, working: working}
}
