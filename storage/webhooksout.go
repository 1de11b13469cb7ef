package storage

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

func hookObject(id int64) string { return fmt.Sprintf("hook %d", id) }

// AddHook adds a hook. The audit has only its host: the rest may be a secret.
func (db *DB) AddHook(ctx context.Context, by app.Actor, h app.Hook, secret string) (app.Hook, error) {
	host := ""
	if u, err := url.Parse(h.URL); err == nil {
		host = u.Host
	}
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `INSERT INTO hooks (url, secret, allow_private) VALUES ($1, $2, $3) RETURNING id, created_at`, h.URL, secret, h.AllowPrivate).
			Scan(&h.ID, &h.CreatedAt)
		if err != nil {
			return err
		}
		return audit(ctx, tx, by, auditEntry{action: "hook.add", object: hookObject(h.ID), after: fields{"host": host, "allow_private": h.AllowPrivate}})
	})
	if err != nil {
		return app.Hook{}, fmt.Errorf("add a hook: %w", err)
	}
	return h, nil
}

// changeHook runs an update of one existing hook.
func (db *DB) changeHook(ctx context.Context, by app.Actor, action string, id int64, update string, args ...any) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, update, append([]any{id}, args...)...)
		switch {
		case err != nil:
			return err
		case tag.RowsAffected() == 0:
			return campaign.ErrNotFound
		}
		return audit(ctx, tx, by, auditEntry{action: action, object: hookObject(id)})
	})
}

// RemoveHook ends a hook and drops its messages.
func (db *DB) RemoveHook(ctx context.Context, by app.Actor, id int64) error {
	err := db.changeHook(ctx, by, "hook.remove", id, `
		WITH dropped AS (DELETE FROM hook_messages WHERE hook_id = $1)
		UPDATE hooks SET removed_at = clock_timestamp() WHERE id = $1 AND removed_at IS NULL`)
	if err != nil {
		return fmt.Errorf("remove hook %d: %w", id, err)
	}
	return nil
}

// RotateHook replaces a hook's secret.
func (db *DB) RotateHook(ctx context.Context, by app.Actor, id int64, secret string, overlap time.Duration) error {
	err := db.changeHook(ctx, by, "hook.rotate", id, `
		UPDATE hooks SET secret = $2, old_secret = secret, old_secret_until = clock_timestamp() + $3::interval WHERE id = $1 AND removed_at IS NULL`, secret, overlap)
	if err != nil {
		return fmt.Errorf("rotate the secret of hook %d: %w", id, err)
	}
	return nil
}

// Hooks lists the hooks.
func (db *DB) Hooks(ctx context.Context) ([]app.Hook, error) {
	list, err := collect(ctx, db.pool, pgx.RowToStructByPos[app.Hook], `
		SELECT h.id, h.url, h.allow_private, h.created_at, count(m.seq) FILTER (WHERE m.dead_at IS NULL), count(m.dead_at)
		FROM hooks h LEFT JOIN hook_messages m ON m.hook_id = h.id WHERE h.removed_at IS NULL GROUP BY h.id ORDER BY h.id`)
	if err != nil {
		return nil, fmt.Errorf("list the hooks: %w", err)
	}
	return list, nil
}

// FailedMessages lists messages with a failed try, the oldest first.
func (db *DB) FailedMessages(ctx context.Context, limit int) ([]app.FailedMessage, error) {
	list, err := collect(ctx, db.pool, pgx.RowToStructByPos[app.FailedMessage], `
		SELECT id, hook_id, type, topic, at, tries, failure, CASE WHEN dead_at IS NULL THEN due_at END
		FROM hook_messages WHERE failure IS NOT NULL ORDER BY seq LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list messages that failed: %w", err)
	}
	return list, nil
}

// ResendMessages starts the tries of messages again, from the first wait on.
func (db *DB) ResendMessages(ctx context.Context, by app.Actor, hook int64, id uuid.UUID) (n int, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE hook_messages SET dead_at = NULL, tries = 0, due_at = clock_timestamp()
			WHERE failure IS NOT NULL AND (id = $2 OR hook_id = $1 AND dead_at IS NOT NULL)`, hook, id)
		if n = int(tag.RowsAffected()); err != nil || n == 0 {
			return err
		}
		object := hookObject(hook)
		if id != uuid.Nil {
			object = "hook message " + id.String()
		}
		return audit(ctx, tx, by, auditEntry{action: "hook.resend", object: object, after: fields{"messages": n}})
	})
	if err != nil {
		return 0, fmt.Errorf("resend messages: %w", err)
	}
	return n, nil
}

// OpenHooks are the hooks with due messages, and how to send to them.
func (db *DB) OpenHooks(ctx context.Context) ([]campaign.HookTarget, error) {
	list, err := collect(ctx, db.pool, func(row pgx.CollectableRow) (h campaign.HookTarget, err error) {
		err = row.Scan(&h.ID, &h.URL, &h.AllowPrivate, &h.Secret, (*zeronull.Text)(&h.OldSecret))
		return h, err
	}, `
		SELECT h.id, h.url, h.allow_private, h.secret, CASE WHEN h.old_secret_until > clock_timestamp() THEN h.old_secret END
		FROM hooks h WHERE h.removed_at IS NULL
		AND EXISTS (SELECT FROM hook_messages m WHERE m.hook_id = h.id AND m.dead_at IS NULL AND m.due_at <= clock_timestamp()) ORDER BY h.id`)
	if err != nil {
		return nil, fmt.Errorf("find hooks with messages: %w", err)
	}
	return list, nil
}

// ClaimMessages gives the caller due messages, for the time of the lease: for each
// topic the first one that is not delivered.
func (db *DB) ClaimMessages(ctx context.Context, hook int64, limit int, lease time.Duration) ([]campaign.HookMessage, error) {
	list, err := collect(ctx, db.pool, pgx.RowToStructByPos[campaign.HookMessage], `
		UPDATE hook_messages m SET due_at = clock_timestamp() + $3::interval, tries = tries + 1
		WHERE m.seq IN (
			SELECT p.seq FROM hook_messages p
			WHERE p.hook_id = $1 AND p.dead_at IS NULL AND p.due_at <= clock_timestamp()
			  -- guard:drop internal/notify.TestInOrder: a contact's messages come in their order
			  AND NOT EXISTS (SELECT FROM hook_messages e WHERE e.hook_id = p.hook_id AND e.topic = p.topic AND e.seq < p.seq AND e.dead_at IS NULL)
			ORDER BY p.due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
		RETURNING m.id, m.type, m.at, m.data, m.tries`, hook, limit, lease)
	if err != nil {
		return nil, fmt.Errorf("claim messages of hook %d: %w", hook, err)
	}
	return list, nil
}

// Delivered drops a message.
func (db *DB) Delivered(ctx context.Context, id uuid.UUID) error {
	if _, err := db.pool.Exec(ctx, `DELETE FROM hook_messages WHERE id = $1`, id); err != nil {
		return fmt.Errorf("drop a delivered message: %w", err)
	}
	return nil
}

// NotDelivered stores the reason, and when the next try is. A wait of 0 means that
// there is none, so a person should look at the message.
func (db *DB) NotDelivered(ctx context.Context, id uuid.UUID, failure string, wait time.Duration) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		dead, err := collect(ctx, tx, pgx.RowTo[int64], `
			UPDATE hook_messages SET failure = $2, due_at = clock_timestamp() + $3::interval,
			       dead_at = CASE WHEN $3::interval = '0' THEN clock_timestamp() END WHERE id = $1
			RETURNING CASE WHEN dead_at IS NULL THEN 0 ELSE hook_id END`, id, plain(failure), wait)
		//guard:true internal/notify.TestDeadMessages: a message that is given up is an alarm
		if err != nil || len(dead) == 0 || dead[0] == 0 {
			return err
		}
		_, err = tx.Exec(ctx, raiseAlarm, nil, campaign.AlarmHookFailed, hookObject(dead[0])+": messages are given up")
		return err
	})
	if err != nil {
		return fmt.Errorf("note a failed message: %w", err)
	}
	return nil
}
