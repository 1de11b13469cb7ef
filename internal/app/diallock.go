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

// DialLock is what a person decides about a database that calls nobody. Each decision
// returns the database as it is then, or campaign.ErrNotLocked if there is nothing to
// decide.
type DialLock struct{ Store DialLockStore }

// Release says that this copy of the database is the one that dials. A
// campaign.GapError: Vonage's records, which are kept for recordsKept, do not reach
// back to what the database knows, and despiteGap does not accept that.
func (l DialLock) Release(ctx context.Context, by Actor, recordsKept time.Duration, despiteGap bool) (campaign.DatabaseIdentity, error) {
	if err := by.may(Admin); err != nil {
		return campaign.DatabaseIdentity{}, err
	}
	return l.Store.Release(ctx, by, recordsKept, despiteGap)
}

// KeepAccount keeps the account that the database had, where another one asked to call.
func (l DialLock) KeepAccount(ctx context.Context, by Actor) (campaign.DatabaseIdentity, error) {
	if err := by.may(Admin); err != nil {
		return campaign.DatabaseIdentity{}, err
	}
	return l.Store.KeepAccount(ctx, by)
}

// AcceptIncompleteList lets scans of Vonage's list count that lack no more calls than
// the last one did.
func (l DialLock) AcceptIncompleteList(ctx context.Context, by Actor) (campaign.DatabaseIdentity, error) {
	if err := by.may(Admin); err != nil {
		return campaign.DatabaseIdentity{}, err
	}
	return l.Store.AcceptIncompleteList(ctx, by)
}
