package campaign

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// AccountLimits are what the account's calls may cost, for all processes together.
// Of one process's settings nil is what they do not say.
type AccountLimits struct {
	DailyBudget *decimal.NullDecimal // of a day, in UTC; not valid: no limit
	Rates       map[string]decimal.Decimal
	InvalidFor  *time.Duration // how long an invalid number is not called
}

// Differences lists what the settings of a process say otherwise than stored.
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

// texts are what is said, by the names of the flags.
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

// String says the limits for a person.
func (l AccountLimits) String() string {
	texts := l.texts()
	var parts []string
	for _, setting := range slices.Sorted(maps.Keys(texts)) {
		parts = append(parts, fmt.Sprintf("--%s %s", setting, texts[setting]))
	}
	return strings.Join(parts, ", ")
}
