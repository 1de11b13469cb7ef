package campaign_test

import (
	"slices"
	"testing"

	"dialer/campaign"
)

func TestZonesOfPostalCode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		country, code string
		want          []string
	}{
		{"US", "10001", []string{"America/New_York"}},
		{"US", "94105-1234", []string{"America/Los_Angeles"}},
		{"US", "2116", []string{"America/New_York"}}, // Boston's 02116 without its zero
		{"US", "32401", []string{"America/Chicago", "America/New_York"}},
		{"US", "86515", []string{"America/Denver", "America/Phoenix"}},
		{"US", "00901", []string{"America/Puerto_Rico"}},
		{"US", "09012", nil}, // the armed forces in Europe
		{"US", "K1A 0B1", nil},
		{"US", "123", nil},
		{"CA", "k1a 0b1", []string{"America/Toronto"}},
		{"CA", "A2V1K1", []string{"America/Halifax"}},
		{"CA", "P9N 1A1", []string{"America/Atikokan", "America/Toronto", "America/Winnipeg"}},
		{"AU", "2880", []string{"Australia/Adelaide"}},
		{"AU", "870", []string{"Australia/Adelaide", "Australia/Darwin", "Australia/Perth"}},
		{"ES", "35001", []string{"Atlantic/Canary"}},
		{"ES", "28001", []string{"Europe/Madrid"}},
		{"PT", "9500-150", []string{"Atlantic/Azores"}},
		{"BR", "69900-001", []string{"America/Rio_Branco"}},
		{"GB", "SW1A 1AA", nil},
	} {
		if got := campaign.ZonesOfPostalCode(tt.code, tt.country); !slices.Equal(got, tt.want) {
			t.Errorf("%s %s: got %v, want %v", tt.country, tt.code, got, tt.want)
		}
	}
}
