package storage

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/jackc/pgx/v5"
)

// querier is a transaction, or the pool.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// collect runs a query and reads all of its rows.
func collect[T any](ctx context.Context, q querier, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}

// column is one member of each row, for unnest.
func column[Row, T any](rows []Row, member func(Row) T) []T {
	list := make([]T, len(rows))
	for i, row := range rows {
		list[i] = member(row)
	}
	return list
}

// arrayLiteral is a list in Postgres's form, because an array of arrays cannot have
// rows of different lengths.
func arrayLiteral(list []string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = `"` + escape.Replace(s) + `"`
	}
	return "{" + strings.Join(quoted, ",") + "}"
}

// pageSize is how many rows a stream reads at a time.
const pageSize = 1000

// stream reads a table of any size a page at a time. The query's parameters are the key
// after which the page begins and the page's size. No transaction stays open between
// pages.
func stream[T, K any](ctx context.Context, db *DB, query string, after K, scan pgx.RowToFunc[T], key func(T) K) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			page, err := readPage(ctx, db, query, after, scan)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, row := range page {
				if !yield(row, nil) {
					return
				}
				after = key(row)
			}
			if len(page) < pageSize {
				return
			}
		}
	}
}

func readPage[T, K any](ctx context.Context, db *DB, query string, after K, scan pgx.RowToFunc[T]) ([]T, error) {
	page, err := collect(ctx, db.pool, scan, query, after, pageSize)
	if err != nil {
		return nil, fmt.Errorf("read a page: %w", err)
	}
	return page, nil
}
