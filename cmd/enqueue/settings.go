package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"dialer/campaign"
	"dialer/internal/csvimport"
)

// defaultRetry is the default policy in the words of --retry.
func defaultRetry() string {
	_, again, _ := strings.Cut(campaign.DefaultPolicy().String(), "again after ")
	return again
}

// settings are what the flags say of the campaign, with every mistake in them
// at once.
func (f flags) settings() (campaign.Settings, error) {
	var errs []error
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	s := campaign.Settings{
		Zone: f.Zone, Machine: f.Machine, MachineMode: f.MachineMode, BeepTimeout: f.BeepTimeout,
		RingingTimer: f.RingingTimer, LengthTimer: f.LengthTimer, Retry: campaign.Policy{Attempts: f.Attempts},
	}
	var err error
	s.From, err = f.from()
	note(err)
	s.Message, err = f.message()
	note(err)
	s.Start, err = parseStart(f.Start, f.Zone)
	note(err)
	s.Hours, err = campaign.ParseHours(f.Hours)
	note(err)
	s.Retry.Again, err = campaign.ParseRetry(f.Retry)
	note(err)
	note(f.check())
	if len(errs) > 0 {
		return campaign.Settings{}, errors.Join(errs...)
	}
	return s, s.Validate()
}

// from are the numbers that people see. They are the account's own, and are
// written as Vonage writes them, with the country code; a default country
// is for the people in the file.
func (f flags) from() ([]string, error) {
	var numbers []string
	for i, raw := range f.From {
		raw = strings.TrimSpace(raw)
		if raw != "" && strings.Trim(raw, "0123456789") == "" && !strings.HasPrefix(raw, "0") {
			raw = "+" + raw
		}
		digits, _, err := campaign.ParseNumber(raw, "")
		if err != nil {
			return nil, fmt.Errorf("--from: number %d: want it with its country code, as 442079460000: %w", i+1, err)
		}
		if !slices.Contains(numbers, digits) {
			numbers = append(numbers, digits)
		}
	}
	return numbers, nil
}

func (f flags) message() (campaign.Message, error) {
	m := campaign.Message{Say: f.Say, AnswerURL: f.AnswerURL, AnswerMethod: f.AnswerMethod, DTMFAnswer: f.DTMFAnswer}
	if f.NCCO != "" {
		text, err := os.ReadFile(f.NCCO)
		if err != nil {
			return m, fmt.Errorf("--ncco: %w", err)
		}
		m.NCCO = text
	}
	if m.Say == "" && m.AnswerURL == "" && len(m.NCCO) == 0 {
		return m, errors.New("one of --say, --ncco and --answer-url is needed: what do the calls say?")
	}
	return m, m.Validate()
}

// maxName is what the table of campaigns takes.
const maxName = 200

// check finds mistakes that are this command's and not the campaign's.
func (f flags) check() error {
	var errs []error
	if n := utf8.RuneCountInString(f.Name); strings.TrimSpace(f.Name) == "" || n > maxName {
		errs = append(errs, fmt.Errorf("--name must have 1 to %d characters", maxName))
	}
	if f.DatabaseURL == "" && !f.DryRun {
		errs = append(errs, errors.New("--database-url (or DATABASE_URL) is needed: where are campaigns kept?"))
	}
	if f.CallsPerSecond <= 0 {
		errs = append(errs, errors.New("--calls-per-second must be more than 0"))
	}
	if f.DryRun && f.Follow {
		errs = append(errs, errors.New("--dry-run starts nothing that --follow could show"))
	}
	return errors.Join(errs...)
}

const wallClock = "2006-01-02 15:04"

// parseStart reads --start. A time without an offset is on the clock of the
// campaign's zone. Where each person has a zone of their own it would be many
// moments, so then it needs an offset.
func parseStart(text, zone string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC(), nil
	}
	if _, err := time.Parse(wallClock, text); err != nil {
		return time.Time{}, fmt.Errorf("--start %q: want 2026-12-01T09:00:00Z, or %q with a --zone", text, "2026-12-01 09:00")
	}
	if zone == campaign.ZoneRecipient {
		return time.Time{}, fmt.Errorf("--start %q: whose clock? Add an offset, as in 2026-12-01T09:00:00Z, or a --zone such as Europe/London", text)
	}
	place, err := time.LoadLocation(zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("--zone %q: no such time zone", zone)
	}
	at, err := time.ParseInLocation(wallClock, text, place)
	if err != nil || at.Format(wallClock) != text {
		return time.Time{}, fmt.Errorf("--start %q: clocks in %s skip this time when summer time begins", text, zone)
	}
	return at.UTC(), nil
}

const stdinName = "-"

// input is the file's name for a person.
func (f flags) input() string {
	if f.File == stdinName {
		return "standard input"
	}
	return f.File
}

// options are what the flags say of the file.
func (f flags) options() csvimport.Options {
	return csvimport.Options{DefaultCountry: f.DefaultCountry, Map: f.Map, Now: time.Now()}
}
