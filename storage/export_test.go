package storage

import (
	"context"
	"errors"
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// SessionSetting is what a connection of the pool works with.
func (db *DB) SessionSetting(ctx context.Context, name string) string {
	var value string
	if err := db.pool.QueryRow(ctx, `SELECT current_setting($1)`, name).Scan(&value); err != nil {
		return err.Error()
	}
	return value
}

// InTx runs statements as the package's own transactions run theirs.
func (db *DB) InTx(ctx context.Context, statement func() string) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, statement())
		return err
	})
}

// News is for tests that decide which news share a transaction.
type News = news

func EventNews(r campaign.Received) News { return news{attempt: r.AttemptID, event: &r} }

func OutcomeNews(attempt uuid.UUID, o campaign.Outcome) News {
	return news{attempt: attempt, outcome: o}
}

// Together stores the news as one batch and returns what became of each, as it
// comes to be known.
func (db *DB) Together(list ...News) []<-chan error {
	batch := make([]*waiter[news], len(list))
	results := make([]<-chan error, len(list))
	for i, n := range list {
		batch[i] = &waiter[news]{item: n, done: make(chan error, 1)}
		results[i] = batch[i].done
	}
	db.news.commit(batch, false)
	return results
}

// AtTheGate has the attempts come to the gate together, and returns what became
// of each, as it comes to be known.
func (db *DB) AtTheGate(life time.Duration, ids ...uuid.UUID) []<-chan error {
	batch := make([]*waiter[*gating], len(ids))
	results := make([]<-chan error, len(ids))
	for i, id := range ids {
		batch[i] = &waiter[*gating]{item: &gating{id: id, life: life}, done: make(chan error, 1)}
		results[i] = batch[i].done
	}
	db.gates.commit(batch, false)
	return results
}

// ExplainGate is the plan of the gate of an attempt.
func (db *DB) ExplainGate(ctx context.Context, id uuid.UUID) ([]string, error) {
	rows, err := db.pool.Query(ctx, `EXPLAIN (COSTS OFF) `+gateAtOnce, pgx.StrictNamedArgs{
		"ids": []uuid.UUID{id}, "lives": []time.Duration{time.Minute},
	})
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

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

// ReceiveAlone stores an event in a transaction of its own.
func (db *DB) ReceiveAlone(ctx context.Context, r campaign.Received) error {
	results, err := db.storeNews(ctx, []news{EventNews(r)}, true)
	return errors.Join(append(results, err)...)
}

// LockWait is how long a transaction that stores news waits for a lock.
func (db *DB) LockWait(ctx context.Context, wait bool) (limit string, err error) {
	err = pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		if err := (&telling{}).find(ctx, tx, wait); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT current_setting('lock_timeout')`).Scan(&limit)
	})
	return limit, err
}
