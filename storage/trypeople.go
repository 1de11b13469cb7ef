package storage

import (
	"context"
	"fmt"

	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
)

// People are the first contacts of a campaign, in the order of its CSV.
func (db *DB) People(ctx context.Context, campaignID int64, limit int) ([]app.Person, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT c.to_number, coalesce(c.reason, ''), c.attempts,
		       (SELECT coalesce(sum(a.duration_s), 0) FROM reporting.attempts a WHERE a.contact_id = c.contact_id)::bigint
		FROM reporting.contacts c WHERE c.campaign_id = @campaign
		ORDER BY c.contact_id LIMIT @limit`, pgx.StrictNamedArgs{"campaign": campaignID, "limit": limit})
	if err != nil {
		return nil, fmt.Errorf("people of campaign %d: %w", campaignID, err)
	}
	people, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p app.Person, err error) {
		err = row.Scan(&p.To, &p.Reason, &p.Calls, &p.Seconds)
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("people of campaign %d: %w", campaignID, err)
	}
	return people, nil
}
