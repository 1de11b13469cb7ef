package storage

import (
	"context"
	"fmt"
	"iter"

	"dialer/campaign"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
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

// Attempts streams every attempt, in the order of their ids.
func (db *DB) Attempts(ctx context.Context) iter.Seq2[campaign.Attempt, error] {
	return stream(ctx, db, `SELECT `+attemptColumns+` FROM attempts a WHERE a.id > $1 ORDER BY a.id LIMIT $2`,
		uuid.Nil, scanAttempt, func(a campaign.Attempt) uuid.UUID { return a.ID })
}

// contactColumns are what scanContact reads, of a contacts row named k and its
// zone group g.
const contactColumns = `k.id, k.campaign_id, k.line_no, k.to_number, g.zones, k.vars, k.due_at, k.state, k.reason, k.attempts`

func contactFields(k *campaign.Contact) []any {
	return []any{
		&k.ID, &k.CampaignID, &k.Line, &k.To, &k.Zones, &k.Vars, &k.DueAt, &k.State, (*zeronull.Text)(&k.Reason), &k.Attempts,
	}
}

func scanContact(row pgx.CollectableRow) (k campaign.Contact, err error) {
	err = row.Scan(contactFields(&k)...)
	return k, err
}

// Contacts streams every contact of all campaigns, in the order of their ids.
func (db *DB) Contacts(ctx context.Context) iter.Seq2[campaign.Contact, error] {
	return stream(ctx, db, `
		SELECT `+contactColumns+` FROM contacts k JOIN zone_groups g ON g.id = k.zone_group_id
		WHERE k.id > $1 ORDER BY k.id LIMIT $2`,
		int64(0), scanContact, func(k campaign.Contact) int64 { return k.ID })
}

// Policies is each campaign's retry policy, by campaign id.
func (db *DB) Policies(ctx context.Context) (map[int64]campaign.Policy, error) {
	list, err := collect(ctx, db.pool, scanCampaign, `SELECT `+campaignColumns+` FROM campaigns c`)
	if err != nil {
		return nil, fmt.Errorf("read retry policies: %w", err)
	}
	policies := make(map[int64]campaign.Policy, len(list))
	for _, c := range list {
		policies[c.ID] = c.Settings.Retry
	}
	return policies, nil
}
