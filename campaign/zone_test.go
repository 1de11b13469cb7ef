package campaign_test

import (
	"strings"
	"testing"

	"dialer/campaign"
)

func TestZoneName(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		"Europe/London": "Europe/London", "europe/london": "Europe/London", "AMERICA/NEW YORK": "America/New_York",
		"america/port-au-prince": "America/Port-au-Prince", "UTC": "UTC", "gmt": "UTC", "US/Pacific": "US/Pacific",
	} {
		if got, err := campaign.ZoneName(written); got != want || err != nil {
			t.Errorf("%q: %q, %v; want %q", written, got, err, want)
		}
	}
	for written, reason := range map[string]string{
		"Etc/GMT+2": "reverse of common use", "etc/gmt-5": "reverse of common use", "EST": "IANA name", "London": "IANA name",
		"Europe/Atlantis": "not in the tz database", "../etc/passwd": "not in the tz database", "": "IANA name",
	} {
		if got, err := campaign.ZoneName(written); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: %q, %v; want an error with %q", written, got, err, reason)
		}
	}
}
