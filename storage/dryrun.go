package storage

import (
	"context"
	"fmt"
	"time"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"
)

// CountObstacles counts the obstacles to calls to the numbers now, by name: what the
// gate would decide for each number. It is for the campaign with that name, or for one
// with the given settings. It uses the gate's rule with the given purpose and caps,
// because a campaign that is not stored yet has them nowhere else. A number with
// several obstacles counts for each.
func (db *DB) CountObstacles(ctx context.Context, name string, s campaign.Settings, purpose string, numbers []string) (map[campaign.Withdrawal]int, error) {
	type counted struct {
		Reason campaign.Withdrawal
		Count  int
	}
	list, err := collect(ctx, db.pool, pgx.RowToStructByPos[counted], `
		SELECT o.reason, count(*) FROM unnest(@numbers::text[]) AS asked (number) LEFT JOIN campaigns c ON c.name = @name
		CROSS JOIN LATERAL contact_obstacles(asked.number, c.id, NULL, now(), @purpose, @calls, @spans) AS o
		GROUP BY 1`, pgx.StrictNamedArgs{
		"numbers": numbers, "name": name, "purpose": purpose,
		"calls": column(s.Limits.PerNumber, func(c campaign.NumberCap) int { return c.Calls }),
		"spans": column(s.Limits.PerNumber, func(c campaign.NumberCap) time.Duration { return c.Within }),
	})
	if err != nil {
		return nil, fmt.Errorf("ask what holds numbers: %w", err)
	}
	counts := make(map[campaign.Withdrawal]int, len(list))
	for _, h := range list {
		counts[h.Reason] = h.Count
	}
	return counts, nil
}

// CallRates are the prices of a minute by country, as budgets count them: the highest
// that is known or configured.
func (db *DB) CallRates(ctx context.Context) (map[string]decimal.Decimal, error) {
	type rate struct{ Country, Rate string }
	list, err := collect(ctx, db.pool, pgx.RowToStructByPos[rate],
		`SELECT country, greatest(known, configured)::text FROM call_rates WHERE greatest(known, configured) IS NOT NULL`)
	if err != nil {
		return nil, fmt.Errorf("read the rates of countries: %w", err)
	}
	rates := make(map[string]decimal.Decimal, len(list))
	for _, r := range list {
		if rates[r.Country], err = decimal.NewFromString(r.Rate); err != nil {
			return nil, fmt.Errorf("read the rate of %s: %w", r.Country, err)
		}
	}
	return rates, nil
}
