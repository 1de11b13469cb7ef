package storage

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// newestMigration is the last schema that this program knows. It works on a
// later one too, unless that says that it does not: see installation.needs_schema.
var newestMigration = func() (newest int64) {
	files, _ := fs.Glob(migrations, "migrations/*.sql") // the pattern is sound
	for _, file := range files {
		if version, err := goose.NumericComponent(file); err == nil {
			newest = max(newest, version)
		}
	}
	return newest
}()

// Migration is one step of the schema.
type Migration struct {
	Version   int64
	Name      string
	AppliedAt time.Time // zero: not yet
}

// Migrate brings the schema up to date and returns how many steps it took.
// Several processes may call it at once: one works and the others wait.
// Applied steps are never edited, and there is no way down.
func (db *DB) Migrate(ctx context.Context) (applied int, err error) {
	err = db.withProvider(func(p *goose.Provider) error {
		results, err := p.Up(ctx)
		applied = len(results)
		return err
	})
	if err != nil {
		return applied, fmt.Errorf("migrate: %w", err)
	}
	return applied, nil
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

// withProvider works on connections of its own: a step may take longer than
// the pool's statements may.
func (db *DB) withProvider(use func(*goose.Provider) error) error {
	cfg := db.pool.Config().ConnConfig
	cfg.RuntimeParams["statement_timeout"] = "0"
	conn := stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(prepareConn))
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

// SchemaVersion names the schema that Migrate leads to: it changes with every
// edit of the migrations.
func SchemaVersion() (string, error) {
	sum := sha256.New()
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
