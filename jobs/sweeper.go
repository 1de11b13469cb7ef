package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dialer/campaign"
)

const (
	sweepEvery = 2 * time.Second
	// silentGrace is how long completed may follow a failing status.
	silentGrace     = 2 * time.Minute
	partitionsEvery = time.Hour
)

// sweeper finds what dead processes and lost webhooks left.
type sweeper struct {
	store     SweepStore
	kept      time.Duration // how long Vonage keeps its records
	keepAgain time.Time     // when the partitions are next looked at
}

// swept counts what one round found.
type swept struct {
	Abandoned, Expired, Closed, Finished, Folded int
}

// runOnce does each part, whatever became of the others.
func (s *sweeper) runOnce(ctx context.Context) (swept, error) {
	var n swept
	var errs [6]error
	n.Expired, errs[0] = s.store.ExpireDialing(ctx, campaign.DialingGrace)
	n.Closed, errs[1] = s.store.CloseSilent(ctx, silentGrace, s.kept)
	n.Finished, errs[2] = s.store.FinishCampaigns(ctx)
	n.Folded, errs[4] = s.store.FoldCounters(ctx)
	n.Abandoned, errs[3] = s.store.VoidAbandoned(ctx)
	errs[5] = s.keepPartitions(ctx)
	if err := errors.Join(errs[:]...); err != nil {
		return n, fmt.Errorf("sweep: %w", err)
	}
	return n, nil
}

func (s *sweeper) keepPartitions(ctx context.Context) error {
	if now := time.Now(); now.After(s.keepAgain) {
		if err := s.store.KeepPartitions(ctx); err != nil {
			return err
		}
		s.keepAgain = now.Add(partitionsEvery)
	}
	return nil
}
