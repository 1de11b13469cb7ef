package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
)

// ManualCallStore keeps manual calls, which are attempts of no campaign.
type ManualCallStore interface {
	// ReserveManual keeps others from calling the same number or address. A
	// *campaign.BlockedError names the obstacle.
	ReserveManual(ctx context.Context, by Actor, a campaign.Attempt) error
	// Withdraw voids a reserved attempt; campaign.ErrStale if it is not reserved.
	Withdraw(ctx context.Context, id uuid.UUID, why campaign.Withdrawal) error
	ManualCall(ctx context.Context, id string) (campaign.Attempt, error)
}

// TestCallStore keeps test calls, which play a campaign's message to one number.
type TestCallStore interface {
	// ReserveTest reserves the call, and a running dialer makes it. A
	// *campaign.BlockedError names the obstacle.
	ReserveTest(ctx context.Context, by Actor, p campaign.Placement) error
}

// TestCall makes a running dialer call the number with the message of a row. It is a
// manual call: it belongs to no campaign, and no campaign's figures count it.
func TestCall(ctx context.Context, store TestCallStore, by Actor, p campaign.Placement) error {
	if err := by.may(Operator); err != nil {
		return err
	}
	err := store.ReserveTest(ctx, by, p)
	if blocked, ok := errors.AsType[*campaign.BlockedError](err); ok {
		return fmt.Errorf("not called: %w", blocked)
	}
	return err
}

// ManualCalls has the use case of calls that people make one by one.
type ManualCalls struct{ Store ManualCallStore }

const (
	// manualWait is how long a manual call waits for its turn at the account's pace. Its
	// reservation lasts a little longer.
	manualWait      = 90 * time.Second
	withdrawTimeout = 10 * time.Second
)

// Make reserves the call and makes it, in the same order as a campaign's call: call waits
// for a permit, passes the gate, sends one request and records its outcome. An error of
// call means that the attempt did not pass the gate, and the number is free again.
func (m ManualCalls) Make(ctx context.Context, by Actor, a campaign.Attempt, call func(context.Context) error) error {
	if err := by.may(Operator); err != nil {
		return err
	}
	if err := m.Store.ReserveManual(ctx, by, a); err != nil {
		if blocked, ok := errors.AsType[*campaign.BlockedError](err); ok {
			return blocked
		}
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, manualWait)
	defer cancel()
	if err := call(ctx); err != nil {
		return m.withdraw(ctx, a.ID, err)
	}
	return nil
}

// withdraw frees the number, and returns why the call did not pass the gate.
func (m ManualCalls) withdraw(ctx context.Context, id uuid.UUID, why error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTimeout)
	defer cancel()
	reason := campaign.WithdrawnAbandoned
	if errors.Is(why, campaign.ErrDialLocked) {
		reason = campaign.WithdrawnLocked
	}
	if err := m.Store.Withdraw(ctx, id, reason); err != nil && !errors.Is(err, campaign.ErrStale) {
		why = errors.Join(why, err)
	}
	if void, err := m.Store.ManualCall(ctx, id.String()); err == nil && void.State == campaign.Void {
		why = fmt.Errorf("%s: %w", campaign.Withdrawal(void.Note).Meaning(), why)
	}
	return why
}
