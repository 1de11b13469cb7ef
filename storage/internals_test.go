package storage

import (
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// SessionSetting is a setting of a connection of the pool.
func (db *DB) SessionSetting(ctx context.Context, name string) string {
	var value string
	if err := db.pool.QueryRow(ctx, `SELECT current_setting($1)`, name).Scan(&value); err != nil {
		return err.Error()
	}
	return value
}

// ReportStatements are the statements that read reports; those for one campaign read
// campaign 1.
func ReportStatements() (list []string) {
	for _, sql := range []string{reportsByID, outcomesByID, totals} {
		list = append(list, strings.ReplaceAll(sql, "$1", "'{1}'"))
	}
	return list
}

// InTx runs statements as the package's own transactions run theirs.
func (db *DB) InTx(ctx context.Context, statement func() string) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, statement())
		return err
	})
}

// CallUpdate is for tests that decide which updates share a transaction.
type CallUpdate = callUpdate

func EventUpdate(r campaign.Received) CallUpdate { return callUpdate{attempt: r.AttemptID, event: &r} }

func OutcomeUpdate(attempt uuid.UUID, o campaign.Outcome) CallUpdate {
	return callUpdate{attempt: attempt, outcome: o}
}

// ApplyBatch stores the updates as one batch. Each result is sent when it is known.
func (db *DB) ApplyBatch(list ...CallUpdate) []<-chan error { return commitBatch(db.updates, list) }

// GateBatch brings the attempts to the gate as one batch. Each result is sent when it
// is known.
func (db *DB) GateBatch(life time.Duration, ids ...uuid.UUID) []<-chan error {
	return commitBatch(db.gates, column(ids, func(id uuid.UUID) *gateRequest { return &gateRequest{id: id, life: life} }))
}

func commitBatch[T any](b *txBatcher[T], values []T) []<-chan error {
	batch := make([]*batchItem[T], len(values))
	results := make([]<-chan error, len(values))
	for i, v := range values {
		batch[i] = &batchItem[T]{value: v, result: make(chan error, 1)}
		results[i] = batch[i].result
	}
	b.commit(batch, false)
	return results
}

// ExplainGate returns the plans of the two statements that the gate runs for an
// attempt.
func (db *DB) ExplainGate(ctx context.Context, id uuid.UUID) (plan []string, err error) {
	for _, statement := range []struct {
		sql  string
		args pgx.StrictNamedArgs
	}{
		{gateLock, pgx.StrictNamedArgs{"ids": []uuid.UUID{id}}},
		{gateMove, gateArgs(time.Minute, lastToken{})},
	} {
		err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `SELECT set_config('dialer.gate', '', true)`); err != nil {
				return err
			}
			lines, err := collect(ctx, tx, pgx.RowTo[string], `EXPLAIN (COSTS OFF) `+statement.sql, statement.args)
			plan = append(plan, lines...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return plan, nil
}

// ExplainClaim returns the plan of a claim of up to limit contacts.
func (db *DB) ExplainClaim(ctx context.Context, limit int) ([]string, error) {
	ids, err := newIDs(limit)
	if err != nil {
		return nil, err
	}
	return collect(ctx, db.pool, pgx.RowTo[string], `EXPLAIN (COSTS OFF) `+claim, claimArgs(ids, limit, 0))
}

// PastedStatements are the statements that docs/internals/psql.md explains how to
// paste.
var PastedStatements = map[string]string{"claim.psql": claim, "gatelock.psql": gateLock, "gatemove.psql": gateMove}

// Lock runs a statement and keeps its locks until release.
func (db *DB) Lock(ctx context.Context, statement string, args ...any) (release func(), err error) {
	tx, err := db.pool.Begin(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, statement, args...); err != nil {
		return nil, err
	}
	return func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }, nil
}

// ReceiveAlone stores an event in its own transaction.
func (db *DB) ReceiveAlone(ctx context.Context, r campaign.Received) error {
	results, err := db.storeUpdates(ctx, []callUpdate{EventUpdate(r)}, true)
	return errors.Join(append(results, err)...)
}

// LockWait is how long a transaction that stores updates waits for a lock.
func (db *DB) LockWait(ctx context.Context, wait bool) (limit string, err error) {
	err = pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		if err := (&updateBatch{}).lock(ctx, tx, wait); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT current_setting('lock_timeout')`).Scan(&limit)
	})
	return limit, err
}

// KeepPartitionsFrom is KeepPartitions on another day.
func (db *DB) KeepPartitionsFrom(ctx context.Context, today time.Time) error {
	return db.keepPartitions(ctx, today)
}

// BatchConnections is the most connections that all batchers use together.
func (db *DB) BatchConnections() int {
	return connections(db.updates) + connections(db.loads) + connections(db.gates)
}

// connections: one transaction, the extra ones, and those that wait for locks.
func connections[T any](b *txBatcher[T]) int { return 1 + 2*b.extra }

// Attempts streams every attempt, in the order of their ids.
func (db *DB) Attempts(ctx context.Context) iter.Seq2[campaign.Attempt, error] {
	return stream(ctx, db, `SELECT `+attemptColumns+` FROM attempts a WHERE a.id > $1 ORDER BY a.id LIMIT $2`,
		uuid.Nil, scanAttempt, func(a campaign.Attempt) uuid.UUID { return a.ID })
}

func scanContact(row pgx.CollectableRow) (k campaign.Contact, err error) {
	err = row.Scan(contactFields(&k)...)
	return k, err
}

// Contacts streams every contact of all campaigns, in the order of their ids.
func (db *DB) Contacts(ctx context.Context) iter.Seq2[campaign.Contact, error] {
	return stream(ctx, db, `
		SELECT `+contactColumns+` FROM contacts k JOIN zone_groups g ON g.id = k.zone_group_id
		WHERE k.id > $1 ORDER BY k.id LIMIT $2`,
		int64(0), scanContact, func(k campaign.Contact) int64 { return k.ID })
}

// QueryRow runs a query on a connection of the pool, with its settings.
func (db *DB) QueryRow(ctx context.Context, sql string) pgx.Row { return db.pool.QueryRow(ctx, sql) }

// RecordGenerally stores an outcome in the general way, not as a plain acceptance.
func (db *DB) RecordGenerally(ctx context.Context, id uuid.UUID, o campaign.Outcome) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		_, err := applyUpdates(ctx, tx, []callUpdate{{attempt: id, outcome: o}}, true)
		return err
	})
}

// RecordPlainly reports whether the outcome was stored as a plain acceptance.
func (db *DB) RecordPlainly(ctx context.Context, id uuid.UUID, o campaign.Outcome) bool {
	return len(db.storeAcceptances(ctx, []callUpdate{{attempt: id, outcome: o}})) == 0
}

// MatchesByNumbers are the calls that would be matched by their numbers now.
func (db *DB) MatchesByNumbers(ctx context.Context, t campaign.Times) (calls []string, err error) {
	matches, err := collect(ctx, db.pool, scanMatch, matchByNumbers, matchArgs(t, nil))
	return column(matches, func(m match) string { return m.call }), err
}
