package storage

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// serverGuard compares the server of each new connection with the database's last known
// server, before anything else runs on it. A connection never changes its server, so no
// gate runs on a server that was not compared.
type serverGuard struct {
	query atomic.Int32 // the first of serverQueries that the server answers
	seen  atomic.Pointer[sighting]
	// account is the account with which this process calls; nil if it calls nobody.
	account atomic.Pointer[campaign.Account]
}

// sighting is the latest checkpoint that this process knows, and its database. Once
// that database is released under a new name, it proves nothing any more.
type sighting struct {
	database   string
	checkpoint time.Time
}

// adds combines the mark with the checkpoint that this process saw itself. Look up the
// mark before the database is asked, because its checkpoint may be moved in the
// meantime.
func (s *sighting) adds(m campaign.ExternalMark, d campaign.DatabaseIdentity) campaign.ExternalMark {
	if s == nil || s.database != d.ID {
		return m
	}
	return m.Seen(s.checkpoint, d.CheckpointAt)
}

// serverQueries ask a server about itself, the most specific first. Managed servers do
// not allow everybody all of them.
var serverQueries = []string{
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

const identityColumns = `
	SELECT i.id::text, i.system_id, i.database_oid, i.timeline, i.checkpoint_at, i.needs_schema, clock_timestamp(),
	       i.locked_for, i.locked_at, i.known_until, i.locked_system, i.locked_database, i.locked_timeline, i.released_at, i.released_by,
	       i.scans, i.scanned_at, i.misses, i.missed_at, i.missing, i.accepted_at,
	       i.application_id, i.api_host, i.other_application_id, i.other_api_host, i.other_asked_at, `

func scanIdentity(row pgx.Row) (d campaign.DatabaseIdentity, found campaign.ServerIdentity, err error) {
	l := &d.Lock
	var asked time.Time
	err = row.Scan(&d.ID, (*zeronull.Text)(&d.Server.System), (*zeronull.Int8)(&d.Server.Database), (*zeronull.Int8)(&d.Server.Timeline),
		(*zeronull.Timestamptz)(&d.CheckpointAt), &d.NeedsSchema, &d.Now,
		(*zeronull.Text)(&l.Reason), (*zeronull.Timestamptz)(&l.Since), (*zeronull.Timestamptz)(&l.KnownUntil),
		(*zeronull.Text)(&l.Server.System), (*zeronull.Int8)(&l.Server.Database), (*zeronull.Int8)(&l.Server.Timeline),
		(*zeronull.Timestamptz)(&l.ReleasedAt), (*zeronull.Text)(&l.ReleasedBy), &l.Scans, (*zeronull.Timestamptz)(&l.ScannedAt),
		&l.Misses, (*zeronull.Timestamptz)(&l.MissedAt), &l.Missing, (*zeronull.Timestamptz)(&l.AcceptedAt),
		(*zeronull.Text)(&d.Account.ApplicationID), (*zeronull.Text)(&d.Account.APIHost),
		(*zeronull.Text)(&l.OtherAccount.ApplicationID), (*zeronull.Text)(&l.OtherAccount.APIHost), (*zeronull.Timestamptz)(&asked),
		(*zeronull.Text)(&found.System), (*zeronull.Int8)(&found.Database), (*zeronull.Int8)(&found.Timeline))
	if l.Reason == "" && !asked.IsZero() {
		l.Reason, l.Since = campaign.LockedAccount, asked
	}
	return d, found, err
}

// rowQuerier is a connection, a pool or a transaction.
type rowQuerier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// identity reads which database it is, its state, and where it is.
func (g *serverGuard) identity(ctx context.Context, q rowQuerier, lock string) (campaign.DatabaseIdentity, campaign.ServerIdentity, error) {
	return scanIdentity(q.QueryRow(ctx, identityColumns+serverQueries[g.query.Load()]+` FROM database_identity i`+lock))
}

// check locks the database if it is not where it was, or knows less than this process.
// It refuses the connection if it cannot judge that. Once this process has moved a
// checkpoint, a database without an identity, or with that of an earlier schema, is a
// backup. So is one with another name than this process knows that is not locked.
func (g *serverGuard) check(ctx context.Context, conn *pgx.Conn) error {
	seen := g.seen.Load()
	d, found, err := g.ask(ctx, conn)
	switch {
	case isState(err, undefinedTable, undefinedColumn) || errors.Is(err, pgx.ErrNoRows):
		//guard:true storage.TestBackupOfEarlierSchemaCallsNobody: a database of an earlier schema is not dialed from
		if seen == nil {
			return nil // not migrated yet
		}
		return fmt.Errorf("the database is an earlier one than this process has worked with; start this process again, so that it is migrated and read back: %w", err)
	case err != nil:
		return fmt.Errorf("look where the database is: %w", err)
	//guard:false storage.TestBackupFromBeforeReleaseCallsNobody: a database of before its release is not dialed from
	case seen != nil && seen.database != d.ID && d.Lock.Reason == "":
		return campaign.ErrRenamed
	}
	//guard:false storage.TestOlderProgramRefusesASchemaThatNeedsALater: an older program refuses a schema that needs a later
	if d.NeedsSchema > newestMigration {
		return fmt.Errorf("the database needs a program that knows its schema %d, and this one knows %d: run the newer program", d.NeedsSchema, newestMigration)
	}
	why := d.Judge(found, seen.adds(campaign.ExternalMark{}, d))
	if why == "" {
		return nil
	}
	if err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return setDialLock(ctx, tx, d, found, why) }); err != nil {
		return fmt.Errorf("lock the database: %w", err)
	}
	return nil
}

// ask reads what the server reports about itself.
func (g *serverGuard) ask(ctx context.Context, conn *pgx.Conn) (d campaign.DatabaseIdentity, found campaign.ServerIdentity, err error) {
	for {
		d, found, err = g.identity(ctx, conn, "")
		query := g.query.Load()
		if int(query) == len(serverQueries)-1 || !isState(err, notPermitted, notSupported, undefinedFunction) {
			return d, found, err
		}
		g.query.CompareAndSwap(query, query+1)
	}
}

// saw remembers the latest checkpoint of the database.
func (g *serverGuard) saw(database string, checkpoint time.Time) {
	now := &sighting{database, checkpoint}
	for {
		seen := g.seen.Load()
		if seen != nil && seen.database == database && !checkpoint.After(seen.checkpoint) || g.seen.CompareAndSwap(seen, now) {
			return
		}
	}
}

// SQLSTATE codes for values that a server does not have or does not let us read.
const (
	undefinedTable    = "42P01"
	undefinedColumn   = "42703"
	undefinedFunction = "42883"
	notPermitted      = "42501"
	notSupported      = "0A000"
)
