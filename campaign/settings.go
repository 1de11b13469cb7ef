package campaign

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const wallClock = "2006-01-02 15:04"

// ParseMoment reads when a campaign begins or ends; the zero time if text is empty. A
// time without an offset is on the clock of the campaign's zone. If each person has
// their own zone, that would be many moments, so then it needs an offset.
func ParseMoment(text, zone string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC(), nil
	}
	wall, err := time.Parse(wallClock, strings.Replace(text, "T", " ", 1))
	if err != nil {
		return time.Time{}, fmt.Errorf("%q: want 2026-12-01T09:00:00Z, or %q with a --zone", text, "2026-12-01 09:00")
	}
	if zone == ZoneRecipient {
		return time.Time{}, fmt.Errorf("%q: whose clock? Add an offset, as in 2026-12-01T09:00:00Z, or a --zone such as Europe/London", text)
	}
	location, err := LoadZone(zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("zone %q: %w", zone, err)
	}
	moments := LocalTimes(wall, location)
	if len(moments) == 0 {
		return time.Time{}, fmt.Errorf("%q: clocks in %s skip this time when summer time begins", text, zone)
	}
	return moments[0].UTC(), nil
}

// ParseFrom reads the numbers that people see, each once. They are the account's own,
// and are written in Vonage's form, with the country code: a default country is for the
// people in the file.
func ParseFrom(numbers []string) ([]string, error) {
	var from []string
	for i, raw := range numbers {
		raw = strings.TrimSpace(raw)
		if onlyDigits(raw) && !strings.HasPrefix(raw, "0") {
			raw = "+" + raw
		}
		number, err := ParseNumber(raw, "")
		if err != nil {
			return nil, fmt.Errorf("number %d: want it with its country code, as 442079460000: %w", i+1, err)
		}
		if !slices.Contains(from, number.Digits) {
			from = append(from, number.Digits)
		}
	}
	return from, nil
}

// maxName is the longest name that the campaigns table accepts.
const maxName = 200

// CheckName reports a name that no campaign can have.
func CheckName(name string) error {
	if n := utf8.RuneCountInString(name); strings.TrimSpace(name) == "" || n > maxName {
		return fmt.Errorf("want 1 to %d characters", maxName)
	}
	return nil
}

// Validate reports every mistake in the settings at once.
func (s Settings) Validate() error {
	var errs []error
	add := func(ok bool, member, format string, args ...any) {
		if !ok {
			errs = append(errs, wrong(member, format, args...))
		}
	}
	add(s.End.IsZero() || s.End.After(s.Start), "end", "it is not after the start")
	add(len(s.From) > 0, "from", "want at least one number to call from")
	for i, number := range s.From {
		add(e164.MatchString(number), "from", "number %d is not 7 to 15 digits, the country code first and no plus sign", i+1)
		add(!slices.Contains(s.From[:i], number), "from", "number %d is given twice", i+1)
	}
	add(slices.Contains([]string{"", "continue", "hangup"}, s.Machine), "machine", "%q is neither continue nor hangup", s.Machine)
	add(slices.Contains([]string{"", "default", "detect", "detect_beep"}, s.MachineMode), "machine_mode", "%q is neither default nor detect nor detect_beep", s.MachineMode)
	add(s.MachineMode == "" || s.Machine != "", "machine_mode", "it means something only with machine continue or hangup")
	add(s.BeepTimeout == 0 || s.MachineMode == "detect_beep" || s.Message.Voicemail != "", "beep_timeout", "it means something only with machine mode detect_beep")
	add(s.BeepTimeout == 0 || s.BeepTimeout >= 45 && s.BeepTimeout <= 120, "beep_timeout", "%d s is not between 45 and 120", s.BeepTimeout)
	add(s.RingingTimer >= 1 && s.RingingTimer <= 120, "ringing_timer", "%d s is not between 1 and 120", s.RingingTimer)
	add(s.LengthTimer >= 1 && s.LengthTimer <= 7200, "length_timer", "%d s is not between 1 and 7200", s.LengthTimer)
	add(s.Message.Voicemail == "" || s.Machine == "continue" && s.MachineMode == "default", "voicemail", "it needs machine continue in the mode default")
	add(s.Retry.Until == UntilAnswered || s.Message.Say != "", "until", "who heard the message is only known of a text to say")
	add(s.Retry.Until != UntilResult || len(s.Message.Results()) > 0, "until", "no key of the message has a result")
	if s.Zone != ZoneRecipient {
		_, err := LoadZone(s.Zone)
		add(err == nil, "zone", "%q is neither recipient nor the IANA name of a time zone, such as Europe/London", s.Zone)
	}
	if err := s.Hours.Validate(); err != nil {
		errs = append(errs, mistake{"hours", err})
	}
	if s.Remind != nil {
		errs = append(errs, s.Remind.validate())
	}
	return errors.Join(append(errs, s.checkTogether(), s.Message.Validate(), s.Retry.validate(), s.Limits.validate(s.Message), s.Countries.validate())...)
}

// NextCall is the earliest moment from now on at which a contact in the zones, due at
// due, may be called. false: there is none within the hours and before the end.
func (s Settings) NextCall(due time.Time, zones []string, now time.Time) (time.Time, bool) {
	at, ok := s.Hours.Next(slices.MaxFunc([]time.Time{now, due, s.Start}, time.Time.Compare), zones)
	return at, ok && s.beforeEnd(at)
}

func (s Settings) beforeEnd(at time.Time) bool { return s.End.IsZero() || at.Before(s.End) }

// FirstCall is the earliest moment from now on at which the call of a contact in the
// zones, due at due, can begin. false: there is none.
func (s Settings) FirstCall(due time.Time, zones []string, now time.Time) (time.Time, bool) {
	at, ok := s.Hours.firstCall(slices.MaxFunc([]time.Time{now, due, s.Start}, time.Time.Compare), zones)
	return at, ok && s.beforeEnd(at)
}
