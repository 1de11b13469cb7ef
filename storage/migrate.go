package storage

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// rules are the SQL functions that statements share; see rules.sql.
//
//go:embed rules.sql
var rules string

// views are what people read with SQL; see views.sql.
//
//go:embed views.sql
var views string

// comments say what each table and column means; see comments.sql.
//
//go:embed comments.sql
var comments string

// newestMigration is the newest schema that this program knows. It also works on a
// newer one, unless that one forbids it: see database_identity.needs_schema.
var newestMigration = func() int64 {
	known, _ := knownMigrations() // Migrate reports a file with a wrong name
	return slices.Max(known)
}()

// Migration is one step of the schema.
type Migration struct {
	Version   int64
	Name      string
	AppliedAt time.Time // zero: not yet
}

// firstMigration is the baseline. Lower versions belong to databases that were created
// before the first release.
const firstMigration = 100

// ErrOldDatabase: the database's schema is from before the first release, and cannot be
// migrated.
var ErrOldDatabase = errors.New("this database was made by a version before the first release and cannot be migrated: " +
	"create an empty database, point DATABASE_URL at it, and import the campaigns again")

// Migrate updates the schema and returns how many steps it took. Several processes may
// call it at once: one works and the others wait. Applied steps are never edited, and
// there is no way down.
func (db *DB) Migrate(ctx context.Context) (applied int, err error) {
	if err := db.refuseOld(ctx); err != nil {
		return 0, fmt.Errorf("migrate: %w", err)
	}
	err = db.withProvider(func(p *goose.Provider) error {
		results, err := p.Up(ctx)
		applied = len(results)
		return err
	})
	if err == nil {
		err = db.applyRules(ctx)
	}
	if err != nil {
		return applied, fmt.Errorf("migrate: %w", err)
	}
	return applied, nil
}

// refuseOld returns ErrOldDatabase for a database with a version before the baseline.
// goose alone would apply the baseline in addition to them, or nothing.
func (db *DB) refuseOld(ctx context.Context) error {
	var old bool
	err := db.pool.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM goose_db_version WHERE version_id BETWEEN 1 AND $1 AND is_applied)`, firstMigration-1).Scan(&old)
	switch {
	case isState(err, undefinedTable):
		return nil // an empty database
	case err != nil:
		return err
	case old:
		return ErrOldDatabase
	}
	return nil
}

// applyRules replaces the functions of rules.sql, the views of views.sql and the
// comments of comments.sql, unless the database has these texts already. A process of
// the previous version that starts during a rolling deploy leaves the newer ones.
func (db *DB) applyRules(ctx context.Context) error {
	sum := sha256.Sum256([]byte(rules + views + comments))
	text := hex.EncodeToString(sum[:])
	later, err := db.hasLaterSchema(ctx)
	//guard:false storage.TestAnOlderProgramLeavesTheNewerRules: an older program leaves the newer rules
	if err != nil || later {
		return err
	}
	return pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, rulesLock); err != nil {
			return err
		}
		var same bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM applied_rules WHERE sha256 = $1)`, text).Scan(&same); err != nil {
			return err
		}
		if !same {
			if err := replaceRules(ctx, tx); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `
			INSERT INTO applied_rules (sha256) VALUES ($1)
			ON CONFLICT (one) DO UPDATE SET sha256 = excluded.sha256, applied_at = clock_timestamp()`, text)
		return err
	})
}

func replaceRules(ctx context.Context, tx pgx.Tx) error {
	for _, file := range []struct{ name, text string }{{"rules.sql", rules}, {"views.sql", views}, {"comments.sql", comments}} {
		if _, err := tx.Exec(ctx, file.text); err != nil {
			return fmt.Errorf("apply %s: %w", file.name, err)
		}
	}
	return nil
}

// MigrationStatus lists every step, oldest first.
func (db *DB) MigrationStatus(ctx context.Context) (list []Migration, err error) {
	err = db.withProvider(func(p *goose.Provider) error {
		states, err := p.Status(ctx)
		for _, s := range states {
			list = append(list, Migration{Version: s.Source.Version, Name: s.Source.Path, AppliedAt: s.AppliedAt.UTC()})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return list, nil
}

// withProvider uses its own connections: a step may take longer than the pool's
// statements may.
func (db *DB) withProvider(use func(*goose.Provider) error) error {
	cfg := db.pool.Config().ConnConfig
	conn := stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(prepareUnlimited))
	defer conn.Close()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120))
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, conn, files, goose.WithSessionLocker(locker))
	if err != nil {
		return err
	}
	return use(provider)
}

// prepareUnlimited is prepareConn without a limit for a statement.
func prepareUnlimited(ctx context.Context, conn *pgx.Conn) error {
	if err := prepareConn(ctx, conn); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, `SET statement_timeout = 0`)
	return err
}

// SchemaVersion names the schema after Migrate: it changes with every edit of the
// migrations, the rules, the views and the comments.
func SchemaVersion() (string, error) {
	sum := sha256.New()
	sum.Write([]byte(rules + views + comments))
	err := fs.WalkDir(migrations, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := migrations.ReadFile(path)
		sum.Write(body)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)[:8]), err
}
