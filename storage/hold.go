package storage

import (
	"context"
	"fmt"
	"time"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// notLocked is true while the database may dial. The claim and the gate ask in
// their own statements, so that a hold stops every process and every task.
const notLocked = `EXISTS (SELECT FROM installation WHERE held_for IS NULL)`

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
// known of the mark outside, or was seen by this process, says that it must not
// dial. The first mark also says where the database lives. It returns how the
// database stands then; the mark is to be kept outside once it is returned, and
// not before. A mark that is known of another installation says nothing: then
// nothing is moved, and the caller sees the name by which to ask.
func (db *DB) Mark(ctx context.Context, w campaign.Witness) (i campaign.Installation, err error) {
	seen := db.place.seen.Load()
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		var found campaign.Place
		if i, found, err = db.place.stands(ctx, tx, ` FOR UPDATE`); err != nil || w.Of != "" && w.Of != i.ID {
			return err
		}
		if why := i.Judge(found, seen.adds(w, i)); why != "" {
			if err := hold(ctx, tx, i, found, why); err != nil {
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
	db.place.saw(i.ID, i.MarkedAt)
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
// Vonage's list has been folded back it is released. The database gets a
// name of its own, so that it shares neither a queue nor a mark with the copy
// that it was made of. Where Vonage's records do not reach back to what
// the database knows, nobody can find out who was called between, and despiteGap
// must say that this is accepted. campaign.ErrNotHeld: it waits for nobody, or
// was recovered already.
func (db *DB) Adopt(ctx context.Context, who string, retention time.Duration, despiteGap bool) (i campaign.Installation, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		var found campaign.Place
		if i, found, err = db.place.stands(ctx, tx, ` FOR UPDATE`); err != nil {
			return err
		}
		if !i.Hold.Waits() {
			return campaign.ErrNotHeld
		}
		if gap := i.Now.Add(-retention); i.Hold.KnownUntil.Before(gap) && !despiteGap {
			return &campaign.GapError{From: i.Hold.KnownUntil, To: gap}
		}
		word := "adopt"
		if despiteGap {
			word = "adopt despite gap"
		}
		if err := keepWord(ctx, tx, who, word, i.Hold); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			UPDATE installation SET id = gen_random_uuid(), confirmed_at = clock_timestamp(), confirmed_by = $1,
			       readings = 0, read_at = NULL, held_system = $2, held_database = $3, held_timeline = $4`,
			plain(who), zeronull.Text(found.System), zeronull.Int8(found.Database), zeronull.Int8(found.Timeline)); err != nil {
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

// DespiteMissing says, in a person's name, that readings of Vonage's list
// count though they lack as many calls as the last one did, until the database
// is released or held anew, or a reading lacks more. It is said only once a
// reading was refused for what it lacked, and not of a hold that waits to be
// recovered.
func (db *DB) DespiteMissing(ctx context.Context, who string) (i campaign.Installation, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		if i, _, err = db.place.stands(ctx, tx, ` FOR UPDATE`); err != nil {
			return err
		}
		switch {
		case i.Hold.Reason == "":
			return campaign.ErrNotHeld
		case i.Hold.Misses == 0 || i.Hold.Waits():
			return campaign.ErrNothingMissing
		}
		if err := keepWord(ctx, tx, who, "despite missing", i.Hold); err != nil {
			return err
		}
		i, _, err = db.place.stands(ctx, tx, "")
		return err
	})
	if err != nil {
		return campaign.Installation{}, fmt.Errorf("take the list despite what it lacks: %w", err)
	}
	return i, nil
}

func keepWord(ctx context.Context, tx pgx.Tx, who, word string, h campaign.Hold) error {
	_, err := tx.Exec(ctx, `INSERT INTO installation_words (who, word, held_for, held_since) VALUES ($1, $2, $3, $4)`,
		plain(who), word, string(h.Reason), h.Since)
	return err
}

// Words are the latest things that people decided about holds, the latest
// first, limit at most.
func (db *DB) Words(ctx context.Context, limit int) ([]campaign.Word, error) {
	list, err := collect(ctx, db.pool, pgx.RowToStructByPos[campaign.Word], `
		SELECT at, who, word, held_for FROM installation_words ORDER BY id DESC LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("read what was decided about holds: %w", err)
	}
	return list, nil
}

// FinishReading counts a complete reading of Vonage's list that was folded
// back for the hold, and releases the database after the last. It reports
// whether it did. Somebody may have finished the same reading before.
func (db *DB) FinishReading(ctx context.Context, h campaign.Hold) (released bool, err error) {
	err = db.afterReading(ctx, h, func(tx pgx.Tx, i campaign.Installation, found campaign.Place) error {
		if released = h.Readings+1 >= campaign.EnoughReadings; !released {
			_, err := tx.Exec(ctx, `
				UPDATE installation SET readings = readings + 1, read_at = clock_timestamp(), misses = 0`)
			return err
		}
		if _, err := tx.Exec(ctx, `
			UPDATE installation SET held_for = NULL, held_since = NULL, known_until = NULL, confirmed_at = NULL,
			       confirmed_by = NULL, readings = 0, read_at = NULL, misses = 0, missed_at = NULL, missing = 0,
			       held_system = NULL, held_database = NULL, held_timeline = NULL`); err != nil {
			return err
		}
		_, err = mark(ctx, tx, i.Place.Amended(found))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("finish a reading of Vonage's list: %w", err)
	}
	return released, nil
}

// RejectReading notes that a reading for the hold lacked so many calls that had
// to be in it. It counts for nothing, and the next one waits: see Hold.RetryAt.
func (db *DB) RejectReading(ctx context.Context, h campaign.Hold, missing int) error {
	err := db.afterReading(ctx, h, func(tx pgx.Tx, _ campaign.Installation, _ campaign.Place) error {
		_, err := tx.Exec(ctx, `UPDATE installation SET misses = misses + 1, missed_at = clock_timestamp(), missing = $1`, missing)
		return err
	})
	if err != nil {
		return fmt.Errorf("reject a reading of Vonage's list: %w", err)
	}
	return nil
}

// afterReading does something about a reading that ended, if the hold is still
// the one at which it began and nobody was quicker. Where yet another server
// took over meanwhile, all that was read may be lost again: the database is held
// anew.
func (db *DB) afterReading(ctx context.Context, h campaign.Hold, do func(pgx.Tx, campaign.Installation, campaign.Place) error) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		i, found, err := db.place.stands(ctx, tx, ` FOR UPDATE`)
		if err != nil || !i.Hold.Since.Equal(h.Since) || i.Hold.Readings != h.Readings || i.Hold.Misses != h.Misses || i.Hold.Waits() {
			return err
		}
		if i.Hold.Moved(found) || h.Moved(found) {
			return hold(ctx, tx, i, found, i.Hold.Reason)
		}
		return do(tx, i, found)
	})
}
