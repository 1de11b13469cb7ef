package webhooks

import (
	"context"

	"dialer/campaign"

	"github.com/google/uuid"
)

// Store keeps the events, and knows the attempts.
type Store interface {
	// Receive stores the event unchanged and applies it to its attempt, in
	// one transaction that is committed when it returns nil.
	Receive(ctx context.Context, r campaign.Received) error
	// Placement reads an attempt in any state, with what its message needs;
	// campaign.ErrNotFound if there is none.
	Placement(ctx context.Context, attempt uuid.UUID) (campaign.Placement, error)
	// RaiseSeldom stores an alarm, at most once a minute for each kind.
	RaiseSeldom(ctx context.Context, a campaign.Alarm) error
}
