package main

import (
	"testing"

	"dialer/internal/testkit/require"
)

// Flags with and without limits of the account.
func TestCostFlags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flags costFlags
		says  string
	}{
		{costFlags{}, ""},
		{costFlags{DailyBudget: "none"}, "--daily-budget none"},
		{costFlags{DailyBudget: "50.00", InvalidFor: "30d", Rates: map[string]string{"US": "0.0127", "gb": "0.01"}}, "--daily-budget 50, --invalid-for 720h, --rates GB=0.01,US=0.0127"},
	} {
		got, err := c.flags.limits()
		require.NoError(t, err)
		if got.String() != c.says {
			t.Errorf("%+v say %q, want %q", c.flags, got, c.says)
		}
	}
	for _, wrong := range []costFlags{{DailyBudget: "much"}, {InvalidFor: "a while"}, {Rates: map[string]string{"Atlantis": "1"}}, {Rates: map[string]string{"US": "-1"}}} {
		if _, err := wrong.limits(); err == nil {
			t.Errorf("%+v are taken", wrong)
		}
	}
}
