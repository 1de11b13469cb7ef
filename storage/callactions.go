package storage

import (
	"context"
	"fmt"

	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
)

// Actions on a call are stored in the audit only: the object of the entry is the call.
const (
	callObject = "call "
	callAction = "call."
)

func callChange(a app.CallAction) auditEntry {
	return auditEntry{
		action: callAction + a.Action, object: callObject + a.CallUUID,
		after: fields{"detail": plain(a.Detail), "outcome": a.Outcome, "answer": plain(a.Answer)},
	}
}

// RecordCallAction adds an action to the audit.
func (db *DB) RecordCallAction(ctx context.Context, by app.Actor, a app.CallAction) error {
	if _, err := db.pool.Exec(ctx, insertAudit, auditArgs(by, callChange(a))); err != nil {
		return fmt.Errorf("record %s of a call: %w", a.Action, err)
	}
	return nil
}

// callActionColumns are the columns of an audit row named x that pgx.RowToStructByPos
// reads into an app.CallAction.
const callActionColumns = `
	x.at, substr(x.object, length('call ') + 1), x.actor, substr(x.action, length('call.') + 1),
	x.after->>'detail', x.after->>'outcome', x.after->>'answer'`

// CallActions lists the actions on one call, oldest first.
func (db *DB) CallActions(ctx context.Context, callUUID string) ([]app.CallAction, error) {
	list, err := collect(ctx, db.pool, pgx.RowToStructByPos[app.CallAction],
		`SELECT `+callActionColumns+` FROM audit x WHERE x.object = 'call ' || $1 ORDER BY x.id`, plain(callUUID))
	if err != nil {
		return nil, fmt.Errorf("read what was done to a call: %w", err)
	}
	return list, nil
}
