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
	// hangupTimeout bounds one try. Vonage refuses to control a call for two seconds
	// after the call was made, and the client waits for that twice.
	hangupTimeout = 12 * time.Second
	// hangupHold is how long an order belongs to this process alone. It doubles after
	// each try.
	hangupHold  = 15 * time.Second
	hangupTries = 6 // over about eight minutes
	// hangupRecord bounds the time to store the result of a try.
	hangupRecord = 5 * time.Second
)

// HangUpStore has the orders to end calls that should not be up.
type HangUpStore interface {
	// PendingHangUps takes up to limit due orders whose calls are not known to be over.
	// Other processes do not get them for hold, and for twice as long after each try.
	PendingHangUps(ctx context.Context, limit int, hold time.Duration) ([]campaign.HangUp, error)
	// HungUp stores the result of a try. An order that is given up raises an alarm.
	HungUp(ctx context.Context, h campaign.HangUp, t campaign.HangUpTry) error
}

// hangupWorker ends calls that should not be up. A hang-up may be sent twice, so an order
// that a killed process had taken becomes due again after a while.
type hangupWorker struct {
	store  HangUpStore
	client *voice.Client
}

// runOnce tries the orders that are due, and returns their number.
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
		return nil // stopping proves nothing about the call: the order stays due
	}
	storing, cancel := context.WithTimeout(context.WithoutCancel(ctx), hangupRecord)
	defer cancel()
	return h.store.HungUp(storing, order, tried(order, err, over))
}

// over reports whether a hang-up failed because the call had already ended. Vonage then
// answers 404. It may also answer 400; in that case the call's record shows it.
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

// tried decides what a try means for its order.
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
