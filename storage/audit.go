package storage

import (
	"context"
	"encoding/json"
	"fmt"

	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
)

// auditEntry is one change, with the values before and after it.
type auditEntry struct {
	action string // such as campaign.pause
	object string // such as campaign 7; no telephone number
	before any    // as JSON; nil: there was no value
	after  any
}

// fields describe a state in an audit entry, as a JSON object.
type fields map[string]any

const insertAudit = `
	INSERT INTO audit (actor, role, through, action, object, before, after)
	VALUES (@actor, @role, @through, @action, @object, @before, @after)`

func auditArgs(by app.Actor, e auditEntry) pgx.StrictNamedArgs {
	return pgx.StrictNamedArgs{
		"actor": plain(by.Name), "role": string(by.Role), "through": string(by.Through),
		"action": e.action, "object": plain(e.object), "before": e.before, "after": e.after,
	}
}

// audit writes the entry in the transaction of the change.
func audit(ctx context.Context, tx pgx.Tx, by app.Actor, e auditEntry) error {
	if _, err := tx.Exec(ctx, insertAudit, auditArgs(by, e)); err != nil {
		return fmt.Errorf("write the audit: %w", err)
	}
	return nil
}

func campaignObject(id int64) string { return fmt.Sprintf("campaign %d", id) }

// Audit lists entries, latest first.
func (db *DB) Audit(ctx context.Context, q app.AuditQuery) ([]app.AuditEntry, error) {
	list, err := collect(ctx, db.pool, scanAuditEntry, `
		SELECT at, actor, role, through, action, object, before, after FROM audit
		WHERE (@object = '' OR object = @object) AND (@actor = '' OR actor = @actor)
		  AND (@within::interval = '0' OR at > clock_timestamp() - @within::interval)
		ORDER BY id DESC LIMIT @limit`,
		pgx.StrictNamedArgs{"object": q.Object, "actor": q.Actor, "within": q.Within, "limit": q.Limit})
	if err != nil {
		return nil, fmt.Errorf("read the audit: %w", err)
	}
	return list, nil
}

func scanAuditEntry(row pgx.CollectableRow) (e app.AuditEntry, err error) {
	var before, after *json.RawMessage
	err = row.Scan(&e.At, &e.Actor, &e.Role, &e.Through, &e.Action, &e.Object, &before, &after)
	if before != nil {
		e.Before = *before
	}
	if after != nil {
		e.After = *after
	}
	return e, err
}
