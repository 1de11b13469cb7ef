package testkit

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"dialer/internal/embedded"
	"dialer/storage"

	"github.com/jackc/pgx/v5"
)

// server is the Postgres that all tests of this binary share.
type server struct {
	url      *url.URL
	template string // a migrated database that tests get copies of
}

// sharedServer is found or started by the first test that needs it. Nobody
// closes it: a private one ends with this process, however that ends.
var sharedServer = sync.OnceValues(func() (server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	started, err := embedded.Postgres(ctx, embedded.Options{})
	if err != nil {
		return server{}, err
	}
	u, err := url.Parse(started.URL)
	if err != nil {
		return server{}, errors.New("DATABASE_URL must be a URL, such as postgres://user@host/database")
	}
	s := server{url: u}
	if s.template, err = s.makeTemplate(ctx); err != nil {
		return server{}, fmt.Errorf("make the template database: %w", err)
	}
	return s, nil
})

// templateLock is the advisory lock under which test binaries that share a
// server make the template.
const templateLock = 7_305_142_001

// makeTemplate makes the template if there is none for this schema. It is
// migrated under another name first, so that one found under its own name is
// whole.
func (s server) makeTemplate(ctx context.Context) (string, error) {
	version, err := storage.SchemaVersion()
	if err != nil {
		return "", err
	}
	name := "dialer_template_" + version
	return name, s.with(ctx, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, templateLock); err != nil {
			return err
		}
		var made bool
		err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&made)
		if err != nil || made {
			return err
		}
		draft := name + "_draft"
		return errors.Join(
			execAll(ctx, conn, `DROP DATABASE IF EXISTS `+draft+` WITH (FORCE)`, `CREATE DATABASE `+draft),
			migrate(ctx, s.urlOf(draft)),
			execAll(ctx, conn, `ALTER DATABASE `+draft+` RENAME TO `+name),
		)
	})
}

func migrate(ctx context.Context, u string) error {
	db, err := storage.Open(ctx, u)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Migrate(ctx)
	return err
}

func (s server) urlOf(database string) string {
	u := *s.url
	u.Path = "/" + database
	return u.String()
}

func (s server) exec(ctx context.Context, statements ...string) error {
	return s.with(ctx, func(conn *pgx.Conn) error { return execAll(ctx, conn, statements...) })
}

func (s server) with(ctx context.Context, use func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, s.url.String())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return use(conn)
}

func execAll(ctx context.Context, conn *pgx.Conn, statements ...string) error {
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}
