package voicesim

import (
	"strings"

	"github.com/shopspring/decimal"
)

// tariff is the price and the name of a destination.
type tariff struct {
	prefix  string
	rate    decimal.Decimal // a minute
	network string          // on records: MCC and MNC
	name    string          // in the completed event
}

var tariffs = []tariff{
	{"447", rate("0.02700000"), "23420", "GB-MOBILE"},
	{"44", rate("0.01370000"), "23400", "GB-FIXED"},
	{"1", rate("0.01390000"), "310004", "US-VIRTUAL-LEVEL3"},
	{"4915", rate("0.10630000"), "26202", "DE-MOBILE"},
	{"49", rate("0.01550000"), "26200", "DE-FIXED"},
	{"33", rate("0.04530000"), "20801", "FR-MOBILE"},
	{"91", rate("0.00911111"), "40410", "IN-MOBILE"},
	{"", rate("0.10000000"), "99999", "INTERNATIONAL"},
}

// offNet is for endpoints that are not telephones.
var offNet = tariff{"", rate("0.00380000"), "99998", "SIP"}

func rate(text string) decimal.Decimal { return decimal.RequireFromString(text) }

func tariffOf(to endpoint) *tariff {
	if to.Type != "phone" {
		return &offNet
	}
	for i := range tariffs {
		if strings.HasPrefix(to.address(), tariffs[i].prefix) {
			return &tariffs[i]
		}
	}
	return &offNet
}

// price is the price of a number of seconds, rounded half up to 8 decimals.
func price(rate decimal.Decimal, seconds int32) decimal.Decimal {
	return rate.Mul(decimal.NewFromInt32(seconds)).DivRound(decimal.NewFromInt(60), 8)
}

// corrected is the rate after its correction.
func corrected(rate decimal.Decimal) decimal.Decimal {
	return rate.Mul(decimal.RequireFromString("0.93")).Round(8)
}
