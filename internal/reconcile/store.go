package reconcile

import (
	"context"
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
)

// ScanStore keeps the records and the scans of Vonage's list.
type ScanStore interface {
	// BeginScan notes when the reading of a window begins, and which calls it must
	// show.
	BeginScan(ctx context.Context, from, to time.Time, seen bool, t campaign.Times) (campaign.Scan, error)
	// StoreRecords stores what is new in records, and folds it into the attempts
	// that have these calls.
	StoreRecords(ctx context.Context, records []campaign.Evidence) (campaign.Reconciled, error)
	// FinishScan stores a complete scan, once all its records are stored.
	FinishScan(ctx context.Context, s campaign.Scan) (int64, error)
}

// Store is what reconciliation needs of Postgres.
type Store interface {
	ScanStore

	// Now is the database's clock, by which all that is stored is timed.
	Now(ctx context.Context) (time.Time, error)
	// Watermark is how far the named pass has read; campaign.ErrNotFound before
	// its first time.
	Watermark(ctx context.Context, pass string) (time.Time, error)
	SetWatermark(ctx context.Context, pass string, reached time.Time) error
	// FirstDialed is when the first attempt ever was dialed, or
	// campaign.ErrNotFound.
	FirstDialed(ctx context.Context) (time.Time, error)

	// FoldMatched folds records whose attempt came to be known after they were
	// stored.
	FoldMatched(ctx context.Context) (int, error)
	// MatchCalls gives calls to attempts by their numbers, and raises alarms of
	// those that it cannot give to any.
	MatchCalls(ctx context.Context, t campaign.Times) (campaign.Reconciled, error)

	// DueUnknown returns unknown attempts that are to be looked for now, and
	// Looked notes when each is looked for again.
	DueUnknown(ctx context.Context, limit int, t campaign.Times) ([]campaign.UnknownAttempt, error)
	Looked(ctx context.Context, next map[uuid.UUID]time.Time) error
	// LookFailed puts attempts behind those that wait.
	LookFailed(ctx context.Context, ids []uuid.UUID, wait time.Duration) error
	// NearestKnown is the call nearest to a moment that Vonage is known to have,
	// or campaign.ErrNotFound.
	NearestKnown(ctx context.Context, at time.Time, t campaign.Times) (campaign.Attempt, error)
	// ProveAbsent moves unknown attempts to absent if the stored scans prove that
	// Vonage made no call.
	ProveAbsent(ctx context.Context, t campaign.Times) (int, error)
	// RaiseBlocked tells of what stands in the way of proofs.
	RaiseBlocked(ctx context.Context, t campaign.Times) error
	// GiveUp marks unknown attempts dialed longer than kept ago as lost.
	GiveUp(ctx context.Context, kept time.Duration) (int, error)
	// OverdueCalls returns calls that should be over or priced by now, and puts
	// their next look off.
	OverdueCalls(ctx context.Context, limit int, every, kept time.Duration) ([]campaign.Attempt, error)
	// Raise stores an alarm.
	Raise(ctx context.Context, a campaign.Alarm) error
}

// RestoreStore is what a database needs that may have forgotten something.
type RestoreStore interface {
	ScanStore

	// Identity is how the database stands, and where it is.
	Identity(ctx context.Context) (campaign.DatabaseIdentity, campaign.ServerIdentity, error)
	// ExpireDialing moves attempts that are still dialing grace after their token
	// expired to unknown.
	ExpireDialing(ctx context.Context, grace time.Duration) (int, error)
	FoldMatched(ctx context.Context) (int, error)
	MatchCalls(ctx context.Context, t campaign.Times) (campaign.Reconciled, error)
	// CallsToAnybody counts calls of no attempt that the database may have forgotten
	// and of which the list does not say whom they went to.
	CallsToAnybody(ctx context.Context, h campaign.DialLock, t campaign.Times) (int, error)
	// Recover counts forgotten calls, and from the second scan on gives each an
	// attempt.
	Recover(ctx context.Context, h campaign.DialLock, t campaign.Times) (campaign.Restored, error)
	// CountScan counts a complete scan, and releases the database after the
	// last. It reports whether it did.
	CountScan(ctx context.Context, h campaign.DialLock) (bool, error)
	// RejectScan notes that a scan lacked so many calls that had to be in it.
	RejectScan(ctx context.Context, h campaign.DialLock, missing int) error
	Raise(ctx context.Context, a campaign.Alarm) error
}
