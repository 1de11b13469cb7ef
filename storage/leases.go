package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
)

// TakeLease gives a piece of periodic work to the owner for term, if no process has it
// and it was not finished within idle. The generation distinguishes this lease from
// earlier and later ones.
func (db *DB) TakeLease(ctx context.Context, name, owner string, term, idle time.Duration) (generation int64, taken bool, err error) {
	err = db.pool.QueryRow(ctx, `
		INSERT INTO leases AS l (name, owner, expires_at) VALUES (@name, @owner, clock_timestamp() + @term::interval)
		ON CONFLICT (name) DO UPDATE SET
			owner = excluded.owner, expires_at = excluded.expires_at, generation = l.generation + 1
		-- guard:value storage.TestLease: one process has the work
		WHERE l.expires_at <= clock_timestamp()
		AND (l.finished_at IS NULL OR l.finished_at <= clock_timestamp() - @idle::interval)
		RETURNING generation`,
		pgx.StrictNamedArgs{"name": name, "owner": owner, "term": term, "idle": idle}).Scan(&generation)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("take the lease of %q: %w", name, err)
	}
	return generation, true, nil
}

// RenewLease extends a lease; campaign.ErrLeaseLost if another process has taken the
// work since.
func (db *DB) RenewLease(ctx context.Context, name string, generation int64, term time.Duration) error {
	return db.changeLease(ctx, `
		UPDATE leases SET expires_at = clock_timestamp() + @term::interval
		WHERE name = @name AND generation = @generation`,
		pgx.StrictNamedArgs{"name": name, "generation": generation, "term": term})
}

// EndLease returns the work, and records that it was done if done is true.
func (db *DB) EndLease(ctx context.Context, name string, generation int64, done bool) error {
	return db.changeLease(ctx, `
		UPDATE leases SET expires_at = clock_timestamp(),
			finished_at = CASE WHEN @done THEN clock_timestamp() ELSE finished_at END
		WHERE name = @name
		-- guard:drop storage.TestLease: a process that was too slow changes nothing
		AND generation = @generation`,
		pgx.StrictNamedArgs{"name": name, "generation": generation, "done": done})
}

func (db *DB) changeLease(ctx context.Context, sql string, args pgx.StrictNamedArgs) error {
	tag, err := db.pool.Exec(ctx, sql, args)
	if err == nil && tag.RowsAffected() == 0 {
		err = campaign.ErrLeaseLost
	}
	if err != nil {
		return fmt.Errorf("lease of %q: %w", args["name"], err)
	}
	return nil
}
