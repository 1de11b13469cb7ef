package storage

import (
	"context"
	"fmt"
	"time"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
)

// LoadPace reads one budget of the account, and the database's clock.
func (db *DB) LoadPace(ctx context.Context, budget campaign.Budget) (p campaign.Pace, now time.Time, err error) {
	err = db.pool.QueryRow(ctx, `
		SELECT clock_timestamp(), available_at, next_at, accepted_at, refused_at,
		       reduced_to, reduced_at, reduced_until, version
		FROM pace WHERE budget = $1`, budget).
		Scan(&now, &p.AvailableAt, &p.NextAt, &p.AcceptedAt, &p.RefusedAt,
			&p.ReducedTo, &p.ReducedAt, &p.ReducedUntil, &p.Version)
	if err != nil {
		return p, now, fmt.Errorf("load the pace of %s: %w", budget, translate(err))
	}
	return p, now, nil
}

// SavePace writes the budget back. It returns false, and changes nothing, if another
// process has changed it since it was read. No lock is held in between, so a process
// that pauses there delays no other.
func (db *DB) SavePace(ctx context.Context, budget campaign.Budget, p campaign.Pace) (saved bool, err error) {
	tag, err := db.pool.Exec(ctx, `
		UPDATE pace
		SET available_at = @available, next_at = @next, accepted_at = @accepted, refused_at = @refused,
		    reduced_to = @reduced_to, reduced_at = @reduced_at, reduced_until = @reduced_until, version = version + 1
		WHERE
		-- guard:drop storage.TestPaceIsSavedOnce: a budget that another process changed is not overwritten
		      version = @version AND
		      budget = @budget`,
		pgx.StrictNamedArgs{
			"budget": budget, "available": p.AvailableAt, "next": p.NextAt,
			"accepted": p.AcceptedAt, "refused": p.RefusedAt,
			"reduced_to": p.ReducedTo, "reduced_at": p.ReducedAt, "reduced_until": p.ReducedUntil, "version": p.Version,
		})
	if err != nil {
		return false, fmt.Errorf("save the pace of %s: %w", budget, translate(err))
	}
	return tag.RowsAffected() == 1, nil
}
