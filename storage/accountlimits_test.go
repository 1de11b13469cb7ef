package storage_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/shopspring/decimal"
)

// The account's limits are one value for all processes. A process without a setting
// changes nothing. One with another value changes it, and reports both values. The
// process that was started with the old value raises an alarm until it is replaced.
func TestAccountLimitsOfSeveralProcesses(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	day := 24 * time.Hour
	old := campaign.AccountLimits{DailyBudget: new(money("50.00")), InvalidFor: &day, Rates: map[string]decimal.Decimal{"GB": decimal.RequireFromString("0.01")}}
	raised := campaign.AccountLimits{DailyBudget: new(money("80"))}
	use := func(given campaign.AccountLimits, stored string, changes ...campaign.Difference) {
		t.Helper()
		got, changed, err := db.UseAccountLimits(t.Context(), given)
		require.NoError(t, err)
		if got.String() != stored {
			t.Errorf("stored is %s, want %s", got, stored)
		}
		if len(changed) != len(changes) || len(changes) > 0 && changed[0] != changes[0] {
			t.Errorf("changed %v, want %v", changed, changes)
		}
	}
	use(campaign.AccountLimits{}, "--daily-budget none, --invalid-for 720h, --rates none")
	use(campaign.AccountLimits{DailyBudget: old.DailyBudget}, "--daily-budget 50, --invalid-for 720h, --rates none", campaign.Difference{Setting: "daily-budget", Stored: "none", Given: "50"})
	use(campaign.AccountLimits{InvalidFor: old.InvalidFor, Rates: old.Rates}, "--daily-budget 50, --invalid-for 24h, --rates GB=0.01",
		campaign.Difference{Setting: "invalid-for", Stored: "720h", Given: "24h"}, campaign.Difference{Setting: "rates", Stored: "none", Given: "GB=0.01"})
	use(old, "--daily-budget 50, --invalid-for 24h, --rates GB=0.01")
	use(campaign.AccountLimits{}, "--daily-budget 50, --invalid-for 24h, --rates GB=0.01")
	use(raised, "--daily-budget 80, --invalid-for 24h, --rates GB=0.01", campaign.Difference{Setting: "daily-budget", Stored: "50", Given: "80"})

	entries, err := db.Audit(t.Context(), app.AuditQuery{Object: "account", Limit: 10})
	require.NoError(t, err)
	if len(entries) != 3 || entries[0].Actor != "dialer" || !strings.Contains(string(entries[0].Before)+string(entries[0].After), `"50"`) || !strings.Contains(string(entries[0].After), `"80"`) {
		t.Errorf("the audit has %+v", entries)
	}

	check := func(given campaign.AccountLimits, quiet time.Duration, open ...string) {
		t.Helper()
		_, err := db.CheckAccountLimits(t.Context(), given, quiet)
		require.NoError(t, err)
		alarms, err := db.Alarms(t.Context(), app.AlarmQuery{Kind: campaign.AlarmSettingsDiffer, Limit: 10})
		require.NoError(t, err)
		var details []string
		for _, a := range alarms {
			details = append(details, a.Detail)
		}
		if !slices.Equal(details, open) {
			t.Errorf("open alarms: %q, want %q", details, open)
		}
	}
	check(raised, time.Hour)
	check(old, time.Hour, "--daily-budget is 80, and a running process was started with 50")
	check(raised, time.Hour, "--daily-budget is 80, and a running process was started with 50") // the old one still runs
	check(raised, 0)
}
