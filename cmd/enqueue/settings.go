package main

import (
	"errors"
	"fmt"
	"time"

	"dialer/campaign"
	"dialer/internal/csvimport"
	"dialer/internal/provider"
)

// settings are the campaign's settings from the document and the flags. The error reports
// every mistake at once. Settings about the file of people go into the flags.
func (f *flags) settings() (campaign.Settings, error) {
	d, err := f.document()
	if wrong, ok := errors.AsType[*campaign.DocumentError](err); ok {
		return campaign.Settings{}, wrong
	}
	f.Name, f.DefaultCountry, f.DateFormat, f.Map, f.read = d.Name, d.People.Country, d.People.DateFormat, mergedMap(d.Columns(), f.Map), d
	s, wrong := d.Settings()
	_, wrongFormat := csvimport.ParseDateFormat(f.DateFormat)
	if wrongFormat != nil {
		wrongFormat = fmt.Errorf("--date-format (people.date_format): %w", wrongFormat)
	}
	var past error
	if wrong == nil && !s.End.IsZero() && !s.End.After(time.Now()) {
		past = fmt.Errorf("--end, or when.end in the document: %s is past, so nobody could be called", s.End.Format(time.RFC3339))
	}
	return s, errors.Join(err, wrong, past, wrongFormat, f.check())
}

// check finds mistakes in this command, not in the campaign.
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
	if f.Test != "" && (f.DryRun || f.Follow) {
		errs = append(errs, errors.New("--test calls one number and does nothing else; leave --dry-run and --follow out"))
	}
	if f.TestRow < 0 || f.TestRow > 0 && f.Test == "" && !f.DryRun {
		errs = append(errs, errors.New("--test-row N goes with --test or --dry-run, and counts from 1"))
	}
	return errors.Join(errs...)
}

// stdinName stands for standard input in place of a file name.
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

// options are the flags about the file.
func (f flags) options() csvimport.Options {
	return csvimport.Options{
		DefaultCountry: f.DefaultCountry, Map: f.Map, Encoding: f.Encoding, Sheet: f.Sheet, SampleRow: f.TestRow, Now: time.Now(),
		DateFormat: f.DateFormat, AllowUnknown: f.AllowUnknown, Yes: f.Yes, Update: f.Update, RemoveMissing: f.RemoveMissing,
		CheckMessage: func(s campaign.Settings, m campaign.Rendered) error {
			return provider.CheckMessage(s, m, f.AllowUnknown)
		},
	}
}
