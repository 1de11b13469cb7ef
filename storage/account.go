package storage

import (
	"context"
	"fmt"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
)

// UseAccount sets the account with which this process calls. The first account that
// calls becomes the database's. Another one sets the dial lock until a person has
// decided: the due calls were meant for the first.
func (db *DB) UseAccount(ctx context.Context, a campaign.Account) error {
	db.server.account.Store(&a)
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		d, _, err := db.server.identity(ctx, tx, ` FOR UPDATE`)
		if err == nil {
			_, err = db.bindAccount(ctx, tx, d)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("bind the database to its account: %w", err)
	}
	return nil
}

// bindAccount compares the account of this process with the database's, whose row
// is locked, and reports whether it changed the row.
func (db *DB) bindAccount(ctx context.Context, tx pgx.Tx, d campaign.DatabaseIdentity) (changed bool, err error) {
	a := db.server.account.Load()
	switch {
	case a == nil || d.Account == *a || d.Lock.OtherAccount == *a:
		return false, nil
	case d.Account == campaign.Account{}:
		_, err := tx.Exec(ctx, `UPDATE database_identity SET application_id = $1, api_host = $2`, plain(a.ApplicationID), plain(a.APIHost))
		return true, err
	}
	if _, err := tx.Exec(ctx, shutGates, dialLockKey); err != nil {
		return false, err
	}
	//guard:drop storage.TestAnotherAccountLocks: another account calls nobody
	_, err = tx.Exec(ctx, `
		UPDATE database_identity SET other_application_id = $1, other_api_host = $2, other_asked_at = clock_timestamp()`,
		plain(a.ApplicationID), plain(a.APIHost))
	if err == nil {
		_, err = tx.Exec(ctx, raiseAlarm, nil, campaign.AlarmDialLocked, plain("nobody is called: "+d.Account.AskedBy(*a)))
	}
	return true, err
}

// KeepAccount records a person's decision that the database continues with its account.
// If a process with the other one still runs, it asks again at once.
// campaign.ErrNotLocked: no other account asked.
func (db *DB) KeepAccount(ctx context.Context, by app.Actor) (campaign.DatabaseIdentity, error) {
	return db.operatorDecision(ctx, by, "lock.keep_account", nil, func(tx pgx.Tx, d campaign.DatabaseIdentity, _ campaign.ServerIdentity) error {
		if d.Lock.OtherAccount == (campaign.Account{}) {
			return campaign.ErrNotLocked
		}
		_, err := tx.Exec(ctx, `UPDATE database_identity SET other_application_id = NULL, other_api_host = NULL, other_asked_at = NULL`)
		return err
	})
}

// takeAccount binds the database to the account that asked. The database gets a new
// name, so that processes with the previous account end.
func takeAccount(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `
		UPDATE database_identity SET id = gen_random_uuid(), application_id = other_application_id, api_host = other_api_host,
		       other_application_id = NULL, other_api_host = NULL, other_asked_at = NULL
		WHERE other_asked_at IS NOT NULL`)
	return err
}
