package main

import (
	"context"
	"errors"
	"fmt"

	"dialer/campaign"
	"dialer/storage"

	"github.com/shopspring/decimal"
)

// costFlags are what the account's calls may cost.
type costFlags struct {
	DailyBudget string            `name:"daily-budget" env:"DIALER_DAILY_BUDGET" placeholder:"AMOUNT" help:"What all calls of a day, in UTC, may cost, in the account's currency. Calls wait for the next day before it is exceeded (default: no limit)."`
	InvalidFor  string            `name:"invalid-for" env:"DIALER_INVALID_FOR" default:"30d" help:"How long a number is called by no campaign once Vonage has said that there is no such number (default: ${default}; 0s: it is called again as any other)."`
	Rates       map[string]string `env:"DIALER_RATES" mapsep:"," placeholder:"US=0.0127,..." help:"What a minute costs by country, for budgets; where Vonage's prices have told of a dearer one, that counts."`
}

// limits are the flags' values.
func (f costFlags) limits() (daily decimal.NullDecimal, rates map[string]decimal.Decimal, err error) {
	if f.DailyBudget != "" {
		money, err := campaign.ParseMoney(f.DailyBudget)
		if err != nil {
			return daily, nil, fmt.Errorf("--daily-budget (DIALER_DAILY_BUDGET): %w", err)
		}
		daily = decimal.NewNullDecimal(money)
	}
	rates = map[string]decimal.Decimal{}
	for country, text := range f.Rates {
		codes, _, err := campaign.ParseCountries([]string{country})
		if err != nil || len(codes) != 1 {
			return daily, nil, fmt.Errorf("--rates (DIALER_RATES): %q: want a country's ISO code, as in US=0.0127", country)
		}
		if rates[codes[0]], err = campaign.ParseMoney(text); err != nil {
			return daily, nil, fmt.Errorf("--rates (DIALER_RATES): %s: %w", country, err)
		}
	}
	return daily, rates, nil
}

// store makes the limits those of all processes.
func (f costFlags) store(ctx context.Context, db *storage.DB) error {
	daily, rates, err := f.limits()
	if err != nil {
		return err
	}
	invalidFor, err := campaign.ParseWait(f.InvalidFor)
	if err != nil {
		return fmt.Errorf("--invalid-for (DIALER_INVALID_FOR): %w", err)
	}
	return errors.Join(db.SetAccountLimits(ctx, daily, rates), db.SetInvalidFor(ctx, invalidFor))
}
