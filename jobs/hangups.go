package jobs

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"dialer/campaign"
	"dialer/internal/provider"
	"dialer/voice"
)

const (
	hangupEvery = time.Second
	hangupBatch = 4
	// hangupTimeout bounds one try. Vonage refuses control of a call for two
	// seconds after it made it, and the client waits for that twice.
	hangupTimeout = 12 * time.Second
	// hangupHold is how long an order is this process's alone, and twice as long
	// after each try.
	hangupHold  = 15 * time.Second
	hangupTries = 6 // over about eight minutes
	// hangupRecord bounds storing what came of a try.
	hangupRecord = 5 * time.Second
)

// HangUpStore is what ending superfluous calls needs.
type HangUpStore interface {
	// PendingHangUps takes up to limit orders that are due, whose calls are not
	// known to be over, and keeps the others from them for hold, and twice as
	// long after each try.
	PendingHangUps(ctx context.Context, limit int, hold time.Duration) ([]campaign.HangUp, error)
	// HungUp stores what came of a try. One that is given up is an alarm.
	HungUp(ctx context.Context, h campaign.HangUp, t campaign.HangUpTry) error
}

// hangupWorker ends calls that should not be up. A hang-up may be sent twice, so what
// a killed process had taken is simply due again after a while.
type hangupWorker struct {
	store  HangUpStore
	client *voice.Client
}

// runOnce tries what is due, and returns how many orders it tried.
func (h *hangupWorker) runOnce(ctx context.Context) (int, error) {
	pending, err := h.store.PendingHangUps(ctx, hangupBatch, hangupHold)
	if err != nil {
		return 0, err
	}
	var wg sync.WaitGroup
	errs := make([]error, len(pending))
	for i, order := range pending {
		wg.Go(func() { errs[i] = h.try(ctx, order) })
	}
	wg.Wait()
	return len(pending), errors.Join(errs...)
}

func (h *hangupWorker) try(ctx context.Context, order campaign.HangUp) error {
	asking, cancel := context.WithTimeout(ctx, hangupTimeout)
	defer cancel()
	err := h.client.Hangup(asking, order.CallUUID)
	over := err != nil && h.over(asking, order.CallUUID, err)
	//guard:false jobs.TestHangupWorkerStopped: being stopped says nothing about the call
	if err != nil && !over && ctx.Err() != nil {
		return nil // being stopped says nothing about the call: the order stays due
	}
	storing, cancel := context.WithTimeout(context.WithoutCancel(ctx), hangupRecord)
	defer cancel()
	return h.store.HungUp(storing, order, tried(order, err, over))
}

// over reports whether a hang-up failed because there is nothing left to hang
// up. Vonage answers 404 to that, and may answer 400: then its record
// tells.
func (h *hangupWorker) over(ctx context.Context, uuid string, err error) bool {
	if errors.Is(err, voice.ErrNotFound) {
		return true
	}
	if e, ok := errors.AsType[*voice.Error](err); !ok || e.Status != http.StatusBadRequest {
		return false
	}
	call, err := h.client.GetCall(ctx, uuid)
	return err == nil && campaign.Ends(call.Status)
}

// tried says what a try means for its order.
func tried(order campaign.HangUp, err error, over bool) campaign.HangUpTry {
	switch {
	case err == nil:
		return campaign.HangUpTry{State: campaign.HangUpDone, Effect: campaign.EffectDone, Answer: string(campaign.EffectDone)}
	case over:
		return campaign.HangUpTry{State: campaign.HangUpAlreadyEnded, Effect: provider.Effect(err), Answer: err.Error()}
	}
	t := campaign.HangUpTry{State: campaign.HangUpPending, Effect: provider.Effect(err), Answer: err.Error()}
	if order.Tries >= hangupTries || errors.Is(err, voice.ErrInvalid) {
		t.State = campaign.HangUpFailed
	}
	return t
}
