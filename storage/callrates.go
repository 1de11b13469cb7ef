package storage

import (
	"maps"
	"slices"

	"dialer/campaign"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"
)

// queueRates stores the highest rate of each country in the prices. Nearly always it is
// known already, and then nothing is locked.
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
