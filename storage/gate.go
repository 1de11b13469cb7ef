package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// gateAtOnce is the point of no return: of all who try, one gets the row back. It
// reads the campaign's state, the suppression list, the hours and the database's
// own hold in the same statement, because each holds from its commit on. A
// pause and a suppression void the reserved attempts that they concern, and so
// wait for a gate that has the row, or are waited for.
//
// Many pass in one statement. It locks their rows first and waits for nobody:
// what another transaction has locked is passed over, and waited for by
// gateWaiting, one attempt at a time. So no two gates, nor a gate and a pause,
// can wait for each other in a ring.
//
// The state is asked for by way of coalesce, and each row is looked up for
// itself, so that attempts are found by their ids: in a table without statistics
// Postgres would look through the index of all that is reserved.
const (
	gateAtOnce  = gateLock + ` SKIP LOCKED` + gateMove
	gateWaiting = gateLock + gateMove
)

const gateLock = `
	WITH w AS MATERIALIZED (
		SELECT locked.id, asked.life
		FROM unnest(@ids::uuid[], @lives::interval[]) AS asked (id, life)
		CROSS JOIN LATERAL (
			SELECT id FROM attempts WHERE id = asked.id AND coalesce(state, '') = 'reserved'
			FOR NO KEY UPDATE`

const gateMove = `) AS locked
	)
	UPDATE attempts a SET
		state = 'dialing', moved_by = 'placer', fence = a.fence + 1,
		dialed_at = clock_timestamp(), token_expires_at = clock_timestamp() + w.life
	FROM w, contacts k, zone_groups g, campaigns c
	WHERE a.id = w.id
	  AND k.id = a.contact_id AND g.id = k.zone_group_id AND c.id = a.campaign_id
	  AND ` + callable + `
	  AND ` + notHeld + `
	RETURNING ` + attemptColumns

// callable is true while nothing stands against a call to attempt a of contact
// k in zones g for campaign c: now, and when its token expires, w.life later.
const callable = `
	      c.status = 'running'
	  AND within_hours(clock_timestamp(), g.zones, c.opens_min, c.closes_min)
	  AND within_hours(clock_timestamp() + w.life, g.zones, c.opens_min, c.closes_min)
	  AND NOT EXISTS (SELECT FROM suppressions s WHERE s.number = a.to_number
	                  AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp()))
	  AND NOT ` + numberBusy

// numberBusy is true while a call that was overtaken is open at attempt a's
// number. No other attempt can be: an index keeps it out.
const numberBusy = `EXISTS (SELECT FROM attempts o WHERE o.to_number = a.to_number AND o.id <> a.id
	                  AND o.state = 'accepted' AND o.overtaken)`

// gateLimit is as long as the caller waits: later nothing may be sent.
const gateLimit = 5 * time.Second

// gating is one caller at the gate, and the attempt once it is through.
type gating struct {
	id     uuid.UUID
	life   time.Duration
	passed campaign.Attempt
}

// Gate commits the intent to POST, in a guarded UPDATE that one caller can win;
// callers that come at the same time share it. It has five seconds for it.
// campaign.ErrStale: somebody else has it. campaign.ErrWithdrawn: it may not be
// called now; the attempt was voided and its contact put where it belongs.
// campaign.ErrHeld: nobody is called now, and the attempt stays reserved. Any
// other error, a lost acknowledgement of the commit among them: do not POST.
func (db *DB) Gate(ctx context.Context, id uuid.UUID, tokenLife time.Duration) (campaign.Attempt, error) {
	g := &gating{id: id, life: tokenLife}
	if err := db.forPlacing().gates.do(ctx, g); err != nil {
		return campaign.Attempt{}, fmt.Errorf("gate attempt %s: %w", id, err)
	}
	return g.passed, nil
}

// passAll lets all through the gate that nothing stands against; see
// together.store. Whoever does not pass at once comes back alone, to wait for
// the row's lock, or to hear why.
func (db *DB) passAll(ctx context.Context, list []*gating, alone bool) ([]error, error) {
	passed, err := db.pass(ctx, list, alone)
	if err != nil {
		return nil, err
	}
	results := make([]error, len(list))
	for i, g := range list {
		at := slices.IndexFunc(passed, func(a campaign.Attempt) bool { return a.ID == g.id })
		switch {
		case at >= 0:
			g.passed = passed[at]
			passed = slices.Delete(passed, at, at+1) // one caller has it, should two have come for it
		case alone:
			results[i] = db.turnAway(ctx, g.id, g.life)
		default:
			results[i] = errElsewhere
		}
	}
	return results, nil
}

func (db *DB) pass(ctx context.Context, list []*gating, wait bool) ([]campaign.Attempt, error) {
	sql := gateAtOnce
	if wait {
		sql = gateWaiting
	}
	return collect(ctx, db.pool, scanAttempt, sql, pgx.StrictNamedArgs{
		"ids":   column(list, func(g *gating) uuid.UUID { return g.id }),
		"lives": column(list, func(g *gating) time.Duration { return g.life }),
	})
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
			JOIN zone_groups g ON g.id = k.zone_group_id JOIN campaigns c ON c.id = a.campaign_id,
			(SELECT @life::interval AS life) AS w
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
