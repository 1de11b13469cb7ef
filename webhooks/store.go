package webhooks

import (
	"context"

	"dialer/campaign"

	"github.com/google/uuid"
)

// Store keeps the events and reads the attempts.
type Store interface {
	// Receive stores the event unchanged and applies it to its attempt, in
	// one transaction that is committed when it returns nil. If its token came
	// before it stores nothing and returns campaign.ErrRepeated, or
	// campaign.ErrTokenReused if the token came with another request.
	Receive(ctx context.Context, r campaign.Received) error
	// SeeToken keeps the token of a request that stores nothing else. Its errors
	// are those of Receive.
	SeeToken(ctx context.Context, t campaign.SeenToken) error
	// Placement reads an attempt in any state, with what its message needs;
	// campaign.ErrNotFound if there is none.
	Placement(ctx context.Context, attempt uuid.UUID) (campaign.Placement, error)
	// RingBack notes that a person rang, and reads their latest message. It returns
	// campaign.ErrNotFound if there is none that they may hear again.
	RingBack(ctx context.Context, in campaign.InboundCall) (campaign.Placement, error)
	// InboundPlacement reads what the answer to an incoming call needs.
	InboundPlacement(ctx context.Context, inbound uuid.UUID) (campaign.Placement, error)
	// MessageAsked notes that Vonage asked for the message of an attempt whose call is
	// not known. So Vonage made a call.
	MessageAsked(ctx context.Context, attempt uuid.UUID) error
	// RaiseSeldom stores an alarm, at most once a minute for each kind.
	RaiseSeldom(ctx context.Context, a campaign.Alarm) error
}
