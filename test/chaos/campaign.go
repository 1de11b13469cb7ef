package main

import (
	"strconv"
	"strings"
	"time"

	"dialer/campaign"
)

func settings() campaign.Settings {
	return campaign.Settings{
		From:    []string{"442079460000", "442079460001"},
		Message: campaign.Message{Say: "Hello {{name}}, the water is off until noon."},
		Hours:   campaign.Hours{From: 0, To: 24 * 60},
		Zone:    "Etc/UTC",
		Retry: campaign.Policy{Attempts: 3, Again: map[campaign.Disposition]time.Duration{
			campaign.Busy: 6 * time.Second, campaign.Unanswered: 7 * time.Second, campaign.Timeout: 7 * time.Second, campaign.Failed: 6 * time.Second,
		}},
		Machine: "continue", RingingTimer: 30, LengthTimer: 120,
	}
}

// enqueueFlags are the same settings on the command line.
func enqueueFlags(name string) []string {
	s := settings()
	return []string{
		"--name", name, "--from", strings.Join(s.From, ","), "--say", s.Message.Say, "--hours", s.Hours.String(), "--zone", s.Zone,
		"--attempts", strconv.Itoa(s.Retry.Attempts), "--retry", "busy=6s,unanswered=7s,timeout=7s,failed=6s", "--machine", s.Machine,
		"--ringing-timer", strconv.Itoa(s.RingingTimer), "--length-timer", strconv.Itoa(s.LengthTimer),
	}
}
