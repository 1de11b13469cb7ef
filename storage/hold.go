package storage

import (
	"context"
	"fmt"
	"time"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// notHeld is true while the database may dial. The claim and the gate ask in
// their own statements, so that a hold stops every process and every task.
const notHeld = `EXISTS (SELECT FROM installation WHERE held_for IS NULL)`

// Standing is how the database stands: where it lived, how far it got, and what
// it is held for. Where it is now comes second.
func (db *DB) Standing(ctx context.Context) (campaign.Installation, campaign.Place, error) {
	i, found, err := db.place.stands(ctx, db.pool, "")
	if err != nil {
		return campaign.Installation{}, campaign.Place{}, fmt.Errorf("read how the database stands: %w", translate(err))
	}
	return i, found, nil
}

// Mark moves the database's mark to now, or holds the database where what is
// known of the mark outside says that it must not dial. The first mark also
// says where the database lives. It returns how the database stands then; the
// mark is to be kept outside once it is returned, and not before.
func (db *DB) Mark(ctx context.Context, w campaign.Witness) (i campaign.Installation, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		var found campaign.Place
		if i, found, err = db.place.stands(ctx, tx, ` FOR UPDATE`); err != nil {
			return err
		}
		if why := i.Judge(found, w); why != "" {
			if err := hold(ctx, tx, i, why); err != nil {
				return err
			}
			i, _, err = db.place.stands(ctx, tx, "")
			return err
		}
		if i.Hold.Reason == "" {
			i.MarkedAt, err = mark(ctx, tx, i.Place.Amended(found))
		}
		return err
	})
	if err != nil {
		return campaign.Installation{}, fmt.Errorf("mark how far the database got: %w", err)
	}
	db.place.saw(i.MarkedAt)
	return i, nil
}

// mark writes where the database lives and how far it got: always a little
// further than before, whatever the clock of a new server says.
func mark(ctx context.Context, tx pgx.Tx, p campaign.Place) (marked time.Time, err error) {
	err = tx.QueryRow(ctx, `
		UPDATE installation SET system_id = $1, database_oid = $2, timeline = $3,
		       marked_at = greatest(clock_timestamp(), marked_at + interval '1 microsecond')
		RETURNING marked_at`,
		zeronull.Text(p.System), zeronull.Int8(p.Database), zeronull.Int8(p.Timeline)).Scan(&marked)
	return marked, err
}

// Adopt says, in a person's name, that this copy of the database dials: once
// the carrier's list has been folded back it is released. The database gets a
// name of its own, so that it shares neither a queue nor a mark with the copy
// that it was made of. Where the carrier's records do not reach back to what
// the database knows, nobody can find out who was called between, and despiteGap
// must say that this is accepted.
func (db *DB) Adopt(ctx context.Context, who string, retention time.Duration, despiteGap bool) (i campaign.Installation, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		var found campaign.Place
		if i, found, err = db.place.stands(ctx, tx, ` FOR UPDATE`); err != nil {
			return err
		}
		if !i.Hold.Reason.NeedsPerson() {
			return campaign.ErrNotHeld
		}
		if gap := i.Now.Add(-retention); i.Hold.KnownUntil.Before(gap) && !despiteGap {
			return &campaign.GapError{From: i.Hold.KnownUntil, To: gap}
		}
		if _, err := tx.Exec(ctx, `
			UPDATE installation SET id = gen_random_uuid(), confirmed_at = clock_timestamp(), confirmed_by = $1,
			       readings = 0, read_at = NULL`, plain(who)); err != nil {
			return err
		}
		if _, err := mark(ctx, tx, found); err != nil {
			return err
		}
		i, _, err = db.place.stands(ctx, tx, "")
		return err
	})
	if err != nil {
		return campaign.Installation{}, fmt.Errorf("adopt the database: %w", err)
	}
	return i, nil
}

// FoldFrom is from when on the carrier's list is read back: as far as the
// carrier keeps it, but not from before the first campaign.
func (db *DB) FoldFrom(ctx context.Context, retention time.Duration) (from time.Time, err error) {
	err = db.pool.QueryRow(ctx, `
		SELECT greatest(clock_timestamp() - $1::interval,
		                coalesce((SELECT min(created_at) FROM campaigns), clock_timestamp()) - `+skewMost+`)`, retention).Scan(&from)
	if err != nil {
		return time.Time{}, fmt.Errorf("find where to read the carrier's list from: %w", err)
	}
	return from, nil
}

// FinishReading counts a complete reading of the carrier's list that was folded
// back for the hold, and releases the database after the last. It reports
// whether it did. Somebody may have finished the same reading before.
func (db *DB) FinishReading(ctx context.Context, h campaign.Hold) (released bool, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		i, found, err := db.place.stands(ctx, tx, ` FOR UPDATE`)
		if err != nil || !i.Hold.Since.Equal(h.Since) || i.Hold.Readings != h.Readings || i.Hold.Waits() {
			return err
		}
		if released = h.Readings+1 >= campaign.EnoughReadings; !released {
			_, err := tx.Exec(ctx, `UPDATE installation SET readings = readings + 1, read_at = clock_timestamp()`)
			return err
		}
		if _, err := tx.Exec(ctx, `
			UPDATE installation SET held_for = NULL, held_since = NULL, known_until = NULL, confirmed_at = NULL,
			       confirmed_by = NULL, readings = 0, read_at = NULL`); err != nil {
			return err
		}
		_, err = mark(ctx, tx, i.Place.Amended(found))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("finish a reading of the carrier's list: %w", err)
	}
	return released, nil
}
