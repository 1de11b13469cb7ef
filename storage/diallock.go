package storage

import (
	"context"
	"fmt"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// Identity says which database this is, where it was last, how far it got, and why it
// is locked. The second value is where it is now.
func (db *DB) Identity(ctx context.Context) (campaign.DatabaseIdentity, campaign.ServerIdentity, error) {
	d, found, err := db.server.identity(ctx, db.pool, "")
	if err != nil {
		return campaign.DatabaseIdentity{}, campaign.ServerIdentity{}, fmt.Errorf("read the database's identity: %w", translate(err))
	}
	return d, found, nil
}

// Checkpoint moves the database's checkpoint to now. It locks the database instead if
// the external mark, or a checkpoint that this process saw, shows that it must not
// dial. The first checkpoint also stores where the database is. Move the external mark
// only after this has returned. A mark of another database proves nothing: then nothing
// is moved, and the caller gets the right name for its next question.
func (db *DB) Checkpoint(ctx context.Context, m campaign.ExternalMark) (d campaign.DatabaseIdentity, err error) {
	seen := db.server.seen.Load()
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		var found campaign.ServerIdentity
		d, found, err = db.server.identity(ctx, tx, ` FOR UPDATE`)
		//guard:negate storage.TestReleaseForgetsOldCheckpoint: another database's mark says nothing
		if err != nil || m.Of != "" && m.Of != d.ID {
			return err
		}
		if changed, err := db.bindAccount(ctx, tx, d); err != nil {
			return err
		} else if changed {
			if d, found, err = db.server.identity(ctx, tx, ""); err != nil {
				return err
			}
		}
		if why := d.Judge(found, seen.adds(m, d)); why != "" {
			if err := setDialLock(ctx, tx, d, found, why); err != nil {
				return err
			}
			d, _, err = db.server.identity(ctx, tx, "")
			return err
		}
		if d.Lock.Reason == "" {
			d.CheckpointAt, err = moveCheckpoint(ctx, tx, d.Server.With(found))
		}
		return err
	})
	if err != nil {
		return campaign.DatabaseIdentity{}, fmt.Errorf("move the checkpoint: %w", err)
	}
	db.server.saw(d.ID, d.CheckpointAt)
	return d, nil
}

// moveCheckpoint stores where the database is and how far it got: always a little
// further than before, whatever the clock of a new server shows.
func moveCheckpoint(ctx context.Context, tx pgx.Tx, s campaign.ServerIdentity) (at time.Time, err error) {
	err = tx.QueryRow(ctx, `
		UPDATE database_identity SET system_id = $1, database_oid = $2, timeline = $3,
		       checkpoint_at = greatest(clock_timestamp(), checkpoint_at + interval '1 microsecond')
		RETURNING checkpoint_at`,
		zeronull.Text(s.System), zeronull.Int8(s.Database), zeronull.Int8(s.Timeline)).Scan(&at)
	return at, err
}

// shutGates waits until no gate is open, and blocks the others until the transaction
// ends.
const shutGates = `SELECT pg_advisory_xact_lock($1)`

// setDialLock keeps the database, in the place where it was found, from dialing, unless
// its lock was changed since it was read.
func setDialLock(ctx context.Context, tx pgx.Tx, d campaign.DatabaseIdentity, found campaign.ServerIdentity, why campaign.LockReason) error {
	was := d.Lock
	if !was.Forgetful() {
		was = campaign.DialLock{}
	}
	// The row comes before the gates, as everywhere, or two processes wait for each other.
	if _, err := tx.Exec(ctx, `SELECT FROM database_identity FOR UPDATE`); err != nil {
		return err
	}
	//guard:drop storage.TestDialLockWaitsForTheGate: a lock is set once no gate is open
	if _, err := tx.Exec(ctx, shutGates, dialLockKey); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `
		WITH locked AS (
			UPDATE database_identity SET locked_for = @why, locked_at = clock_timestamp(),
				known_until = least(known_until, checkpoint_at), released_at = NULL, released_by = NULL,
				scans = 0, scanned_at = NULL, misses = 0, missed_at = NULL, missing = 0,
				-- guard:value storage.TestIncompleteScanAwaitsDecision: a person's decision is about one lock
				accepted_at = NULL,
				locked_system = @system, locked_database = @database, locked_timeline = @timeline
			WHERE locked_for IS NOT DISTINCT FROM @was::text AND locked_at IS NOT DISTINCT FROM @since::timestamptz
			  AND released_at IS NOT DISTINCT FROM @released::timestamptz
			RETURNING 1
		)
		INSERT INTO alarms (kind, detail) SELECT @kind, @detail FROM locked WHERE @why <> @idle
		ON CONFLICT (kind, coalesce(attempt_id, '00000000-0000-0000-0000-000000000000'), detail)
		DO UPDATE SET times = alarms.times + 1, last_at = clock_timestamp()`,
		pgx.StrictNamedArgs{
			"why": why, "idle": campaign.LockedIdle, "was": zeronull.Text(was.Reason), "since": zeronull.Timestamptz(was.Since),
			"released": zeronull.Timestamptz(was.ReleasedAt),
			"system":   zeronull.Text(found.System), "database": zeronull.Int8(found.Database), "timeline": zeronull.Int8(found.Timeline),
			"kind": campaign.AlarmDialLocked, "detail": "nobody is called: " + why.Meaning(),
		})
	return err
}

// Release records a person's decision that this copy of the database dials. Once
// Vonage's list has been read back, the lock is released. The database gets a new name,
// so that it shares neither a queue nor a mark with the copy that it was made from. If
// Vonage's records do not reach back to the checkpoint, nobody can know who was called
// in between; then despiteGap must accept that. If another account asked to call, the
// database is bound to that one. campaign.ErrNotLocked: it does not wait for a person.
func (db *DB) Release(ctx context.Context, by app.Actor, kept time.Duration, despiteGap bool) (campaign.DatabaseIdentity, error) {
	return db.operatorDecision(ctx, by, "lock.release", fields{"despite_gap": despiteGap}, func(tx pgx.Tx, d campaign.DatabaseIdentity, found campaign.ServerIdentity) error {
		if !d.Lock.AwaitsPerson() {
			return campaign.ErrNotLocked
		}
		if err := takeAccount(ctx, tx); err != nil || !d.Lock.Reason.NeedsPerson() || !d.Lock.Forgetful() || !d.Lock.ReleasedAt.IsZero() {
			return err
		}
		if gap := d.Now.Add(-kept); d.Lock.KnownUntil.Before(gap) && !despiteGap {
			return &campaign.GapError{From: d.Lock.KnownUntil, To: gap}
		}
		if _, err := tx.Exec(ctx, `
			UPDATE database_identity SET id = gen_random_uuid(), released_at = clock_timestamp(), released_by = $1,
			       scans = 0, scanned_at = NULL, locked_system = $2, locked_database = $3, locked_timeline = $4`,
			plain(by.Name), zeronull.Text(found.System), zeronull.Int8(found.Database), zeronull.Int8(found.Timeline)); err != nil {
			return err
		}
		_, err := moveCheckpoint(ctx, tx, found)
		return err
	})
}

// AcceptIncompleteList records a person's decision that scans count although they lack
// as many calls as the last one did. This is valid until the database is released or
// locked again, or a scan lacks more. campaign.ErrNothingMissing: no scan has lacked a
// call yet, or the lock must be released by a person first.
func (db *DB) AcceptIncompleteList(ctx context.Context, by app.Actor) (campaign.DatabaseIdentity, error) {
	return db.operatorDecision(ctx, by, "lock.accept_incomplete_list", nil, func(tx pgx.Tx, d campaign.DatabaseIdentity, _ campaign.ServerIdentity) error {
		switch {
		case d.Lock.Reason == "":
			return campaign.ErrNotLocked
		//guard:false storage.TestIncompleteScanAwaitsDecision: only what was missing is accepted
		case d.Lock.Misses == 0 || d.Lock.AwaitsPerson():
			return campaign.ErrNothingMissing
		}
		_, err := tx.Exec(ctx, `UPDATE database_identity SET accepted_at = clock_timestamp()`)
		return err
	})
}

// operatorDecision carries out a person's decision about the lock, with an audit entry.
func (db *DB) operatorDecision(ctx context.Context, by app.Actor, action string, detail fields,
	do func(pgx.Tx, campaign.DatabaseIdentity, campaign.ServerIdentity) error) (d campaign.DatabaseIdentity, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		var found campaign.ServerIdentity
		if d, found, err = db.server.identity(ctx, tx, ` FOR UPDATE`); err != nil {
			return err
		}
		if err := do(tx, d, found); err != nil {
			return err
		}
		err := audit(ctx, tx, by, auditEntry{
			action: action, object: "database " + d.ID, after: detail,
			before: fields{"locked_for": d.Lock.Reason, "missing": d.Lock.Missing, "account": d.Account.String(), "other_account": d.Lock.OtherAccount.String()},
		})
		if err != nil {
			return err
		}
		d, _, err = db.server.identity(ctx, tx, "")
		return err
	})
	if err != nil {
		return campaign.DatabaseIdentity{}, fmt.Errorf("decide about the dial lock: %w", err)
	}
	return d, nil
}

// CountScan counts a complete scan of Vonage's list for the lock, and releases the
// database after the last one. It reports whether it released it. Another process may
// have counted the same scan before.
func (db *DB) CountScan(ctx context.Context, l campaign.DialLock) (released bool, err error) {
	err = db.afterScan(ctx, l, func(tx pgx.Tx, d campaign.DatabaseIdentity, found campaign.ServerIdentity) error {
		if released = l.Scans+1 >= l.Reason.ScansToRelease(); !released {
			_, err := tx.Exec(ctx, `UPDATE database_identity SET scans = scans + 1, scanned_at = clock_timestamp(), misses = 0`)
			return err
		}
		if _, err := tx.Exec(ctx, shutGates, dialLockKey); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			UPDATE database_identity SET locked_for = NULL, locked_at = NULL, known_until = NULL, released_at = NULL,
			       released_by = NULL, scans = 0, scanned_at = NULL, misses = 0, missed_at = NULL, missing = 0, accepted_at = NULL,
			       locked_system = NULL, locked_database = NULL, locked_timeline = NULL`); err != nil {
			return err
		}
		_, err := moveCheckpoint(ctx, tx, d.Server.With(found))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("count a scan of Vonage's list: %w", err)
	}
	return released, nil
}

// RejectScan records that a scan for the lock lacked this many calls that had to be in
// it. The scan does not count, and the next one waits: see DialLock.RetryAt. A person's
// decision about fewer calls does not cover it.
func (db *DB) RejectScan(ctx context.Context, l campaign.DialLock, missing int) error {
	err := db.afterScan(ctx, l, func(tx pgx.Tx, _ campaign.DatabaseIdentity, _ campaign.ServerIdentity) error {
		_, err := tx.Exec(ctx, `
			UPDATE database_identity SET misses = misses + 1, missed_at = clock_timestamp(), missing = $1, accepted_at = NULL`, missing)
		return err
	})
	if err != nil {
		return fmt.Errorf("reject a scan of Vonage's list: %w", err)
	}
	return nil
}

// afterScan calls do for a scan that ended, if the lock is still the one at which it
// began and no other process was faster. If in the meantime yet another server took
// over, all records that were read may be lost again: the database is locked again.
func (db *DB) afterScan(ctx context.Context, l campaign.DialLock, do func(pgx.Tx, campaign.DatabaseIdentity, campaign.ServerIdentity) error) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		d, found, err := db.server.identity(ctx, tx, ` FOR UPDATE`)
		if err != nil || !d.Lock.Since.Equal(l.Since) || d.Lock.Scans != l.Scans || d.Lock.Misses != l.Misses || d.Lock.AwaitsPerson() {
			return err
		}
		//guard:false storage.TestSecondFailoverRestartsScans: a scan of two servers is none
		if d.Lock.Moved(found) || l.Moved(found) {
			return setDialLock(ctx, tx, d, found, d.Lock.Reason)
		}
		return do(tx, d, found)
	})
}
