package jobs

import (
	"context"
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
)

// clock is the database's, by which all that is stored is timed.
type clock interface {
	Now(ctx context.Context) (time.Time, error)
}

// SweepStore is what the sweeper needs: it finds what dead processes left.
type SweepStore interface {
	// ExpireDialing moves attempts that are still dialing grace after their
	// token expired to unknown, and returns how many.
	ExpireDialing(ctx context.Context, grace time.Duration) (int, error)
	// CloseSilent ends accepted attempts that failed longer than grace ago and
	// whose completed event never came, and returns how many.
	CloseSilent(ctx context.Context, grace time.Duration) (int, error)
	// FinishCampaigns marks running campaigns without unfinished contacts as
	// finished, and finished ones with unfinished contacts as running.
	FinishCampaigns(ctx context.Context) (int, error)
	// FoldCounters keeps reports quick; they are exact without it.
	FoldCounters(ctx context.Context) (int, error)
	// VoidAbandoned voids manual calls whose command ended before the gate.
	VoidAbandoned(ctx context.Context) (int, error)
	// KeepPartitions creates the partitions of events for the days ahead.
	KeepPartitions(ctx context.Context) error
}

// SettleStore is what settling unknown attempts needs.
type SettleStore interface {
	clock

	// Unsettled returns up to limit unknown attempts without a call uuid whose
	// token expired longer than settleAfter ago, oldest first.
	Unsettled(ctx context.Context, settleAfter time.Duration, limit int) ([]campaign.Attempt, error)
	// Canaries returns the n latest attempts dialed between from and to that
	// Vonage is known to have, by their call uuid.
	Canaries(ctx context.Context, from, to time.Time, n int) ([]campaign.Attempt, error)
	// ProveAbsent counts one complete scan, begun at scanStarted by the
	// database's clock, that did not show these attempts. An attempt that two
	// such scans did not show, gap apart, becomes absent and its contact due
	// again. It returns how many became absent. Attempts that must exist, have
	// a uuid or are not unknown any more are passed over.
	ProveAbsent(ctx context.Context, ids []uuid.UUID, scanStarted time.Time, gap time.Duration) (int, error)
	// GiveUp marks unknown attempts dialed longer than retention ago as lost.
	GiveUp(ctx context.Context, retention time.Duration) (int, error)
	// Raise stores an alarm.
	Raise(ctx context.Context, a campaign.Alarm) error
}

// RecoveryStore is what a database needs that may have forgotten something.
type RecoveryStore interface {
	// Mark moves the database's mark to now, or holds the database where the
	// witness says that it must not dial, and returns how it stands then.
	Mark(ctx context.Context, w campaign.Witness) (campaign.Installation, error)
	// ExpireDialing and Raise are as for the sweeper and the settler.
	ExpireDialing(ctx context.Context, grace time.Duration) (int, error)
	Raise(ctx context.Context, a campaign.Alarm) error
	// FoldFrom is from when on Vonage's list is to be read back.
	FoldFrom(ctx context.Context, retention time.Duration) (time.Time, error)
	// MustShow returns calls that began between from and to and that the books
	// say Vonage has, some n of them by their call uuids, and how many more
	// it has whose uuids are not known.
	MustShow(ctx context.Context, from, to time.Time, n int) (uuids []string, unnamed int, err error)
	// FoldBack folds records in, and from the second reading on gives calls
	// that the database forgot an attempt each.
	FoldBack(ctx context.Context, h campaign.Hold, records []campaign.Evidence) (campaign.FoldedBack, error)
	// FinishReading counts a complete reading, and releases the database after
	// the last. It reports whether it did.
	FinishReading(ctx context.Context, h campaign.Hold) (bool, error)
	// RejectReading notes that a reading lacked so many calls that had to be in
	// it. It counts for nothing, and the next one waits.
	RejectReading(ctx context.Context, h campaign.Hold, missing int) error
}

// BooksStore is what reconciliation needs.
type BooksStore interface {
	clock

	// Reconcile folds a batch of Vonage's records in: each is matched to
	// an attempt by its uuid, or, where no attempt has the uuid, to the one
	// attempt without a uuid that went to the same number from the same number
	// and was dialed at the right time (outbound only). A record that matches
	// none is kept as a foreign call; one that matches two or more raises an
	// alarm and binds nothing. As long as the attempt may have another call
	// that is not listed yet, the record waits. It also waits until all of the
	// time was read in which the attempt's call may have begun: the records that
	// wait for this alone are returned, but for those of unknown attempts, which
	// the settler reads. Prices keep their trail.
	Reconcile(ctx context.Context, records []campaign.Evidence, r campaign.Reading) (campaign.Reconciled, []campaign.Unread, error)
	// Watermark is how far the named pass has read; campaign.ErrNotFound
	// before its first time.
	Watermark(ctx context.Context, pass string) (time.Time, error)
	SetWatermark(ctx context.Context, pass string, reached time.Time) error
	// Stragglers returns up to limit attempts that Vonage has and that
	// are either still open or have no price yet, whose next look is due, and
	// puts their next look off, each time by twice as long.
	Stragglers(ctx context.Context, limit int, every time.Duration) ([]campaign.Attempt, error)
	// FirstDialed is when the first attempt ever was dialed, or
	// campaign.ErrNotFound.
	FirstDialed(ctx context.Context) (time.Time, error)
}
