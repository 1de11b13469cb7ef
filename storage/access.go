package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// AddToken stores the hash of a token.
func (db *DB) AddToken(ctx context.Context, by app.Actor, t app.Token, sha256 []byte) error {
	err := db.addActor(ctx, by, "token.add", "token "+t.Name, t.Role,
		`INSERT INTO access_tokens (name, role, sha256) VALUES ($1, $2, $3) ON CONFLICT (name) WHERE removed_at IS NULL DO NOTHING`, t.Name, t.Role, sha256)
	if err != nil {
		return fmt.Errorf("add the token: %w", err)
	}
	return nil
}

// AddUser stores a person who may log in.
func (db *DB) AddUser(ctx context.Context, by app.Actor, u app.User) error {
	err := db.addActor(ctx, by, "user.add", "user "+u.Name, u.Role,
		`INSERT INTO users (name, role, password) VALUES ($1, $2, $3) ON CONFLICT (name) WHERE removed_at IS NULL DO NOTHING`, u.Name, u.Role, u.Password)
	if err != nil {
		return fmt.Errorf("add the user: %w", err)
	}
	return nil
}

func (db *DB) addActor(ctx context.Context, by app.Actor, action, object string, role app.Role, insert string, args ...any) error {
	return db.inTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, insert, args...)
		switch {
		case err != nil:
			return err
		case tag.RowsAffected() == 0:
			return app.ErrTaken
		}
		return audit(ctx, tx, by, auditEntry{action: action, object: object, after: fields{"role": role}})
	})
}

// RemoveToken ends a token.
func (db *DB) RemoveToken(ctx context.Context, by app.Actor, name string) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		return removeActor(ctx, tx, by, "token.remove", "token "+name,
			`UPDATE access_tokens SET removed_at = clock_timestamp() WHERE name = $1 AND removed_at IS NULL RETURNING role`, name)
	})
	if err != nil {
		return fmt.Errorf("remove the token: %w", err)
	}
	return nil
}

// RemoveUser ends a user, and with it all sessions of the user.
func (db *DB) RemoveUser(ctx context.Context, by app.Actor, name string) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		return removeActor(ctx, tx, by, "user.remove", "user "+name,
			`UPDATE users SET removed_at = clock_timestamp() WHERE name = $1 AND removed_at IS NULL RETURNING role`, name)
	})
	if err != nil {
		return fmt.Errorf("remove the user: %w", err)
	}
	return nil
}

func removeActor(ctx context.Context, tx pgx.Tx, by app.Actor, action, object, update, name string) error {
	var role app.Role
	if err := tx.QueryRow(ctx, update, plain(name)).Scan(&role); err != nil {
		return translate(err)
	}
	return audit(ctx, tx, by, auditEntry{action: action, object: object, before: fields{"role": role}})
}

// Tokens lists the tokens in use.
func (db *DB) Tokens(ctx context.Context) ([]app.Token, error) {
	list, err := collect(ctx, db.pool, scanToken, `SELECT name, role, created_at, last_used_at FROM access_tokens WHERE removed_at IS NULL ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("list the tokens: %w", err)
	}
	return list, nil
}

func scanToken(row pgx.CollectableRow) (t app.Token, err error) {
	err = row.Scan(&t.Name, &t.Role, &t.CreatedAt, (*zeronull.Timestamptz)(&t.LastUsedAt))
	return t, err
}

// TokenOf finds a token by its hash. It notes its use, once a minute.
func (db *DB) TokenOf(ctx context.Context, sha256 []byte) (app.Token, error) {
	list, err := collect(ctx, db.pool, scanToken, `
		WITH used AS (
			UPDATE access_tokens SET last_used_at = date_trunc('minute', clock_timestamp())
			WHERE sha256 = $1 AND removed_at IS NULL AND coalesce(last_used_at < now() - interval '2 minutes', true))
		SELECT name, role, created_at, last_used_at FROM access_tokens WHERE sha256 = $1
		-- guard:drop storage.TestAccess: a token that was removed names nobody
		AND removed_at IS NULL`, sha256)
	if err == nil && len(list) == 0 {
		err = campaign.ErrNotFound
	}
	if err != nil {
		return app.Token{}, fmt.Errorf("find the token: %w", err)
	}
	return list[0], nil
}

const userColumns = `u.id, u.name, u.role, u.created_at, coalesce(u.password, ''), coalesce(u.issuer, ''), coalesce(u.subject, '')`

func scanUser(row pgx.CollectableRow) (u app.User, err error) {
	err = row.Scan(&u.ID, &u.Name, &u.Role, &u.CreatedAt, &u.Password, &u.Issuer, &u.Subject)
	return u, err
}

// Users lists the people who may log in.
func (db *DB) Users(ctx context.Context) ([]app.User, error) {
	list, err := collect(ctx, db.pool, scanUser, `SELECT `+userColumns+` FROM users u WHERE u.removed_at IS NULL ORDER BY u.name`)
	if err != nil {
		return nil, fmt.Errorf("list the users: %w", err)
	}
	return list, nil
}

// UserNamed finds a user by name.
func (db *DB) UserNamed(ctx context.Context, name string) (app.User, error) {
	return db.user(ctx, `SELECT `+userColumns+` FROM users u WHERE u.name = $1 AND u.removed_at IS NULL`, plain(name))
}

// UserOf finds the user of a session.
func (db *DB) UserOf(ctx context.Context, sha256 []byte) (app.User, error) {
	return db.user(ctx, `
		SELECT `+userColumns+` FROM sessions s JOIN users u ON u.id = s.user_id
		WHERE s.sha256 = $1
		-- guard:drop storage.TestAccess: a session ends
		AND s.expires_at > clock_timestamp()
		-- guard:drop storage.TestAccess: who was removed is not logged in any more
		AND u.removed_at IS NULL`, sha256)
}

func (db *DB) user(ctx context.Context, query string, arg any) (app.User, error) {
	list, err := collect(ctx, db.pool, scanUser, query, arg)
	if err == nil && len(list) == 0 {
		err = campaign.ErrNotFound
	}
	if err != nil {
		return app.User{}, fmt.Errorf("find the user: %w", err)
	}
	return list[0], nil
}

// KnowUser finds or creates the user whom a provider has authenticated.
func (db *DB) KnowUser(ctx context.Context, u app.User) (app.User, error) {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		made, err := collect(ctx, tx, scanUser, `
			INSERT INTO users AS u (name, role, issuer, subject) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING `+userColumns,
			plain(u.Name), u.Role, u.Issuer, u.Subject)
		if err != nil {
			return err
		}
		if len(made) > 0 {
			u = made[0]
			return audit(ctx, tx, app.Dialer, auditEntry{action: "user.add", object: "user " + u.Name, after: fields{"role": u.Role, "issuer": u.Issuer}})
		}
		return db.knownUser(ctx, tx, &u)
	})
	if err != nil {
		return app.User{}, fmt.Errorf("find the user: %w", err)
	}
	return u, nil
}

func (db *DB) knownUser(ctx context.Context, tx pgx.Tx, u *app.User) error {
	role, removed := u.Role, false
	err := tx.QueryRow(ctx, `
		SELECT u.id, u.name, u.role, u.created_at, u.removed_at IS NOT NULL FROM users u WHERE u.issuer = $1 AND u.subject = $2 FOR UPDATE`, u.Issuer, u.Subject).
		Scan(&u.ID, &u.Name, &u.Role, &u.CreatedAt, &removed)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return app.ErrTaken // taken by another person
	case err != nil:
		return err
	//guard:false storage.TestUsersOfAProvider: who was removed is not let in by the provider
	case removed:
		return app.ErrRemoved
	case u.Role == role:
		return nil
	}
	before := u.Role
	u.Role = role
	if _, err := tx.Exec(ctx, `UPDATE users SET role = $2 WHERE id = $1`, u.ID, role); err != nil {
		return err
	}
	return audit(ctx, tx, app.Dialer, auditEntry{action: "user.role", object: "user " + u.Name, before: fields{"role": before}, after: fields{"role": role}})
}

// RestoreUser lets a removed user of a provider log in again.
func (db *DB) RestoreUser(ctx context.Context, by app.Actor, name string) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		var role app.Role
		err := tx.QueryRow(ctx, `
			UPDATE users u SET removed_at = NULL
			WHERE u.id = (SELECT max(r.id) FROM users r WHERE r.name = $1 AND r.issuer IS NOT NULL AND r.removed_at IS NOT NULL)
			AND NOT EXISTS (SELECT FROM users o WHERE o.name = $1 AND o.removed_at IS NULL) RETURNING u.role`, plain(name)).Scan(&role)
		if err != nil {
			return translate(err)
		}
		return audit(ctx, tx, by, auditEntry{action: "user.restore", object: "user " + name, after: fields{"role": role}})
	})
	if err != nil {
		return fmt.Errorf("restore the user: %w", err)
	}
	return nil
}

// BeginSession starts a session of the user for life. It deletes sessions that are
// over.
func (db *DB) BeginSession(ctx context.Context, u app.User, sha256 []byte, life time.Duration) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			WITH over AS (DELETE FROM sessions WHERE expires_at < clock_timestamp())
			INSERT INTO sessions (sha256, user_id, expires_at) VALUES ($1, $2, clock_timestamp() + $3::interval)`, sha256, u.ID, life)
		if err != nil {
			return err
		}
		by := "password"
		if u.Issuer != "" {
			by = u.Issuer
		}
		return audit(ctx, tx, u.Actor(), auditEntry{action: "user.login", object: "user " + u.Name, after: fields{"by": by}})
	})
	if err != nil {
		return fmt.Errorf("begin a session: %w", err)
	}
	return nil
}

// EndSession ends a session.
func (db *DB) EndSession(ctx context.Context, sha256 []byte) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		ended, err := collect(ctx, tx, scanUser, `
			WITH ended AS (DELETE FROM sessions WHERE sha256 = $1 RETURNING user_id)
			SELECT `+userColumns+` FROM users u JOIN ended ON ended.user_id = u.id`, sha256)
		if err != nil || len(ended) == 0 {
			return err
		}
		return audit(ctx, tx, ended[0].Actor(), auditEntry{action: "user.logout", object: "user " + ended[0].Name})
	})
	if err != nil {
		return fmt.Errorf("end a session: %w", err)
	}
	return nil
}
