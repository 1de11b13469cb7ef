package jobs

import (
	"context"
	"time"

	"dialer/campaign"
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
	// whose completed event never came, and those of which Vonage, which keeps
	// records for kept, has none any more. It returns how many.
	CloseSilent(ctx context.Context, grace, kept time.Duration) (int, error)
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

// RecoveryStore is what a database needs that may have forgotten something.
type RecoveryStore interface {
	// Mark moves the database's mark to now, or holds the database where the
	// witness says that it must not dial, and returns how it stands then.
	Mark(ctx context.Context, w campaign.Witness) (campaign.Installation, error)
}
