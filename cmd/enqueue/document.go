package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"

	"dialer/campaign"
	"dialer/internal/csvimport"
)

// document is the campaign document of --campaign, or an empty one, with what the
// flags say in place of what it says.
func (f *flags) document() (d campaign.Document, err error) {
	if f.Campaign != "" {
		text, err := os.ReadFile(f.Campaign)
		if err != nil {
			return d, fmt.Errorf("--campaign: %w", err)
		}
		if d, err = campaign.ParseDocument(f.Campaign, text); err != nil {
			return d, err
		}
	}
	for _, flag := range []struct {
		path, name, value string
		to                *string
	}{
		{"name", "--name", f.Name, &d.Name},
		{"message.language", "--language", f.Language, &d.Message.Language},
		{"message.voicemail", "--voicemail", f.Voicemail, &d.Message.Voicemail},
		{"message.answer_method", "--answer-method", f.AnswerMethod, &d.Message.AnswerMethod},
		{"message.dtmf_answer", "--dtmf-answer", f.DTMFAnswer, &d.Message.DTMFAnswer},
		{"call.machine", "--machine", f.Machine, &d.Call.Machine},
		{"call.machine_mode", "--machine-mode", f.MachineMode, &d.Call.MachineMode},
		{"people.country", "--default-country", f.DefaultCountry, &d.People.Country},
		{"people.key", "--key", f.Key, &d.People.Key},
		{"again.until", "--until", f.Until, &d.Again.Until},
		{"when.start", "--start", f.Start, &d.When.Start},
		{"when.end", "--end", f.End, &d.When.End},
		{"when.zone", "--zone", f.Zone, &d.When.Zone},
	} {
		if flag.value != "" {
			*flag.to = flag.value
			d.FromFlag(flag.path, flag.name)
		}
	}
	for _, flag := range []struct {
		path, name string
		value      *int
		to         **int
	}{
		{"call.beep_timeout", "--beep-timeout", f.BeepTimeout, &d.Call.BeepTimeout},
		{"call.ringing_timer", "--ringing-timer", f.RingingTimer, &d.Call.RingingTimer},
		{"call.length_timer", "--length-timer", f.LengthTimer, &d.Call.LengthTimer},
		{"again.attempts", "--attempts", f.Attempts, &d.Again.Attempts},
	} {
		if flag.value != nil {
			*flag.to = flag.value
			d.FromFlag(flag.path, flag.name)
		}
	}
	if len(f.From) > 0 {
		d.From = f.From
		d.FromFlag("from", "--from")
	}
	if f.Hours != "" || f.Days != "" {
		if err = d.When.SetHours(f.Hours, f.Days); err != nil {
			err = fmt.Errorf("--days: %w", err)
		}
		d.FromFlag("when.hours", "--hours")
	}
	if len(f.Except) > 0 {
		d.When.Except = f.Except
		d.FromFlag("when.except", "--except")
	}
	return d, errors.Join(err, f.message(&d), f.retry(&d))
}

// message takes what is said from the flags: one of three, in place of any of them
// in the document.
func (f *flags) message(d *campaign.Document) error {
	m := &d.Message
	if f.Say != "" || f.NCCO != "" || f.AnswerURL != "" {
		m.Say, m.NCCO, m.AnswerURL = f.Say, nil, f.AnswerURL
		d.FromFlag("message.say", "--say")
		d.FromFlag("message.ncco", "--ncco")
		d.FromFlag("message.answer_url", "--answer-url")
	}
	var errs []error
	if f.NCCO != "" {
		text, err := os.ReadFile(f.NCCO)
		if err != nil {
			errs = append(errs, fmt.Errorf("--ncco: %w", err))
		}
		m.NCCO = json.RawMessage(text)
	}
	for _, on := range f.OnKey {
		pressed, does, found := strings.Cut(on, "=")
		key, err := campaign.ParseKey(does)
		switch {
		case !found:
			errs = append(errs, fmt.Errorf("--on-key %q: want KEY=WORD or KEY=WORD:TEXT", on))
		case err != nil:
			errs = append(errs, fmt.Errorf("--on-key %s: %w", pressed, err))
		default:
			m.SetKey(strings.TrimSpace(pressed), key)
			d.FromFlag("message.keys."+strings.TrimSpace(pressed), "--on-key")
		}
	}
	return errors.Join(errs...)
}

func (f *flags) retry(d *campaign.Document) error {
	if f.Retry == "" {
		return nil
	}
	again, err := campaign.ParseRetry(f.Retry)
	if err != nil {
		return err
	}
	d.Again.SetAfter(again)
	d.FromFlag("again.after", "--retry")
	return nil
}

// mergedMap is what the document says of the columns, with the flag's word in place
// of it.
func mergedMap(document, flag map[string]string) map[string]string {
	if len(document) == 0 {
		return flag
	}
	merged := maps.Clone(document)
	maps.Copy(merged, flag)
	return merged
}

// placed adds to an error about a column that the message names where in the
// document it names it.
func (f flags) placed(err error) error {
	if missing, ok := errors.AsType[*csvimport.MissingColumnsError](err); ok {
		return f.read.AtPlaceholder(missing.Columns[0], err)
	}
	return err
}
