package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"dialer/campaign"
	"dialer/storage"

	"github.com/shopspring/decimal"
)

// costFlags limit the cost of the account's calls. They are one value for all processes:
// see docs/decisions/0220.
type costFlags struct {
	DailyBudget string            `name:"daily-budget" env:"DIALER_DAILY_BUDGET" placeholder:"AMOUNT|none" help:"What all calls of a day, in UTC, may cost, in the account's currency. Calls wait for the next day before it is exceeded (default: what is stored; at first no limit)."`
	InvalidFor  string            `name:"invalid-for" env:"DIALER_INVALID_FOR" placeholder:"30d" help:"How long a number is called by no campaign once Vonage has said that there is no such number; 0s: it is called again as any other (default: what is stored; at first 30d)."`
	Rates       map[string]string `env:"DIALER_RATES" mapsep:"," placeholder:"US=0.0127,..." help:"What a minute costs by country, for budgets; where Vonage's prices have told of a dearer one, that counts (default: what is stored)."`
}

// limits are the limits in the flags.
func (f costFlags) limits() (l campaign.AccountLimits, err error) {
	switch f.DailyBudget {
	case "": // it says nothing
	case "none":
		l.DailyBudget = &decimal.NullDecimal{}
	default:
		money, err := campaign.ParseMoney(f.DailyBudget)
		if err != nil {
			return l, fmt.Errorf("--daily-budget (DIALER_DAILY_BUDGET): %w", err)
		}
		l.DailyBudget = new(decimal.NewNullDecimal(money))
	}
	if f.InvalidFor != "" {
		span, err := campaign.ParseWait(f.InvalidFor)
		if err != nil {
			return l, fmt.Errorf("--invalid-for (DIALER_INVALID_FOR): %w", err)
		}
		l.InvalidFor = &span
	}
	if len(f.Rates) > 0 {
		l.Rates = map[string]decimal.Decimal{}
	}
	for country, text := range f.Rates {
		codes, _, err := campaign.ParseCountries([]string{country})
		if err != nil || len(codes) != 1 {
			return l, fmt.Errorf("--rates (DIALER_RATES): %q: want a country's ISO code, as in US=0.0127", country)
		}
		if l.Rates[codes[0]], err = campaign.ParseMoney(text); err != nil {
			return l, fmt.Errorf("--rates (DIALER_RATES): %s: %w", country, err)
		}
	}
	return l, nil
}

// store stores the limits for all processes, and returns the stored ones.
func (f costFlags) store(ctx context.Context, db *storage.DB, log *slog.Logger) (given campaign.AccountLimits, err error) {
	if given, err = f.limits(); err != nil {
		return given, err
	}
	stored, changes, err := db.UseAccountLimits(ctx, given)
	if err != nil {
		return given, err
	}
	for _, c := range changes {
		log.WarnContext(ctx, "a setting of the account is another one for all dialers from now on", "setting", "--"+c.Setting, "was", c.Stored, "is", c.Given)
	}
	log.InfoContext(ctx, "the account's limits, for all dialers", "stored", stored.String())
	return given, nil
}

const (
	compareEvery = time.Minute
	agreeAfter   = 3 * compareEvery // since a process last differed
)

// compareLimits raises an alarm while this process's limits differ from the stored ones.
func compareLimits(ctx context.Context, db *storage.DB, given campaign.AccountLimits, log *slog.Logger) {
	tick := time.NewTicker(compareEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		differences, err := db.CheckAccountLimits(ctx, given, agreeAfter)
		if err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "compare the account's limits", "error", err)
		}
		for _, d := range differences {
			log.WarnContext(ctx, "another dialer was started with another setting since, which holds", "setting", "--"+d.Setting, "stored", d.Stored, "here", d.Given)
		}
	}
}
