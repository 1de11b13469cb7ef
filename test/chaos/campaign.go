package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"dialer/campaign"
)

func settings() campaign.Settings {
	hours := campaign.Daily(0, 24*60)
	hours.Margin = campaign.DefaultMargin // as enqueue sets it
	return campaign.Settings{
		From:    []string{"442079460000", "442079460001"},
		Message: campaign.Message{Say: "Hello {{name}}, the water is off until noon."},
		Hours:   hours,
		Zone:    "Etc/UTC",
		Retry: campaign.Policy{Attempts: 3, Again: map[campaign.Disposition]time.Duration{
			campaign.Busy: 6 * time.Second, campaign.Unanswered: 7 * time.Second, campaign.Timeout: 7 * time.Second, campaign.Failed: 6 * time.Second,
		}},
		Machine: "continue", RingingTimer: 30, LengthTimer: 120,
	}
}

// enqueueFlags are settings on the command line.
func enqueueFlags(name string, s campaign.Settings) []string {
	return []string{
		"--name", name, "--from", strings.Join(s.From, ","), "--say", s.Message.Say, "--hours", s.Hours.String(), "--zone", s.Zone,
		"--attempts", strconv.Itoa(s.Retry.Attempts), "--retry", campaign.FormatRetry(s.Retry.Again), "--machine", s.Machine,
		"--ringing-timer", strconv.Itoa(s.RingingTimer), "--length-timer", strconv.Itoa(s.LengthTimer), "--countries", s.Countries.String(),
	}
}

// asleep is a campaign of people for whom it is outside the hours during the
// whole run: they are open around now by the clock of UTC, and not in India.
const (
	asleep         = "asleep"
	asleepZone     = "Asia/Kolkata"
	asleepContacts = 5
)

func asleepSettings(now time.Time) campaign.Settings {
	s := settings()
	s.Zone = campaign.ZoneRecipient
	minute := now.UTC().Hour()*60 + now.UTC().Minute()
	s.Hours = campaign.Daily(max(0, minute-120), min(24*60, minute+120))
	return s
}

// asleepFile is the campaign's file, and its numbers.
func asleepFile() (csv string, numbers []string) {
	csv = "to,name\n"
	for i := range asleepContacts {
		number := fmt.Sprintf("91981234560%d", i)
		csv, numbers = csv+"+"+number+",Asha\n", append(numbers, number)
	}
	return csv, numbers
}
