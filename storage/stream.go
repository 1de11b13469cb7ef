package storage

import (
	"context"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"
)

// stream reads a table of any size a page at a time. The query's parameters are
// the key after which the page begins and the page's size. No transaction is
// held open between pages.
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
