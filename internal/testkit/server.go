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

	"github.com/jackc/pgx/v5/pgxpool"
)

// server is the Postgres that all tests of this binary share.
type server struct {
	url      *url.URL
	admin    *pgxpool.Pool // makes and drops the tests' databases; opened once, since a connection costs a process
	template string        // a migrated database that tests get copies of
	strategy string        // how a database is copied
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
	if s.admin, err = pgxpool.New(ctx, started.URL); err != nil {
		return server{}, err
	}
	// Copying files is eight times faster than writing pages through the log if
	// checkpoints do not wait for a disk. Postgres before 15 has only one way.
	err = s.admin.QueryRow(ctx, `SELECT CASE WHEN current_setting('server_version_num')::int >= 150000 AND current_setting('fsync') = 'off'
		THEN 'STRATEGY file_copy' ELSE '' END`).Scan(&s.strategy)
	if err != nil {
		return server{}, err
	}
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
	draft := name + "_draft"
	return name, s.admin.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, templateLock); err != nil {
			return err
		}
		defer conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, templateLock)
		var made bool
		err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&made)
		if err != nil || made {
			return err
		}
		return errors.Join(
			s.exec(ctx, `DROP DATABASE IF EXISTS `+draft+` WITH (FORCE)`, `CREATE DATABASE `+draft),
			migrate(ctx, s.urlOf(draft)),
			s.exec(ctx, `ALTER DATABASE `+draft+` RENAME TO `+name),
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
	for _, sql := range statements {
		if _, err := s.admin.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}
