package storage

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgxpool"
)

var errSharedConns = errors.New("the server in DATABASE_URL gives each transaction another connection (PgBouncer with pool_mode = transaction or statement): " +
	"the dialer prepares statements and holds locks for longer, so set pool_mode = session for this database, or connect to Postgres itself")

// SQLSTATE codes of a session that was prepared on another connection.
const (
	duplicateStatement = "42P05"
	duplicateDatabase  = "42P04"
	noStatement        = "26000"
)

// refuseSharedConns returns errSharedConns if a program between us and Postgres lets
// two of our sessions use one of Postgres's. Otherwise statements would fail later,
// here and there, with errors that do not explain the cause.
func refuseSharedConns(ctx context.Context, pool *pgxpool.Pool) error {
	one, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer one.Release()
	first, err := backend(ctx, one)
	// A pooler gives its clients its own process ids.
	if err != nil || first == one.Conn().PgConn().PID() {
		return err
	}
	if pool.Config().MaxConns < 2 {
		return nil
	}
	other, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer other.Release()
	tx, err := other.Begin(ctx) // it has a connection now that the first one has released
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }() // nothing was changed
	var second uint32
	if err := tx.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&second); err != nil {
		return err
	}
	if first == second {
		return errSharedConns
	}
	if again, err := backend(ctx, one); err != nil || again != first {
		return errors.Join(err, errSharedConns)
	}
	return nil
}

func backend(ctx context.Context, conn *pgxpool.Conn) (pid uint32, err error) {
	err = conn.QueryRow(ctx, `SELECT pg_backend_pid()`).Scan(&pid)
	return pid, err
}
