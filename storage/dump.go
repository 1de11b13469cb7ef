package storage

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"

	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
)

// ReportingViews are the names of all views for people, without the schema.
func (db *DB) ReportingViews(ctx context.Context) ([]string, error) {
	list, err := collect(ctx, db.pool, pgx.RowTo[string], `SELECT viewname::text FROM pg_views WHERE schemaname = 'reporting' ORDER BY 1`)
	if err != nil {
		return nil, fmt.Errorf("list the views: %w", err)
	}
	return list, nil
}

// DumpViews passes the rows of the views to each, while it reads them. Its snapshot
// stays open until the end, so that vacuum removes nothing newer.
func (db *DB) DumpViews(ctx context.Context, by app.Actor, views []string, each func(view string, row []string) error) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		return audit(ctx, tx, by, auditEntry{action: "reporting.export", object: "reporting", after: fields{"views": views}})
	})
	if err != nil {
		return err
	}
	return db.read(ctx, func(tx pgx.Tx) error {
		for _, view := range views {
			if err := dumpView(ctx, tx, view, each); err != nil {
				return fmt.Errorf("dump reporting.%s: %w", view, err)
			}
		}
		return nil
	})
}

// dumpView reads COPY's output while COPY writes it.
func dumpView(ctx context.Context, tx pgx.Tx, view string, each func(string, []string) error) error {
	in, out := io.Pipe()
	copied := make(chan error, 1)
	go func() {
		_, err := tx.Conn().PgConn().CopyTo(ctx, out, `COPY (SELECT * FROM `+pgx.Identifier{"reporting", view}.Sanitize()+`) TO STDOUT WITH (FORMAT csv, HEADER)`)
		out.CloseWithError(err)
		copied <- err
	}()
	rows := csv.NewReader(in)
	rows.ReuseRecord = true
	err := func() error {
		for {
			row, err := rows.Read()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err == nil {
				err = each(view, row)
			}
			if err != nil {
				return err
			}
		}
	}()
	in.CloseWithError(err)
	return errors.Join(err, <-copied)
}
