package campaign

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// AccountLimits limit the cost of the account's calls, for all processes together. In
// one process's settings, nil means that they do not set this limit.
type AccountLimits struct {
	DailyBudget *decimal.NullDecimal // of a day, in UTC; not valid: no limit
	Rates       map[string]decimal.Decimal
	InvalidFor  *time.Duration // how long an invalid number is not called
}

// Differences lists in what the settings of a process differ from the stored ones.
func (l AccountLimits) Differences(stored AccountLimits) []Difference {
	was, given := stored.texts(), l.texts()
	var list []Difference
	for _, setting := range slices.Sorted(maps.Keys(given)) {
		if was[setting] != given[setting] {
			list = append(list, Difference{Setting: setting, Stored: was[setting], Given: given[setting]})
		}
	}
	return list
}

// texts are the limits that are set, by the names of the flags.
func (l AccountLimits) texts() map[string]string {
	texts := map[string]string{}
	if l.DailyBudget != nil {
		texts["daily-budget"] = "none"
		if l.DailyBudget.Valid {
			texts["daily-budget"] = l.DailyBudget.Decimal.String()
		}
	}
	if l.Rates != nil {
		var rates []string
		for _, country := range slices.Sorted(maps.Keys(l.Rates)) {
			rates = append(rates, country+"="+l.Rates[country].String())
		}
		texts["rates"] = "none"
		if len(rates) > 0 {
			texts["rates"] = strings.Join(rates, ",")
		}
	}
	if l.InvalidFor != nil {
		texts["invalid-for"] = shortDuration(*l.InvalidFor)
	}
	return texts
}

// String is the limits as text for a person.
func (l AccountLimits) String() string {
	texts := l.texts()
	var parts []string
	for _, setting := range slices.Sorted(maps.Keys(texts)) {
		parts = append(parts, fmt.Sprintf("--%s %s", setting, texts[setting]))
	}
	return strings.Join(parts, ", ")
}
