package main

import (
	"fmt"
	"maps"
	"slices"
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

// talking are the settings of a campaign whose calls listen: to keys, and to machines.
func talking() campaign.Settings {
	s := settings()
	s.Message = campaign.Message{
		Say:       "Hello {{name}}, the water is off until noon. Press 1 if that suits you, 2 if not, 3 to hear this again, 9 not to be called again, 0 to talk to somebody.",
		Voicemail: "Hello {{name}}, the water is off until noon.",
		Keys: map[string]campaign.Key{
			"1": {Result: "suits", Say: "Thank you."}, "2": {Result: "does_not"}, "3": {Repeat: true}, optOutKey: {OptOut: true}, "0": {Connect: desk},
		},
	}
	s.MachineMode = "default" // the voicemail needs it
	return s
}

const (
	optOutKey = "9"
	desk      = "442079460900" // the number that a key connects
)

// pressed is what people press at each input: mostly a key that means something.
var pressed = map[string]float64{"1": 5, "2": 2, "3": 2, "7": 1, "": 3, optOutKey: 0.2, "0": 1.5}

// settingsOf are a campaign's settings: every second campaign of the run listens.
func (o options) settingsOf(name string) campaign.Settings {
	var n int
	if o.Message == "plain" {
		return settings()
	}
	if _, err := fmt.Sscanf(name, campaignNames, &n); err == nil && n%2 == 1 {
		return talking()
	}
	return settings()
}

// onKeys are the actions of a message's keys, in the form of --on-key.
func onKeys(m campaign.Message) (list []string) {
	for _, pressed := range slices.Sorted(maps.Keys(m.Keys)) {
		key, does := m.Keys[pressed], ""
		switch {
		case key.Repeat:
			does = "repeat"
		case key.OptOut:
			does = "opt_out"
		case key.Connect != "":
			does = "connect:" + key.Connect
		default:
			does = key.Result
		}
		if key.Say != "" {
			does += ":" + key.Say
		}
		list = append(list, pressed+"="+does)
	}
	return list
}

// keyFlags are a message's keys on the command line.
func keyFlags(m campaign.Message) (flags []string) {
	if m.Voicemail != "" {
		flags = append(flags, "--voicemail", m.Voicemail)
	}
	for _, key := range onKeys(m) {
		flags = append(flags, "--on-key", key)
	}
	return flags
}

// enqueueFlags are settings on the command line.
func enqueueFlags(name string, s campaign.Settings) []string {
	flags := keyFlags(s.Message)
	if s.MachineMode != "" {
		flags = append(flags, "--machine-mode", s.MachineMode)
	}
	if l := s.Limits; l.AtOnce > 0 {
		flags = append(flags, "--at-once", strconv.Itoa(l.AtOnce))
	}
	if l := s.Limits; l.PerSecond > 0 {
		flags = append(flags, "--per-second", l.PerSecond.String())
	}
	if l := s.Limits; l.Budget.Valid {
		flags = append(flags, "--budget", l.Budget.Decimal.String())
	}
	return append(flags, []string{
		"--name", name, "--from", strings.Join(s.From, ","), "--say", s.Message.Say, "--hours", s.Hours.String(), "--zone", s.Zone,
		"--attempts", strconv.Itoa(s.Retry.Attempts), "--retry", s.Retry.FormatRetry(), "--machine", s.Machine,
		"--ringing-timer", strconv.Itoa(s.RingingTimer), "--length-timer", strconv.Itoa(s.LengthTimer), "--countries", s.Countries.String(),
	}...)
}

// asleep is a campaign whose people are outside the hours during the whole run: the hours
// are open now in UTC, but not in India.
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
