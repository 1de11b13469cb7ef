package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"dialer/campaign"
	"dialer/internal/csvimport"
	"dialer/internal/provider"
)

// settings are what the flags say of the campaign. Its error reports every
// mistake in them at once.
func (f flags) settings() (campaign.Settings, error) {
	s := campaign.Settings{
		Zone: f.Zone, Key: f.Key, Machine: f.Machine, MachineMode: f.MachineMode,
		RingingTimer: f.RingingTimer, LengthTimer: f.LengthTimer, Retry: campaign.Policy{Attempts: f.Attempts},
	}
	var errs []error
	note := func(flag string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", flag, err))
		}
	}
	if f.BeepTimeout != nil {
		s.BeepTimeout = *f.BeepTimeout
		if s.BeepTimeout == 0 {
			note("--beep-timeout", errors.New("0 s is not between 45 and 120"))
		}
	}
	var err error
	s.From, err = campaign.ParseFrom(f.From)
	note("--from", err)
	countries, given, err := campaign.ParseCountries(f.Countries)
	note("--countries", err)
	if s.Countries = countries; !given {
		s.Countries = campaign.UsualCountries(f.DefaultCountry, s.From)
	}
	s.Message, err = f.message()
	errs = append(errs, err)
	s.Start, err = campaign.ParseStart(f.Start, f.Zone)
	note("--start", err)
	s.Hours, err = f.hours()
	errs = append(errs, err)
	s.Retry.Again, err = campaign.ParseRetry(f.Retry)
	errs = append(errs, err)
	_, err = csvimport.ParseDateFormat(f.DateFormat)
	note("--date-format", err)
	note("--name", campaign.CheckName(f.Name))
	errs = append(errs, f.check())
	if err := errors.Join(errs...); err != nil {
		return campaign.Settings{}, err
	}
	return s, s.Validate()
}

func (f flags) hours() (campaign.Hours, error) {
	h, err := campaign.ParseHours(f.Hours)
	if err != nil {
		return h, fmt.Errorf("--hours: %w", err)
	}
	if f.Days != "" {
		days, err := campaign.ParseDays(f.Days)
		if err != nil {
			return h, fmt.Errorf("--days: %w", err)
		}
		h = h.On(days)
	}
	if h.Except, err = campaign.ParseExcept(f.Except); err != nil {
		return h, fmt.Errorf("--except: %w", err)
	}
	h.Margin = campaign.DefaultMargin
	return h, nil
}

func (f flags) message() (campaign.Message, error) {
	m := campaign.Message{
		Say: f.Say, AnswerURL: f.AnswerURL, AnswerMethod: f.AnswerMethod, DTMFAnswer: f.DTMFAnswer,
		DateFormat: f.DateFormat,
	}
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

// check finds mistakes that are about this command and not about the campaign.
func (f flags) check() error {
	var errs []error
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

// stdinName stands for standard input where a file is named.
const stdinName = "-"

// inputName is the file's name for a person.
func (f flags) inputName() string {
	if f.File == stdinName {
		return "standard input"
	}
	return f.File
}

// rejectsPath is where rejected rows go; "" when they are only printed.
func (f flags) rejectsPath() string {
	if f.Rejects == "" && f.File != stdinName {
		return csvimport.RejectsPath(f.File)
	}
	return f.Rejects
}

// options are what the flags say of the file.
func (f flags) options() csvimport.Options {
	return csvimport.Options{
		DefaultCountry: f.DefaultCountry, Map: f.Map, Encoding: f.Encoding, Sheet: f.Sheet, Now: time.Now(),
		DateFormat: f.DateFormat, AllowUnknown: f.AllowUnknown, Yes: f.Yes, Update: f.Update, RemoveMissing: f.RemoveMissing,
		CheckMessage: func(s campaign.Settings, m campaign.Rendered) error {
			return provider.CheckMessage(s, m, f.AllowUnknown)
		},
	}
}
