package storage

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// placeGuard compares where each new connection leads with where the database
// lived, before anything else runs on it. A connection never changes its
// server, so no gate runs where nobody looked.
type placeGuard struct {
	told atomic.Int32 // the first of tellings that the server answers
	seen atomic.Pointer[sighting]
}

// sighting is the latest mark that this process knows of, and of which
// installation: once that is recovered its mark says nothing any more.
type sighting struct {
	installation string
	mark         time.Time
}

// adds is the witness with what this process saw itself. It must be looked up
// before the database is asked, whose mark may be moved meanwhile.
func (s *sighting) adds(w campaign.Witness, i campaign.Installation) campaign.Witness {
	if s == nil || s.installation != i.ID {
		return w
	}
	return w.Seen(s.mark, i.MarkedAt)
}

// tellings are what a server may be asked about itself, the most telling
// first. Managed servers do not let everybody ask.
var tellings = []string{
	systemOf + `, ` + databaseOf + `, ` + timelineOf,
	`NULL::text, ` + databaseOf + `, ` + timelineOf,
	systemOf + `, ` + databaseOf + `, NULL::bigint`,
	`NULL::text, ` + databaseOf + `, NULL::bigint`,
}

const (
	systemOf   = `(SELECT system_identifier::text FROM pg_control_system())`
	databaseOf = `(SELECT oid::bigint FROM pg_database WHERE datname = current_database())`
	// The name of a file of the log begins with the timeline, in hexadecimal.
	timelineOf = `('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint`
)

const standing = `
	SELECT i.id::text, i.system_id, i.database_oid, i.timeline, i.marked_at, i.held_for, i.held_since,
	       i.known_until, i.confirmed_at, i.readings, i.read_at, i.needs_schema, clock_timestamp(),
	       i.held_system, i.held_database, i.held_timeline, i.misses, i.missed_at, i.missing,
	       (SELECT min(w.at) FROM installation_words w WHERE w.word = 'despite missing' AND w.at > i.missed_at), `

func scanStanding(row pgx.Row) (i campaign.Installation, found campaign.Place, err error) {
	h := &i.Hold
	err = row.Scan(&i.ID, (*zeronull.Text)(&i.Place.System), (*zeronull.Int8)(&i.Place.Database),
		(*zeronull.Int8)(&i.Place.Timeline), (*zeronull.Timestamptz)(&i.MarkedAt), (*zeronull.Text)(&h.Reason),
		(*zeronull.Timestamptz)(&h.Since), (*zeronull.Timestamptz)(&h.KnownUntil),
		(*zeronull.Timestamptz)(&h.ConfirmedAt), &h.Readings, (*zeronull.Timestamptz)(&h.ReadAt), &i.NeedsSchema, &i.Now,
		(*zeronull.Text)(&h.Place.System), (*zeronull.Int8)(&h.Place.Database), (*zeronull.Int8)(&h.Place.Timeline),
		&h.Misses, (*zeronull.Timestamptz)(&h.MissedAt), &h.Missing, (*zeronull.Timestamptz)(&h.DespiteMissingAt),
		(*zeronull.Text)(&found.System), (*zeronull.Int8)(&found.Database), (*zeronull.Int8)(&found.Timeline))
	return i, found, err
}

// rowQuerier is a connection, a pool or a transaction.
type rowQuerier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// stands reads how the database stands and where it is.
func (g *placeGuard) stands(ctx context.Context, q rowQuerier, lock string) (campaign.Installation, campaign.Place, error) {
	return scanStanding(q.QueryRow(ctx, standing+tellings[g.told.Load()]+` FROM installation i`+lock))
}

// check holds the database if it is not where it was, or knows less than this
// process does. It refuses the connection where that cannot be judged: once this
// process has marked an installation, a database without one, or with that of an
// earlier schema, is a backup; and so is one that lives under another name than
// this process knows and waits for nothing.
func (g *placeGuard) check(ctx context.Context, conn *pgx.Conn) error {
	seen := g.seen.Load()
	i, found, err := g.ask(ctx, conn)
	switch {
	case isState(err, undefinedTable, undefinedColumn) || errors.Is(err, pgx.ErrNoRows):
		if seen == nil {
			return nil // not migrated yet
		}
		return fmt.Errorf("the database is an earlier one than this process has worked with; start this process again, so that it is migrated and read back: %w", err)
	case err != nil:
		return fmt.Errorf("look where the database is: %w", err)
	case seen != nil && seen.installation != i.ID && i.Hold.Reason == "":
		return campaign.ErrRenamed
	}
	if i.NeedsSchema > newestMigration {
		return fmt.Errorf("the database needs a program that knows its schema %d, and this one knows %d: run the newer program", i.NeedsSchema, newestMigration)
	}
	why := i.Judge(found, seen.adds(campaign.Witness{}, i))
	if why == "" {
		return nil
	}
	if err := hold(ctx, conn, i, found, why); err != nil {
		return fmt.Errorf("hold the database: %w", err)
	}
	return nil
}

// ask finds out what the server tells of itself.
func (g *placeGuard) ask(ctx context.Context, conn *pgx.Conn) (i campaign.Installation, found campaign.Place, err error) {
	for {
		i, found, err = g.stands(ctx, conn, "")
		told := g.told.Load()
		if int(told) == len(tellings)-1 || !isState(err, notPermitted, notSupported, undefinedFunction) {
			return i, found, err
		}
		g.told.CompareAndSwap(told, told+1)
	}
}

// saw remembers the latest mark of the installation.
func (g *placeGuard) saw(installation string, mark time.Time) {
	now := &sighting{installation, mark}
	for {
		seen := g.seen.Load()
		if seen != nil && seen.installation == installation && !mark.After(seen.mark) || g.seen.CompareAndSwap(seen, now) {
			return
		}
	}
}

// SQLSTATE codes of what a server does not have or does not let us ask.
const (
	undefinedTable    = "42P01"
	undefinedColumn   = "42703"
	undefinedFunction = "42883"
	notPermitted      = "42501"
	notSupported      = "0A000"
)

func isState(err error, codes ...string) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}
	for _, code := range codes {
		if pg.Code == code {
			return true
		}
	}
	return false
}

// execer is a connection or a transaction.
type execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// hold keeps the database, which is where it was found, from dialing, unless
// somebody changed the hold since it was read.
func hold(ctx context.Context, q execer, i campaign.Installation, found campaign.Place, why campaign.HoldReason) error {
	_, err := q.Exec(ctx, `
		WITH held AS (
			UPDATE installation SET held_for = @why, held_since = clock_timestamp(),
				known_until = least(known_until, marked_at), confirmed_at = NULL, confirmed_by = NULL,
				readings = 0, read_at = NULL, misses = 0, missed_at = NULL, missing = 0,
				held_system = @system, held_database = @database, held_timeline = @timeline
			WHERE held_for IS NOT DISTINCT FROM @was::text AND held_since IS NOT DISTINCT FROM @since::timestamptz
			  AND confirmed_at IS NOT DISTINCT FROM @confirmed::timestamptz
			RETURNING 1
		)
		INSERT INTO alarms (kind, detail) SELECT @kind, @detail FROM held
		ON CONFLICT (kind, coalesce(attempt_id, '00000000-0000-0000-0000-000000000000'), detail)
		DO UPDATE SET times = alarms.times + 1, last_at = clock_timestamp()`,
		pgx.StrictNamedArgs{
			"why": why, "was": zeronull.Text(i.Hold.Reason), "since": zeronull.Timestamptz(i.Hold.Since),
			"confirmed": zeronull.Timestamptz(i.Hold.ConfirmedAt),
			"system":    zeronull.Text(found.System), "database": zeronull.Int8(found.Database), "timeline": zeronull.Int8(found.Timeline),
			"kind": campaign.AlarmDialLocked, "detail": "nobody is called: " + why.Meaning(),
		})
	return err
}
