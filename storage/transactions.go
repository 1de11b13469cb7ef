package storage

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"dialer/campaign"
	"dialer/internal/background"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// SQLSTATE codes after which the same transaction, begun again, may succeed.
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	// uniqueViolation: another transaction was faster, with the same call uuid or the
	// number's open attempt. When it runs again, this transaction sees that row.
	uniqueViolation = "23505"
)

// lockNotAvailable: another transaction kept a lock for longer than lock_timeout.
const lockNotAvailable = "55P03"

const maxTries = 5

// inTx runs work in one transaction, and runs all of it again, up to five times,
// if it lost to another transaction. So work must have no effect outside it. The
// gate does not use it, because a POST depends on the gate.
func (db *DB) inTx(ctx context.Context, work func(pgx.Tx) error) error {
	for try := 1; ; try++ {
		err := pgx.BeginFunc(ctx, db.pool, work)
		if err == nil || try == maxTries || !mayTryAgain(err) {
			return translate(err)
		}
		// A random part of 10 ms, 20 ms, 40 ms ...
		if err := background.Sleep(ctx, rand.N(10*time.Millisecond<<(try-1))); err != nil {
			return err
		}
	}
}

func mayTryAgain(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}
	switch pg.Code {
	case serializationFailure, deadlockDetected, uniqueViolation:
		return true
	case checkViolation:
		// The event's day got its partition after the statement had chosen the
		// default one.
		return pg.TableName == defaultPartition && pg.ConstraintName == ""
	}
	return false
}

// translate turns the driver's errors into the domain's. A message of Postgres about a
// constraint has the row's values in its detail, which pgx leaves out of Error().
func translate(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return campaign.ErrNotFound
	}
	return err
}

// read runs queries of one snapshot that may read much and take long.
func (db *DB) read(ctx context.Context, queries func(pgx.Tx) error) error {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return pgx.BeginTxFunc(ctx, db.pool, options, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			SELECT set_config('statement_timeout', '0', true), set_config('plan_cache_mode', 'auto', true),
			       set_config('enable_seqscan', 'on', true), set_config('enable_hashjoin', 'on', true),
			       set_config('enable_mergejoin', 'on', true)`)
		if err != nil {
			return err
		}
		return queries(tx)
	})
}

// lookup runs queries of one snapshot that find rows by indexes, from a page's
// beginning: the list of a campaign's people, or the history of a number. Their plans
// are made once, and are lookups in small tables too, so a test sees what they read in
// large ones.
func (db *DB) lookup(ctx context.Context, queries func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, queries)
}

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
