package reconcile

import (
	"context"
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
)

// ScanStore keeps the records and the scans of Vonage's list.
type ScanStore interface {
	// BeginScan notes when the reading of a window begins, and which calls the scan must
	// show.
	BeginScan(ctx context.Context, from, to time.Time, seen bool, t campaign.Times) (campaign.Scan, error)
	// StoreRecords stores the new facts in records, and folds them into the attempts that
	// have these calls.
	StoreRecords(ctx context.Context, records []campaign.Evidence) (campaign.Reconciled, error)
	// FinishScan stores a complete scan, once all its records are stored.
	FinishScan(ctx context.Context, s campaign.Scan) (int64, error)
}

// Store is the part of Postgres that reconciliation needs.
type Store interface {
	ScanStore

	// Now is the database's clock, which times everything that is stored.
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
	// MatchCalls assigns calls to attempts by their numbers, and raises alarms for calls
	// that belong to no attempt.
	MatchCalls(ctx context.Context, t campaign.Times) (campaign.Reconciled, error)

	// DueUnknown returns unknown attempts that are due to be looked for, and Looked notes
	// when each is due again.
	DueUnknown(ctx context.Context, limit int, t campaign.Times) ([]campaign.UnknownAttempt, error)
	Looked(ctx context.Context, next map[uuid.UUID]time.Time) error
	// LookFailed moves attempts behind those that wait.
	LookFailed(ctx context.Context, ids []uuid.UUID, wait time.Duration) error
	// NearestKnown is the known call nearest to a moment, or campaign.ErrNotFound.
	NearestKnown(ctx context.Context, at time.Time, t campaign.Times) (campaign.Attempt, error)
	// ProveAbsent moves unknown attempts to absent if the stored scans prove that
	// Vonage made no call.
	ProveAbsent(ctx context.Context, t campaign.Times) (int, error)
	// RaiseBlocked raises alarms about obstacles to proofs.
	RaiseBlocked(ctx context.Context, t campaign.Times) error
	// GiveUp marks unknown attempts dialed longer than kept ago as lost.
	GiveUp(ctx context.Context, kept time.Duration) (int, error)
	// OverdueCalls returns calls that should be over or priced by now, and puts
	// their next look off.
	OverdueCalls(ctx context.Context, limit int, every, kept time.Duration) ([]campaign.Attempt, error)
	// Raise stores an alarm.
	Raise(ctx context.Context, a campaign.Alarm) error
}

// RestoreStore is the part of Postgres that a locked database needs for its release.
type RestoreStore interface {
	ScanStore

	// Identity is the database's identity and lock, and its server.
	Identity(ctx context.Context) (campaign.DatabaseIdentity, campaign.ServerIdentity, error)
	// ExpireDialing moves attempts that are still dialing grace after their token
	// expired to unknown.
	ExpireDialing(ctx context.Context, grace time.Duration) (int, error)
	FoldMatched(ctx context.Context) (int, error)
	MatchCalls(ctx context.Context, t campaign.Times) (campaign.Reconciled, error)
	// CallsToAnybody counts calls without an attempt that the database may have forgotten
	// and whose records do not say which number was called.
	CallsToAnybody(ctx context.Context, h campaign.DialLock, t campaign.Times) (int, error)
	// Recover counts forgotten calls, and from the second scan on gives each an
	// attempt.
	Recover(ctx context.Context, h campaign.DialLock, t campaign.Times) (campaign.Restored, error)
	// CountScan counts a complete scan, and releases the database after the last one. It
	// reports whether it did.
	CountScan(ctx context.Context, h campaign.DialLock) (bool, error)
	// RejectScan notes how many expected calls a scan lacked.
	RejectScan(ctx context.Context, h campaign.DialLock, missing int) error
	Raise(ctx context.Context, a campaign.Alarm) error
}
