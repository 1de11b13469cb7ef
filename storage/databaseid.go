package storage

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// DatabaseID is the name of this database: no other has it.
func (db *DB) DatabaseID(ctx context.Context) (string, error) {
	var id uuid.UUID
	if err := db.pool.QueryRow(ctx, `SELECT id FROM database_identity`).Scan(&id); err != nil {
		return "", fmt.Errorf("read the database's name: %w", translate(err))
	}
	return id.String(), nil
}

// Scratch creates an empty database on the same server as the one that serverURL names,
// for a program that must not touch existing data. It returns its URL and the function
// that drops it.
func Scratch(ctx context.Context, serverURL, prefix string) (scratchURL string, drop func(context.Context) error, err error) {
	u, err := url.Parse(serverURL)
	if err != nil || u.Scheme == "" {
		return "", nil, fmt.Errorf("the database's URL must look like postgres://user@host/database")
	}
	name := prefix + strings.ReplaceAll(uuid.NewString(), "-", "")
	if err := onServer(ctx, serverURL, `CREATE DATABASE `+pgx.Identifier{name}.Sanitize()); err != nil {
		return "", nil, fmt.Errorf("make a database of its own (the user needs CREATEDB): %w", err)
	}
	u.Path = "/" + name
	return u.String(), func(ctx context.Context) error {
		if err := onServer(ctx, serverURL, `DROP DATABASE `+pgx.Identifier{name}.Sanitize()+` WITH (FORCE)`); err != nil {
			return fmt.Errorf("drop database %s: %w", name, err)
		}
		return nil
	}, nil
}

func onServer(ctx context.Context, serverURL, statement string) error {
	cfg, err := parseURL(serverURL)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, statement)
	return err
}

// MakeDatabase creates the database in url on its server, unless it exists.
func MakeDatabase(ctx context.Context, url string) (made bool, err error) {
	cfg, err := parseURL(url)
	if err != nil {
		return false, err
	}
	name := cfg.Database
	cfg.Database = "postgres"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return false, fmt.Errorf("make the database: %w", explainConnect(cfg, err))
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, `CREATE DATABASE `+pgx.Identifier{name}.Sanitize())
	if isState(err, duplicateDatabase) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("make the database (the user needs CREATEDB): %w", err)
	}
	return true, nil
}
