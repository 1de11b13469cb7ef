package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Load reads what is needed to place the attempt's call, or campaign.ErrStale
// when it is not reserved any more, or campaign.ErrHeld.
func (db *DB) Load(ctx context.Context, id uuid.UUID) (campaign.Placement, error) {
	p, free, err := db.forPlacing().placement(ctx, id)
	switch {
	case errors.Is(err, campaign.ErrNotFound):
		err = fmt.Errorf("load attempt %s: %w", id, campaign.ErrStale)
	case err == nil && !free:
		err = fmt.Errorf("load attempt %s: %w", id, campaign.ErrHeld)
	case err == nil && p.Attempt.State != campaign.Reserved:
		err = fmt.Errorf("load attempt %s: %w", id, campaign.ErrStale)
	}
	return p, err
}

// Placement reads what the attempt's call was, or is to be, placed with, in
// whatever state the attempt is; campaign.ErrNotFound when there is none.
func (db *DB) Placement(ctx context.Context, id uuid.UUID) (campaign.Placement, error) {
	p, _, err := db.forWebhooks().placement(ctx, id)
	return p, err
}

// placement also says whether the database is free to have calls placed.
func (db *DB) placement(ctx context.Context, id uuid.UUID) (p campaign.Placement, free bool, err error) {
	err = db.pool.QueryRow(ctx, `
		SELECT `+attemptColumns+`, c.settings, k.vars, `+notHeld+`
		FROM attempts a JOIN contacts k ON k.id = a.contact_id JOIN campaigns c ON c.id = a.campaign_id
		WHERE a.id = $1`, id).
		Scan(append(attemptFields(&p.Attempt), &p.Settings, &p.Vars, &free)...)
	if err != nil {
		return campaign.Placement{}, false, fmt.Errorf("load attempt %s: %w", id, translate(err))
	}
	return p, free, nil
}

// gate is the point of no return: of all who try, one gets the row back. It
// reads the campaign's state, the suppression list, the hours and the database's
// own hold in the same statement, because each holds from its commit on. A
// pause and a suppression void the reserved attempts that they concern, and so
// wait for a gate that has the row, or are waited for.
//
// The state is asked for by way of coalesce, so that the attempt is found by its
// id: in a table without statistics Postgres would look through the index of all
// that is reserved.
const gate = `
	UPDATE attempts a SET
		state = 'dialing', moved_by = 'placer', fence = a.fence + 1,
		dialed_at = clock_timestamp(), token_expires_at = clock_timestamp() + @life::interval
	FROM contacts k, zone_groups g, campaigns c
	WHERE a.id = @id AND coalesce(a.state, '') = 'reserved'
	  AND k.id = a.contact_id AND g.id = k.zone_group_id AND c.id = a.campaign_id
	  AND ` + callable + `
	  AND ` + notHeld + `
	RETURNING ` + attemptColumns

// callable is true while nothing stands against a call to attempt a of contact
// k in zones g for campaign c: now, and when its token expires.
const callable = `
	      c.status = 'running'
	  AND within_hours(clock_timestamp(), g.zones, c.opens_min, c.closes_min)
	  AND within_hours(clock_timestamp() + @life::interval, g.zones, c.opens_min, c.closes_min)
	  AND NOT EXISTS (SELECT FROM suppressions s WHERE s.number = a.to_number
	                  AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp()))
	  AND NOT ` + numberBusy

// numberBusy is true while a call that was overtaken is open at attempt a's
// number. No other attempt can be: an index keeps it out.
const numberBusy = `EXISTS (SELECT FROM attempts o WHERE o.to_number = a.to_number AND o.id <> a.id
	                  AND o.state = 'accepted' AND o.overtaken)`

// Gate commits the intent to POST: one guarded UPDATE that one caller can win.
// campaign.ErrStale: somebody else has it. campaign.ErrWithdrawn: it may not be
// called now; the attempt was voided and its contact put where it belongs.
// campaign.ErrHeld: nobody is called now, and the attempt stays reserved. Any
// other error, a lost acknowledgement of the commit among them: do not POST.
func (db *DB) Gate(ctx context.Context, id uuid.UUID, tokenLife time.Duration) (campaign.Attempt, error) {
	db = db.forPlacing()
	rows, err := db.pool.Query(ctx, gate, pgx.StrictNamedArgs{"id": id, "life": tokenLife})
	if err != nil {
		return campaign.Attempt{}, fmt.Errorf("gate attempt %s: %w", id, err)
	}
	a, err := pgx.CollectExactlyOneRow(rows, scanAttempt)
	if errors.Is(err, pgx.ErrNoRows) {
		err = db.turnAway(ctx, id, tokenLife)
	}
	if err != nil {
		return campaign.Attempt{}, fmt.Errorf("gate attempt %s: %w", id, err)
	}
	return a, nil
}

// heldBack is no withdrawal: the attempt waits until the database is released.
const heldBack campaign.Withdrawal = "held"

// turnAway withdraws an attempt that the gate did not let through, for what
// stands against it now. If nothing does any more, the attempt stays reserved
// and is fed again when its lease has run out.
func (db *DB) turnAway(ctx context.Context, id uuid.UUID, tokenLife time.Duration) error {
	return db.withdraw(ctx, id, func(tx pgx.Tx) (why campaign.Withdrawal, err error) {
		err = tx.QueryRow(ctx, `
			SELECT CASE WHEN NOT `+notHeld+` THEN 'held'
			            WHEN `+callable+` THEN ''
			            WHEN c.status = 'stopped' THEN 'stopped'
			            WHEN EXISTS (SELECT FROM suppressions s WHERE s.number = a.to_number
			                         AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp())) THEN 'suppressed'
			            WHEN c.status <> 'running' THEN 'paused'
			            WHEN `+numberBusy+` THEN 'number_busy'
			            ELSE 'outside_hours' END
			FROM attempts a JOIN contacts k ON k.id = a.contact_id
			JOIN zone_groups g ON g.id = k.zone_group_id JOIN campaigns c ON c.id = a.campaign_id
			WHERE a.id = @id`, pgx.StrictNamedArgs{"id": id, "life": tokenLife}).Scan(&why)
		switch {
		case err == nil && why == "":
			err = campaign.ErrStale
		case why == heldBack:
			err = campaign.ErrHeld
		}
		return why, err
	}, campaign.ErrWithdrawn)
}

// Withdraw voids a reserved attempt for a reason found before the gate.
func (db *DB) Withdraw(ctx context.Context, id uuid.UUID, why campaign.Withdrawal) error {
	err := db.forPlacing().withdraw(ctx, id, func(pgx.Tx) (campaign.Withdrawal, error) { return why, nil }, nil)
	if err != nil {
		return fmt.Errorf("withdraw attempt %s: %w", id, err)
	}
	return nil
}

// withdraw voids a reserved attempt for the reason that it finds once the
// attempt is locked. It returns done when it did, and campaign.ErrStale when
// the attempt is not reserved.
func (db *DB) withdraw(ctx context.Context, id uuid.UUID, reason func(pgx.Tx) (campaign.Withdrawal, error), done error) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		contact, err := contactOf(ctx, tx, id)
		if err != nil {
			return err
		}
		return amend(ctx, tx, []int64{contact}, func(d *dossier) error {
			if i := d.find(id); d.attempts[i].State != campaign.Reserved {
				return campaign.ErrStale
			}
			why, err := reason(tx)
			if err != nil {
				return err
			}
			d.void(id, why, campaign.Placer)
			return nil
		})
	})
	if errors.Is(err, campaign.ErrNotFound) {
		return campaign.ErrStale
	}
	if err != nil {
		return err
	}
	return done
}

// contactOf finds the contact to lock before the attempt is.
func contactOf(ctx context.Context, tx pgx.Tx, attempt uuid.UUID) (id int64, err error) {
	err = tx.QueryRow(ctx, `SELECT contact_id FROM attempts WHERE id = $1`, attempt).Scan(&id)
	return id, translate(err)
}
