package jobs

import (
	"context"
	"errors"
	"time"

	"dialer/campaign"
)

const (
	sweepEvery      = 2 * time.Second
	partitionsEvery = time.Hour
	pruneEvery      = time.Hour
	zonesEvery      = time.Minute
	// silentGrace is how long completed may follow a failing status.
	silentGrace = 2 * time.Minute
)

// SweepStore finds what dead processes and lost webhooks left behind.
type SweepStore interface {
	// ExpireDialing moves attempts to unknown that are still dialing when grace has
	// passed since their token expired. It returns how many.
	ExpireDialing(ctx context.Context, grace time.Duration) (int, error)
	// CloseSilent ends accepted attempts that failed longer than grace ago without a
	// completed event. It also ends those dialed longer than kept ago, because Vonage has
	// dropped their records. It returns how many.
	CloseSilent(ctx context.Context, grace, kept time.Duration) (int, error)
	// FinishCampaigns marks running campaigns without unfinished contacts as
	// finished, and finished ones with unfinished contacts as running.
	FinishCampaigns(ctx context.Context) (int, error)
	// ExpireContacts ends contacts whose time to be called has passed.
	ExpireContacts(ctx context.Context) (int, error)
	// PauseSpent pauses campaigns whose budget allows no further call.
	PauseSpent(ctx context.Context, t campaign.Times) (int, error)
	// VoidAbandoned voids manual calls whose command ended before the gate.
	VoidAbandoned(ctx context.Context) (int, error)
	// FoldCounters keeps reports fast; they are exact without it.
	FoldCounters(ctx context.Context) (int, error)
	// ForgetTokens drops the tokens of webhooks that are too old to be sent again.
	ForgetTokens(ctx context.Context) (int, error)
	// CheckZones sets contacts aside whose zone Postgres does not know.
	CheckZones(ctx context.Context) error
	// KeepPartitions creates the partitions of events for the days ahead.
	KeepPartitions(ctx context.Context) error
	// PruneScans drops scans of Vonage's list that can no longer prove anything, and
	// returns how many. Vonage keeps records for kept.
	PruneScans(ctx context.Context, kept time.Duration) (int, error)
}

// Sweeping is the periodic work that cleans up.
func Sweeping(store SweepStore, t campaign.Times) []Periodic {
	return []Periodic{
		{Name: "sweep", Every: sweepEvery, Run: func(ctx context.Context) error { return sweep(ctx, store, t) }},
		{Name: "check zones", Every: zonesEvery, Run: store.CheckZones},
		{Name: "keep partitions", Every: partitionsEvery, Run: store.KeepPartitions},
		{Name: "prune scans", Every: pruneEvery, Run: func(ctx context.Context) error {
			_, err := store.PruneScans(ctx, t.RecordsKept)
			return err
		}},
	}
}

// sweep does each part, even if others fail.
func sweep(ctx context.Context, store SweepStore, t campaign.Times) error {
	_, expired := store.ExpireDialing(ctx, campaign.DialingGrace)
	_, closed := store.CloseSilent(ctx, silentGrace, t.RecordsKept)
	_, late := store.ExpireContacts(ctx)
	_, spent := store.PauseSpent(ctx, t)
	_, finished := store.FinishCampaigns(ctx)
	_, voided := store.VoidAbandoned(ctx)
	_, folded := store.FoldCounters(ctx)
	_, forgotten := store.ForgetTokens(ctx)
	return errors.Join(expired, closed, late, spent, finished, voided, folded, forgotten)
}
