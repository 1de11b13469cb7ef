package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// manualLease is how long a manual call may wait between its reservation and the gate.
// After that its command is considered dead.
const manualLease = 2 * time.Minute

// ReserveManual stores a manual call, requested by by, as a reserved attempt. This
// keeps others from calling the same number or address. A *campaign.BlockedError names
// the obstacles. The caller must pass the gate within two minutes.
func (db *DB) ReserveManual(ctx context.Context, by app.Actor, a campaign.Attempt) error {
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error { return reserveManual(ctx, tx, by, a) })
	if err != nil {
		return fmt.Errorf("reserve a manual call: %w", err)
	}
	return nil
}

func reserveManual(ctx context.Context, tx pgx.Tx, by app.Actor, a campaign.Attempt) error {
	if blocked, err := obstaclesOf(ctx, tx, a); err != nil || blocked != nil {
		return errors.Join(err, blocked)
	}
	tag, err := tx.Exec(ctx, `
		INSERT INTO attempts (id, kind, requested_by, attempt_no, to_kind, to_number, to_address, from_number, detail, state, changed_by)
		VALUES (@id, 'manual', @by, 1, @kind, @number, @address, @from, @detail, 'reserved', 'operator')
		ON CONFLICT (to_number) WHERE state IN ('reserved', 'dialing', 'unknown', 'accepted') AND NOT superseded DO NOTHING`,
		pgx.StrictNamedArgs{
			"id": a.ID, "by": plain(by.Name), "kind": a.Manual.ToKind, "number": zeronull.Text(a.To),
			"address": zeronull.Text(plain(a.Manual.Address)), "from": zeronull.Text(plain(a.From)),
			"detail": plain(a.Manual.Detail),
		})
	if err == nil && tag.RowsAffected() == 0 {
		err = &campaign.BlockedError{Obstacles: []campaign.Withdrawal{campaign.WithdrawnBusy}}
	}
	if err != nil {
		return err
	}
	return audit(ctx, tx, by, auditEntry{
		action: callAction + "create", object: "attempt " + a.ID.String(), after: fields{"kind": a.Manual.ToKind},
	})
}

// obstaclesOf returns a *campaign.BlockedError if the call may not be made now. If the
// address is no telephone, only this transaction's lock prevents two calls to it.
func obstaclesOf(ctx context.Context, tx pgx.Tx, a campaign.Attempt) (blocked error, err error) {
	if a.To == "" {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 12))`, plain(a.Manual.Address)); err != nil {
			return nil, err
		}
	}
	reasons, err := collect(ctx, tx, pgx.RowTo[campaign.Withdrawal],
		`SELECT reason FROM call_obstacles($1::text, NULL, NULL, clock_timestamp()) WHERE reason IS NOT NULL`, zeronull.Text(a.To))
	if err != nil {
		return nil, err
	}
	open, err := collect(ctx, tx, pgx.RowTo[uuid.UUID], `
		(SELECT id FROM attempts
		 WHERE to_number = @number AND state IN ('reserved', 'dialing', 'unknown', 'accepted') AND NOT superseded)
		UNION ALL
		(SELECT id FROM attempts
		 WHERE kind = 'manual' AND to_kind = @kind AND to_address = @address AND state IN ('reserved', 'dialing', 'unknown'))
		LIMIT 1`, pgx.StrictNamedArgs{"number": zeronull.Text(a.To), "kind": a.Manual.ToKind, "address": zeronull.Text(plain(a.Manual.Address))})
	if err != nil || len(reasons)+len(open) == 0 {
		return nil, err
	}
	b := &campaign.BlockedError{Obstacles: reasons}
	if len(open) > 0 {
		b.Attempt = open[0]
		if !slices.Contains(reasons, campaign.WithdrawnBusy) {
			b.Obstacles = append(b.Obstacles, campaign.WithdrawnBusy)
		}
	}
	return b, nil
}

// VoidAbandoned voids manual calls whose command ended before the gate, and
// returns how many.
func (db *DB) VoidAbandoned(ctx context.Context) (int, error) {
	tag, err := db.pool.Exec(ctx, `
		UPDATE attempts SET state = 'void', changed_by = 'sweeper', note = $1
		WHERE id IN (
			SELECT id FROM attempts
			-- guard:drop storage.TestManualCallAbandoned: a manual call is voided once its command had its time
			WHERE state = 'reserved' AND kind = 'manual' AND created_at < now() - $2::interval
			LIMIT $3 FOR UPDATE SKIP LOCKED)`, campaign.WithdrawnAbandoned, manualLease, sweepBatch)
	if err != nil {
		return 0, fmt.Errorf("void abandoned manual calls: %w", err)
	}
	return int(tag.RowsAffected()), nil
}

// ManualCall finds a manual call by its attempt's id or by the call's uuid;
// campaign.ErrNotFound if there is none.
func (db *DB) ManualCall(ctx context.Context, name string) (campaign.Attempt, error) {
	id, err := uuid.Parse(name)
	if err != nil {
		id = uuid.Nil
	}
	list, err := collect(ctx, db.pool, scanAttempt, `
		SELECT `+attemptColumns+` FROM attempts a
		WHERE a.kind = 'manual' AND (a.call_uuid = $1 OR a.id = $2)
		ORDER BY a.call_uuid = $1 DESC NULLS LAST LIMIT 1`, plain(name), id)
	if err == nil && len(list) == 0 {
		err = campaign.ErrNotFound
	}
	if err != nil {
		return campaign.Attempt{}, fmt.Errorf("find a manual call: %w", err)
	}
	return list[0], nil
}

// manualCallsTo are the manual calls to a number, oldest first.
func manualCallsTo(ctx context.Context, tx pgx.Tx, number string) ([]campaign.Attempt, error) {
	return collect(ctx, tx, scanAttempt, `
		SELECT `+attemptColumns+` FROM attempts a WHERE a.kind = 'manual' AND a.to_number = $1 ORDER BY a.id`, number)
}
