package storage

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/internal/failpoint"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// Unsettled returns up to limit unknown attempts without a call uuid whose
// token expired longer than settleAfter ago, oldest first.
func (db *DB) Unsettled(ctx context.Context, settleAfter time.Duration, limit int) ([]campaign.Attempt, error) {
	list, err := collect(ctx, db.pool, scanAttempt, `
		SELECT `+attemptColumns+` FROM attempts a
		WHERE a.state = 'unknown' AND a.token_expires_at < now() - $1::interval
		  AND a.to_kind = 'phone' -- the list tells no other endpoints apart
		ORDER BY a.token_expires_at LIMIT $2`, settleAfter, limit)
	if err != nil {
		return nil, fmt.Errorf("list unsettled attempts: %w", err)
	}
	return list, nil
}

// Canaries returns the n latest attempts dialed between from and to that the
// provider is known to have, by their call uuid.
func (db *DB) Canaries(ctx context.Context, from, to time.Time, n int) ([]campaign.Attempt, error) {
	list, err := collect(ctx, db.pool, scanAttempt, `
		SELECT `+attemptColumns+` FROM attempts a
		WHERE a.dialed_at BETWEEN $1 AND $2 AND a.call_uuid IS NOT NULL
		ORDER BY a.dialed_at DESC LIMIT $3`, from, to, n)
	if err != nil {
		return nil, fmt.Errorf("list canaries: %w", err)
	}
	return list, nil
}

// countScan counts one complete scan for each attempt that it did not show, and
// returns those that two scans, gap apart, did not show. The scan must have
// begun when Vonage could not take the attempt's POST any more, and no
// call that nobody can explain may have gone between the same two numbers
// within ten minutes of its window, or with an unknown start: either might be
// the attempt's.
const countScan = `
	UPDATE attempts a SET absent_scans = a.absent_scans + 1, last_scan_at = @started
	WHERE a.id = ANY (@ids) AND a.state = 'unknown' AND a.to_kind = 'phone' AND a.call_uuid IS NULL AND NOT a.must_exist
	  AND a.token_expires_at < @started::timestamptz - ` + answerMargin + `
	  AND (a.last_scan_at IS NULL OR a.last_scan_at <= @started - @gap::interval)
	  AND NOT EXISTS (
		SELECT FROM foreign_calls f WHERE ` + maybeItsOwn + `
		AND (f.start_time IS NULL OR f.start_time BETWEEN ` + windowStart + ` - interval '10 minutes'
		     AND ` + windowEnd + ` + interval '10 minutes'))
	RETURNING a.id, a.contact_id, a.absent_scans`

// The window in which a call that an attempt's POST made may have started: the
// clocks of Vonage and of the database may differ by a few seconds, and
// Vonage may queue what it has taken.
const (
	windowStart = `a.dialed_at - interval '5 seconds'`
	windowEnd   = `a.token_expires_at + interval '120 seconds'`
	// answerMargin is how long after its token expired the answer to a POST may
	// still be on its way to being recorded. Reconcile binds nothing before, so
	// a scan that began before proves nothing.
	answerMargin = `interval '5 seconds'`
)

// ProveAbsent counts one complete scan, begun at scanStarted by the database's
// clock, that did not show these attempts. An attempt that two such scans did
// not show, gap apart, becomes absent and its contact due again. It returns how
// many became absent. Attempts that must exist, have a uuid or are not unknown
// any more are passed over.
func (db *DB) ProveAbsent(ctx context.Context, ids []uuid.UUID, scanStarted time.Time, gap time.Duration) (absent int, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		if err := lockContactsOf(ctx, tx, ids); err != nil {
			return err
		}
		proved, err := provedBy(ctx, tx, pgx.StrictNamedArgs{"ids": ids, "started": scanStarted, "gap": gap})
		if err != nil {
			return err
		}
		absent = len(proved)
		return withOwners(ctx, tx, slices.SortedFunc(maps.Values(proved), compareOwners), func(d *contactTx) error {
			for _, a := range d.attempts {
				if _, ok := proved[a.ID]; ok {
					a.State = campaign.Absent
					d.replace(a, campaign.Reconciler)
					failpoint.Hit("settle.proved")
				}
			}
			return nil
		})
	})
	if err != nil {
		return 0, fmt.Errorf("prove %d attempts absent: %w", len(ids), err)
	}
	return absent, nil
}

// lockContactsOf takes the contacts' locks before the attempts' are taken.
func lockContactsOf(ctx context.Context, tx pgx.Tx, attempts []uuid.UUID) error {
	_, err := tx.Exec(ctx, `
		SELECT FROM contacts WHERE id IN (SELECT contact_id FROM attempts WHERE id = ANY ($1))
		ORDER BY id FOR UPDATE`, attempts)
	return err
}

// provedBy returns the owners of the attempts that are proved absent.
func provedBy(ctx context.Context, tx pgx.Tx, args pgx.StrictNamedArgs) (map[uuid.UUID]owner, error) {
	rows, err := tx.Query(ctx, countScan, args)
	if err != nil {
		return nil, err
	}
	proved := map[uuid.UUID]owner{}
	var id uuid.UUID
	var contact zeronull.Int8
	var scans int
	_, err = pgx.ForEachRow(rows, []any{&id, &contact, &scans}, func() error {
		switch {
		case scans < 2:
		case contact == 0:
			proved[id] = owner{manual: id}
		default:
			proved[id] = owner{contact: int64(contact)}
		}
		return nil
	})
	return proved, err
}

// GiveUp marks unknown attempts dialed longer than retention ago as lost, with
// an alarm each, and returns how many. A person decides about their contacts.
func (db *DB) GiveUp(ctx context.Context, retention time.Duration) (int, error) {
	n, err := db.changeEach(ctx, `
		SELECT id, contact_id FROM attempts
		WHERE state = 'unknown' AND dialed_at < now() - $1::interval ORDER BY dialed_at LIMIT $2`,
		[]any{retention, sweepBatch}, func(d *contactTx, id uuid.UUID) bool {
			a := d.attempts[d.find(id)]
			if a.State != campaign.Unknown {
				return false
			}
			a.State = campaign.Lost
			d.replace(a, campaign.Reconciler)
			d.alarms = append(d.alarms, campaign.Alarm{
				Kind: campaign.AlarmLost, AttemptID: id,
				Detail: "it was not settled while Vonage kept its records",
			})
			return true
		})
	if err != nil {
		return n, fmt.Errorf("give up attempts: %w", err)
	}
	return n, nil
}
