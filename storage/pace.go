package storage

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
)

// paceFactor is the share of the rate that a budget is at, at the moment now:
// it rises from where SlowDown put it to 1 within a minute.
const paceFactor = `least(1, factor + (1 - factor) * extract(epoch FROM now - factor_at) / 60)`

// leaseTries bounds how often a lease begins anew because others were quicker.
const leaseTries = 20

// LeaseSlots takes slots of the budget for the caller alone, and takes in what
// became of earlier ones. It locks nothing between its two statements, so a
// process that is stopped there holds up nobody: whoever writes first wins,
// and the others look again.
func (db *DB) LeaseSlots(ctx context.Context, budget campaign.Budget, ask campaign.Ask) (campaign.Lease, error) {
	if !(ask.PerSecond > 0) || math.IsInf(ask.PerSecond, 0) || ask.N < 0 {
		return campaign.Lease{}, fmt.Errorf("lease %d slots of %s: %v a second is no rate", ask.N, budget, ask.PerSecond)
	}
	for range leaseTries {
		lease, err := db.tryLease(ctx, budget, ask)
		if err == nil {
			return lease, nil
		}
		if !errors.Is(err, errOvertaken) {
			return campaign.Lease{}, fmt.Errorf("lease slots of %s: %w", budget, translate(err))
		}
		if err := pause(ctx, 1); err != nil {
			return campaign.Lease{}, fmt.Errorf("lease slots of %s: %w", budget, err)
		}
	}
	return campaign.Lease{}, fmt.Errorf("lease slots of %s: %w %d times", budget, errOvertaken, leaseTries)
}

var errOvertaken = errors.New("others were quicker")

func (db *DB) tryLease(ctx context.Context, budget campaign.Budget, ask campaign.Ask) (campaign.Lease, error) {
	conn, err := db.pool.Acquire(ctx) // before the clocks are compared
	if err != nil {
		return campaign.Lease{}, err
	}
	defer conn.Release()
	var (
		pace    campaign.Pace
		now     time.Time
		version int64
	)
	sent := time.Now()
	err = conn.QueryRow(ctx, `
		SELECT now, turns, next_slot, `+paceFactor+`, version
		FROM pace, clock_timestamp() AS now WHERE budget = $1`, budget).
		Scan(&now, &pace.Free, &pace.Next, &pace.Factor, &version)
	if err != nil {
		return campaign.Lease{}, err
	}
	received := time.Now()
	lease, changed := pace.Lease(now, budget, ask)
	lease.Sent, lease.Received = sent, received
	if !changed {
		return lease, nil
	}
	tag, err := conn.Exec(ctx, `
		UPDATE pace SET turns = @turns, next_slot = @next, version = version + 1
		WHERE budget = @budget AND version = @version`,
		pgx.StrictNamedArgs{"budget": budget, "turns": pace.Free, "next": pace.Next, "version": version})
	if err == nil && tag.RowsAffected() == 0 {
		err = errOvertaken
	}
	return lease, err
}

// SlowDown halves the budget's pace, not more than once a second and not below
// a sixteenth; it recovers by itself over a minute.
func (db *DB) SlowDown(ctx context.Context, budget campaign.Budget) error {
	_, err := db.pool.Exec(ctx, `
		UPDATE pace SET factor = greatest(1.0 / 16, `+paceFactor+` / 2), factor_at = now
		FROM clock_timestamp() AS now
		WHERE budget = $1 AND (factor = 1 OR factor_at < now - interval '1 second')`, budget)
	if err != nil {
		return fmt.Errorf("slow down %s: %w", budget, err)
	}
	return nil
}
