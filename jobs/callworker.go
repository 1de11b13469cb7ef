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

// loadPause is how long a worker rests when it could not read its attempt, so that the
// queue does not spin while Postgres is away.
const loadPause = time.Second

// WorkStore is what a worker needs to call the people of campaigns.
type WorkStore interface {
	CallStore

	// Load reads what the attempt's call needs. It returns campaign.ErrStale when the
	// attempt is no longer reserved.
	Load(ctx context.Context, id uuid.UUID) (campaign.Placement, error)
	// RefuseMessage withdraws a reserved attempt whose message cannot be made,
	// and pauses its campaign.
	RefuseMessage(ctx context.Context, id uuid.UUID, why string) error
	// PauseUnreadable pauses the campaign of an attempt for which Load returned a
	// campaign.ErrUnreadable.
	PauseUnreadable(ctx context.Context, id uuid.UUID, why string) error
}

// callWorker is the asynq handler: it makes the call of each task's attempt.
// Before the gate it may return an error, and asynq delivers the task again. After the
// gate it never does.
type callWorker struct {
	*Caller
	store     WorkStore
	publicURL string

	// stopping ends when no new gate may start. working ends when nobody waits for
	// results any more. asynq gives a handler its context and knows neither.
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
