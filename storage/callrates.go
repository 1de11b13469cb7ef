package storage

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"
)

// queueRates keeps the dearest rate of each country that prices tell of. Nearly
// always it is known already, and then nothing is locked.
func queueRates(b *pgx.Batch, list []campaign.Attempt) {
	dearest := map[string]decimal.Decimal{}
	for _, a := range list {
		country := campaign.CountryOf(a.To)
		if a.Bill.Rate.Valid && country != "" && a.Bill.Rate.Decimal.GreaterThanOrEqual(dearest[country]) {
			dearest[country] = a.Bill.Rate.Decimal
		}
	}
	if len(dearest) == 0 {
		return
	}
	countries := slices.Sorted(maps.Keys(dearest))
	rates := column(countries, func(c string) string { return dearest[c].String() })
	b.Queue(`
		INSERT INTO call_rates (country, known)
		SELECT w.country, w.rate::numeric FROM unnest($1::text[], $2::text[]) AS w (country, rate)
		WHERE NOT EXISTS (SELECT FROM call_rates r WHERE r.country = w.country AND r.known >= w.rate::numeric)
		ORDER BY w.country
		ON CONFLICT (country) DO UPDATE SET known = greatest(call_rates.known, excluded.known)`, countries, rates)
}

// SetAccountLimits stores what the settings say of the account's costs: the budget
// of a day, and what a minute costs by country. All processes keep to those that
// were stored last.
func (db *DB) SetAccountLimits(ctx context.Context, daily decimal.NullDecimal, rates map[string]decimal.Decimal) error {
	err := db.inTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE account_limits SET daily_budget = $1::text::numeric`, asWritten(daily)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE call_rates SET configured = NULL WHERE configured IS NOT NULL AND country <> ALL ($1)`,
			append([]string{}, slices.Sorted(maps.Keys(rates))...)); err != nil {
			return err
		}
		for _, country := range slices.Sorted(maps.Keys(rates)) {
			if _, err := tx.Exec(ctx, `
				INSERT INTO call_rates (country, configured) VALUES ($1, $2::text::numeric)
				ON CONFLICT (country) DO UPDATE SET configured = excluded.configured`, country, rates[country].String()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store the account's limits: %w", err)
	}
	return nil
}
