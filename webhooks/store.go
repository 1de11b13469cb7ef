package webhooks

import (
	"context"

	"dialer/campaign"

	"github.com/google/uuid"
)

// Store keeps what Vonage sends, and knows what it asks for.
type Store interface {
	// Receive stores the event as it came and folds it into the attempt that
	// it concerns, in one transaction that is committed when it returns nil.
	Receive(ctx context.Context, r campaign.Received) error
	// Placement reads what the attempt's call was placed with, in whatever
	// state the attempt is; campaign.ErrNotFound when there is none.
	Placement(ctx context.Context, attempt uuid.UUID) (campaign.Placement, error)
	// RaiseSeldom stores an alarm, once a minute of a kind.
	RaiseSeldom(ctx context.Context, a campaign.Alarm) error
}
