package app

import (
	"context"
	"time"

	"dialer/campaign"
)

// DialLockStore keeps the dial lock. Its errors are those of DialLock's methods.
type DialLockStore interface {
	Release(ctx context.Context, by Actor, recordsKept time.Duration, despiteGap bool) (campaign.DatabaseIdentity, error)
	KeepAccount(ctx context.Context, by Actor) (campaign.DatabaseIdentity, error)
	AcceptIncompleteList(ctx context.Context, by Actor) (campaign.DatabaseIdentity, error)
}

// DialLock has a person's decisions about a database that calls nobody. Each decision
// returns the new state of the database, or campaign.ErrNotLocked if there is nothing to
// decide.
type DialLock struct{ Store DialLockStore }

// Release decides that this copy of the database dials. A campaign.GapError means that
// Vonage's records, which are kept for recordsKept, do not reach back to what the
// database knows, and despiteGap does not accept that.
func (l DialLock) Release(ctx context.Context, by Actor, recordsKept time.Duration, despiteGap bool) (campaign.DatabaseIdentity, error) {
	if err := by.may(Admin); err != nil {
		return campaign.DatabaseIdentity{}, err
	}
	return l.Store.Release(ctx, by, recordsKept, despiteGap)
}

// KeepAccount keeps the database's account when a process with another account wanted to
// call.
func (l DialLock) KeepAccount(ctx context.Context, by Actor) (campaign.DatabaseIdentity, error) {
	if err := by.may(Admin); err != nil {
		return campaign.DatabaseIdentity{}, err
	}
	return l.Store.KeepAccount(ctx, by)
}

// AcceptIncompleteList accepts scans of Vonage's list that lack no more calls than the
// last scan did.
func (l DialLock) AcceptIncompleteList(ctx context.Context, by Actor) (campaign.DatabaseIdentity, error) {
	if err := by.may(Admin); err != nil {
		return campaign.DatabaseIdentity{}, err
	}
	return l.Store.AcceptIncompleteList(ctx, by)
}
