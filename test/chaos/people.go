package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/csvimport"
	"dialer/storage"
)

const (
	firstArea, lastArea = 200, 989
	// fictionalNumbers is how many there are: 555-0100 to 555-0199 of each
	// area, which are given to nobody.
	fictionalNumbers = (lastArea - firstArea + 1) * 100
)

// people is a CSV of n of them, with rows between them that are refused.
func people(n, refused int) string {
	var csv strings.Builder
	csv.WriteString("to,name\n")
	for i := range n {
		fmt.Fprintf(&csv, "+1%d55501%02d,Person %d\n", firstArea+i/100, i%100, i+1)
		csv.WriteString(strings.Repeat("none,Nobody\n", refused))
	}
	return csv.String()
}

func settings() campaign.Settings {
	return campaign.Settings{
		From:    []string{"442079460000", "442079460001"},
		Message: campaign.Message{Say: "Hello {{name}}, the water is off until noon."},
		Hours:   campaign.Hours{From: 0, To: 24 * 60},
		Zone:    "Etc/UTC",
		Retry: campaign.Policy{Attempts: 3, Again: map[campaign.Disposition]time.Duration{
			campaign.Busy: time.Second, campaign.Unanswered: 2 * time.Second, campaign.Timeout: 2 * time.Second, campaign.Failed: time.Second,
		}},
		Machine: "continue", RingingTimer: 30, LengthTimer: 120,
	}
}

// enqueueFlags are the same settings, as a person would type them.
func enqueueFlags(name string) []string {
	s := settings()
	return []string{
		"--name", name, "--from", strings.Join(s.From, ","), "--say", s.Message.Say, "--hours", s.Hours.String(), "--zone", s.Zone,
		"--attempts", strconv.Itoa(s.Retry.Attempts), "--retry", "busy=1s,unanswered=2s,timeout=2s,failed=1s", "--machine", s.Machine,
		"--ringing-timer", strconv.Itoa(s.RingingTimer), "--length-timer", strconv.Itoa(s.LengthTimer),
	}
}

// enlist begins a campaign of n people. After an error the same call again
// goes on from where it broke off.
func enlist(ctx context.Context, db *storage.DB, name string, n int) (int64, error) {
	summary, err := csvimport.Import(ctx, strings.NewReader(people(n, 0)), name, settings(), csvimport.Options{Now: time.Now()}, db)
	if err != nil {
		return 0, err
	}
	if got := summary.Added + summary.Already; got != n {
		return 0, fmt.Errorf("of %d people in campaign %s, %d were taken", n, name, got)
	}
	return summary.Campaign.ID, nil
}
