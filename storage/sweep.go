package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dialer/campaign"
	"dialer/internal/failpoint"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// sweepBatch is how many attempts one sweep takes; the next one takes the rest.
const sweepBatch = 500

// ExpireDialing moves attempts that are still dialing, grace after their token
// expired, to unknown, and returns how many. Their caller died, or lost the
// acknowledgement of its commit.
func (db *DB) ExpireDialing(ctx context.Context, grace time.Duration) (int, error) {
	tag, err := db.pool.Exec(ctx, `
		UPDATE attempts SET state = 'unknown', changed_by = 'sweeper'
		WHERE id IN (
			SELECT id FROM attempts WHERE state = 'dialing' AND token_expires_at < now() - $1::interval
			ORDER BY token_expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)`, grace, sweepBatch)
	if err != nil {
		return 0, fmt.Errorf("expire dialing attempts: %w", err)
	}
	failpoint.HitIf(tag.RowsAffected() > 0, "sweep.expired")
	return int(tag.RowsAffected()), nil
}

// CloseSilent ends accepted attempts that failed longer than grace ago without a
// completed event. It also ends those dialed longer than kept ago: Vonage has
// dropped their records. It returns how many.
func (db *DB) CloseSilent(ctx context.Context, grace, kept time.Duration) (int, error) {
	n, err := db.changeEach(ctx, `
		SELECT id, contact_id FROM attempts
		WHERE state = 'accepted' AND (failed_at < now() - $1::interval OR coalesce(dialed_at, created_at) < now() - $3::interval)
		ORDER BY failed_at LIMIT $2`,
		[]any{grace, sweepBatch, kept}, func(d *contactTx, id uuid.UUID) bool {
			a, closed := campaign.CloseSilent(d.attempts[d.find(id)], grace, kept, d.now)
			if closed {
				d.replace(a, campaign.Sweeper)
			}
			if closed && a.Failure == "" {
				d.alarms = append(d.alarms, campaign.Alarm{
					Kind: campaign.AlarmCallWithoutEnd, AttemptID: id,
					Detail: "Vonage never said that the call was over while it kept its records",
				})
			}
			return closed
		})
	if err != nil {
		return n, fmt.Errorf("close silent attempts: %w", err)
	}
	return n, nil
}

// changeEach changes the attempts of the query, each in its own transaction, and counts
// those that were changed. If one fails, the others are still changed.
func (db *DB) changeEach(ctx context.Context, query string, args []any, change func(*contactTx, uuid.UUID) bool) (int, error) {
	found, err := collect(ctx, db.pool, scanTarget, query, args...)
	errs := []error{err}
	n := 0
	for _, t := range found {
		changed, err := db.changeOne(ctx, t, change)
		errs = append(errs, err)
		if changed {
			n++
		}
	}
	return n, errors.Join(errs...)
}

func (db *DB) changeOne(ctx context.Context, t target, change func(*contactTx, uuid.UUID) bool) (changed bool, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		return withOwners(ctx, tx, []owner{t.owner}, func(d *contactTx) error {
			changed = change(d, t.attempt)
			return nil
		})
	})
	return changed && err == nil, err
}

// FinishCampaigns marks running campaigns whose contacts have all ended as finished,
// and finished ones with other contacts as running. It returns how many it changed. It
// also completes a Stop and an edit that were interrupted, and records which campaigns
// have begun, or have stopped, since.
func (db *DB) FinishCampaigns(ctx context.Context) (int, error) {
	changed := 0
	for _, move := range []string{
		`UPDATE campaigns SET status = 'finished' WHERE status = 'running' AND id NOT IN (
			SELECT campaign_id FROM counter_totals WHERE subject = 'contacts' AND state <> 'done')
		 -- guard:drop storage.TestEmptyCampaignWaits: a campaign that nobody is in yet waits for rows
		 AND (ends_at <= now() OR id IN (SELECT campaign_id FROM counter_totals WHERE subject = 'contacts' AND n > 0))`,
		`UPDATE campaigns SET status = 'running' WHERE status = 'finished' AND id IN (
			SELECT campaign_id FROM counter_totals WHERE subject = 'contacts' AND state <> 'done')`,
	} {
		tag, err := db.pool.Exec(ctx, move)
		if err != nil {
			return changed, fmt.Errorf("finish campaigns: %w", err)
		}
		changed += int(tag.RowsAffected())
	}
	if err := db.finishStops(ctx); err != nil {
		return changed, fmt.Errorf("finish stopped campaigns: %w", err)
	}
	if err := db.finishEdits(ctx); err != nil {
		return changed, fmt.Errorf("finish edits: %w", err)
	}
	//guard:value(changed, error(nil)) internal/notify.TestShownStatusIsTold: hooks are told that a campaign has begun
	return changed, db.noteShownStatuses(ctx)
}

// noteShownStatuses records that scheduled campaigns have begun, and that the last call
// of stopped ones is over. Each is recorded once, and the trigger tell_changed informs
// hooks in the same transaction.
func (db *DB) noteShownStatuses(ctx context.Context) error {
	_, err := db.pool.Exec(ctx, `
		UPDATE campaigns SET told_status = status
		WHERE (status = 'running' AND (starts_at IS NULL OR starts_at <= now())
		       OR status = 'stopped' AND id NOT IN (
		           SELECT campaign_id FROM counter_totals WHERE subject = 'attempts' AND state IN ('dialing', 'unknown', 'accepted')))
		  AND told_status IS DISTINCT FROM status`)
	if err != nil {
		return fmt.Errorf("note which campaigns have begun or stopped: %w", err)
	}
	return nil
}
