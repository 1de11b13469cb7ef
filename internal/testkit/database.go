package testkit

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"dialer/internal/testkit/require"
	"dialer/storage"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// DB is a test's own database, migrated and empty.
type DB struct {
	*storage.DB
	// URL is for tests that start programs on it.
	URL string

	pool *pgxpool.Pool
}

// New makes a database for the test, and drops it when the test ends.
func New(t testing.TB) *DB {
	t.Helper()
	s := shared(t)
	d := open(t, s.create(t, s.template))
	d.Exec(t, `UPDATE database_identity SET id = gen_random_uuid()`) // a copy has the template's name
	return d
}

// Empty makes a database without any table, for tests of the first start, and
// returns its URL.
func Empty(t testing.TB) string {
	t.Helper()
	return shared(t).create(t, "template0")
}

func shared(t testing.TB) server {
	t.Helper()
	s, err := sharedServer()
	if err != nil {
		t.Fatalf("testkit: %v", err)
	}
	return s
}

func (s server) create(t testing.TB, template string) (url string) {
	t.Helper()
	name := "dialer_test_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if err := s.exec(t.Context(), fmt.Sprintf(`CREATE DATABASE %s TEMPLATE %s %s`, name, template, s.strategy)); err != nil {
		t.Fatalf("testkit: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.exec(ctx, fmt.Sprintf(`DROP DATABASE %s WITH (FORCE)`, name)); err != nil {
			t.Errorf("testkit: %v", err)
		}
	})
	return s.urlOf(name)
}

func open(t testing.TB, u string) *DB {
	t.Helper()
	db, err := storage.Open(t.Context(), u)
	if err != nil {
		t.Fatalf("testkit: %v", err)
	}
	t.Cleanup(db.Close)
	pool, err := pgxpool.New(t.Context(), u)
	if err != nil {
		t.Fatalf("testkit: %v", err)
	}
	t.Cleanup(pool.Close)
	return &DB{DB: db, URL: u, pool: pool}
}

// Exec runs a statement that the dialer itself has no method for.
func (d *DB) Exec(t testing.TB, sql string, args ...any) {
	t.Helper()
	if err := d.TryExec(t, sql, args...); err != nil {
		t.Fatalf("testkit: %s: %v", sql, err)
	}
}

// TryExec runs a statement that may be refused. Without arguments it may be
// several statements.
func (d *DB) TryExec(t testing.TB, sql string, args ...any) error {
	t.Helper()
	_, err := d.pool.Exec(t.Context(), sql, args...)
	return err
}

// Begin runs statements in a transaction and returns a function that commits it.
func (d *DB) Begin(t testing.TB, statements ...string) (commit func()) {
	t.Helper()
	tx, err := d.pool.Begin(t.Context())
	if err != nil {
		t.Fatalf("testkit: %v", err)
	}
	for _, sql := range statements {
		if _, err := tx.Exec(t.Context(), sql); err != nil {
			t.Fatalf("testkit: %s: %v", sql, err)
		}
	}
	return func() {
		t.Helper()
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatalf("testkit: %v", err)
		}
	}
}

// AwaitLockWaits returns once n sessions of the database wait for a lock.
func (d *DB) AwaitLockWaits(t testing.TB, n int) {
	t.Helper()
	require.Eventually(t, "sessions wait for a lock", func() bool {
		return Value[int](t, d, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) >= n
	})
}

// Value reads one value.
func Value[T any](t testing.TB, d *DB, sql string, args ...any) T {
	t.Helper()
	var v T
	if err := d.pool.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("testkit: %s: %v", sql, err)
	}
	return v
}

// Rows reads all rows: into structs by position, or one column into plain
// values.
func Rows[T any](t testing.TB, d *DB, sql string, args ...any) []T {
	t.Helper()
	rows, err := d.pool.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatalf("testkit: %s: %v", sql, err)
	}
	to := pgx.RowTo[T]
	if reflect.TypeFor[T]().Kind() == reflect.Struct {
		to = pgx.RowToStructByPos[T]
	}
	all, err := pgx.CollectRows(rows, to)
	if err != nil {
		t.Fatalf("testkit: %s: %v", sql, err)
	}
	return all
}

// Copy makes a copy of the database in its present state, like a backup that is restored
// beside it. All connections to the original are cut off.
func (d *DB) Copy(t testing.TB) *DB {
	t.Helper()
	s := shared(t)
	name := d.pool.Config().ConnConfig.Database
	if err := s.exec(t.Context(), fmt.Sprintf(`ALTER DATABASE %s ALLOW_CONNECTIONS false`, name),
		fmt.Sprintf(`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '%s'`, name)); err != nil {
		t.Fatalf("testkit: %v", err)
	}
	u := s.create(t, name)
	if err := s.exec(t.Context(), fmt.Sprintf(`ALTER DATABASE %s ALLOW_CONNECTIONS true`, name)); err != nil {
		t.Fatalf("testkit: %v", err)
	}
	d.Reconnect(t)
	return open(t, u)
}

// Reconnect makes the pool notice and replace the connections that were cut off.
func (d *DB) Reconnect(t testing.TB) {
	t.Helper()
	d.pool.Reset()
	var err error
	for range 100 { // more than a pool has
		if _, err = d.Now(t.Context()); err == nil {
			return
		}
	}
	t.Fatalf("testkit: reconnect: %v", err)
}
