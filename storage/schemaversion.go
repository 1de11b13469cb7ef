package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// ErrSchemaBehind: the schema lacks what this program needs.
var ErrSchemaBehind = errors.New("the schema is behind: run `dialer migrate up`")

// OpenMigrated is Open for every program that does not migrate. It refuses a database
// whose schema is older than this program, because only a person and `dialer run`
// upgrade one. It accepts a newer schema, so that a rolling deploy stops nobody, unless
// database_identity.needs_schema was raised: see serverGuard.
func OpenMigrated(ctx context.Context, url string) (*DB, error) {
	db, err := Open(ctx, url)
	if err != nil {
		return nil, err
	}
	if err := db.CheckSchema(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// CheckSchema returns nil if the database answers and has every migration that this
// program knows, with the functions and views that belong to them. It may have later
// ones.
func (db *DB) CheckSchema(ctx context.Context) error {
	known, err := knownMigrations()
	if err != nil {
		return err
	}
	var missing int
	var ruled bool
	err = db.pool.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM unnest($1::bigint[]) AS v
		        WHERE v NOT IN (SELECT version_id FROM goose_db_version WHERE is_applied)),
		       EXISTS (SELECT FROM applied_rules WHERE applied_at >= (
		        SELECT max(tstamp) AT TIME ZONE 'UTC' FROM goose_db_version WHERE version_id = ANY ($1)))`, known).Scan(&missing, &ruled)
	switch {
	case isState(err, undefinedTable):
		return fmt.Errorf("the database is empty: %w", ErrSchemaBehind)
	case err != nil:
		return fmt.Errorf("check the schema: %w", err)
	//guard:false storage.TestOnlyAMigratedDatabaseIsOpened: a schema that lacks migrations is refused
	case missing > 0:
		return fmt.Errorf("%d migrations are missing: %w", missing, ErrSchemaBehind)
	//guard:false storage.TestOnlyAMigratedDatabaseIsOpened: a schema whose functions are not there yet is refused
	case !ruled:
		return fmt.Errorf("its functions and views are not there yet: %w", ErrSchemaBehind)
	}
	return nil
}

// hasLaterSchema reports whether a later program has migrated the database.
func (db *DB) hasLaterSchema(ctx context.Context) (later bool, err error) {
	err = db.pool.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM goose_db_version WHERE version_id > $1 AND is_applied)`, newestMigration).Scan(&later)
	return later, err
}

// knownMigrations are the versions that this program has.
func knownMigrations() (known []int64, err error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		version, err := goose.NumericComponent(file)
		if err != nil {
			return nil, err
		}
		known = append(known, version)
	}
	return known, nil
}
