package storage

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"
)

// UseAccountLimits stores the limits in the settings of this process, for all processes
// from now on. Limits that are not set stay. It returns the stored limits, and those
// that it changed.
func (db *DB) UseAccountLimits(ctx context.Context, given campaign.AccountLimits) (stored campaign.AccountLimits, changes []campaign.Difference, err error) {
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		// Without a budget the gate locks no limits. Before the limits, as in the gate.
		//guard:false storage.TestDailyBudgetThatComesLater: a call that is at the gate when a budget comes is counted
		if given.DailyBudget != nil && given.DailyBudget.Valid {
			if _, err := tx.Exec(ctx, shutGates, dialLockKey); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `SELECT FROM account_limits FOR UPDATE`); err != nil {
			return err
		}
		was, err := accountLimits(ctx, tx)
		if err != nil {
			return err
		}
		if changes = given.Differences(was); len(changes) > 0 {
			if err := storeAccountLimits(ctx, tx, given); err != nil {
				return err
			}
			before, after := fields{}, fields{}
			for _, d := range changes {
				before[d.Setting], after[d.Setting] = d.Stored, d.Given
			}
			err = audit(ctx, tx, app.Dialer, auditEntry{action: "account.limits", object: "account", before: before, after: after})
			if err != nil {
				return err
			}
		}
		stored, err = accountLimits(ctx, tx)
		return err
	})
	if err != nil {
		return stored, nil, fmt.Errorf("store the account's limits: %w", err)
	}
	return stored, changes, nil
}

// CheckAccountLimits raises an alarm if the stored limits differ from the settings of
// this process: another process was started since, with others. It closes the alarms of
// this kind that no process has raised for longer than quiet.
func (db *DB) CheckAccountLimits(ctx context.Context, given campaign.AccountLimits, quiet time.Duration) ([]campaign.Difference, error) {
	stored, err := accountLimits(ctx, db.pool)
	if err != nil {
		return nil, fmt.Errorf("compare the account's limits: %w", err)
	}
	differences := given.Differences(stored)
	//guard:value(differences[:0]) storage.TestAccountLimitsOfSeveralProcesses: processes whose settings differ are an alarm
	for _, d := range differences {
		detail := fmt.Sprintf("--%s is %s, and a running process was started with %s", d.Setting, d.Stored, d.Given)
		err = db.Raise(ctx, campaign.Alarm{Kind: campaign.AlarmSettingsDiffer, Detail: detail})
		if err != nil {
			return nil, err
		}
	}
	_, err = db.CloseAlarms(ctx, campaign.AlarmSettingsDiffer, quiet)
	return differences, err
}

// accountLimits reads all stored limits.
func accountLimits(ctx context.Context, q querier) (l campaign.AccountLimits, err error) {
	l = campaign.AccountLimits{DailyBudget: &decimal.NullDecimal{}, InvalidFor: new(time.Duration), Rates: map[string]decimal.Decimal{}}
	rows, err := q.Query(ctx, `
		SELECT l.daily_budget::text, l.invalid_for, coalesce(r.country, ''), coalesce(r.configured::text, '')
		FROM account_limits l LEFT JOIN call_rates r ON r.configured IS NOT NULL`)
	if err != nil {
		return l, err
	}
	var daily *string
	var country, rate string
	_, err = pgx.ForEachRow(rows, []any{&daily, l.InvalidFor, &country, &rate}, func() (err error) {
		if daily != nil {
			err = l.DailyBudget.Scan(*daily)
		}
		if country != "" && err == nil {
			l.Rates[country], err = decimal.NewFromString(rate)
		}
		return err
	})
	return l, err
}

// storeAccountLimits stores the given limits. Rates are replaced as a whole list.
func storeAccountLimits(ctx context.Context, tx pgx.Tx, given campaign.AccountLimits) error {
	var b pgx.Batch
	//guard:true storage.TestAccountLimitsOfSeveralProcesses: a process that does not say the budget does not take it away
	if given.DailyBudget != nil {
		b.Queue(`UPDATE account_limits SET daily_budget = $1::text::numeric`, given.DailyBudget)
	}
	if given.InvalidFor != nil {
		b.Queue(`UPDATE account_limits SET invalid_for = $1`, *given.InvalidFor)
	}
	if given.Rates != nil {
		countries := append([]string{}, slices.Sorted(maps.Keys(given.Rates))...)
		b.Queue(`UPDATE call_rates SET configured = NULL WHERE configured IS NOT NULL AND country <> ALL ($1)`, countries)
		b.Queue(`
			INSERT INTO call_rates (country, configured)
			SELECT country, rate::numeric FROM unnest($1::text[], $2::text[]) AS given (country, rate) ORDER BY country
			ON CONFLICT (country) DO UPDATE SET configured = excluded.configured`,
			countries, column(countries, func(c string) string { return given.Rates[c].String() }))
	}
	//guard:false storage.TestDailyBudgetThatComesLater: calls of the day that are up when a budget comes hold back what they may cost
	if given.DailyBudget != nil && given.DailyBudget.Valid {
		b.Queue(holdUnpricedOfTheDay, pgx.StrictNamedArgs{"budget": asWritten(*given.DailyBudget)}) // the gates are closed
	}
	return tx.SendBatch(ctx, &b).Close()
}
