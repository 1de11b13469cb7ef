package campaign

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"
)

// Validate reports every mistake in the settings at once.
func (s Settings) Validate() error {
	var errs []error
	add := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	add(len(s.From) > 0, "from: want at least one number to call from")
	for i, number := range s.From {
		add(e164.MatchString(number), "from: number %d is not 7 to 15 digits, the country code first and no plus sign", i+1)
		add(!slices.Contains(s.From[:i], number), "from: number %d is given twice", i+1)
	}
	add(slices.Contains([]string{"", "continue", "hangup"}, s.Machine), "machine: %q is neither continue nor hangup", s.Machine)
	add(slices.Contains([]string{"", "default", "detect", "detect_beep"}, s.MachineMode), "machine mode: %q is neither default nor detect nor detect_beep", s.MachineMode)
	add(s.MachineMode == "" || s.Machine != "", "machine mode: it means something only with machine continue or hangup")
	add(s.BeepTimeout == 0 || s.MachineMode == "detect_beep", "beep timeout: it means something only with machine mode detect_beep")
	add(s.BeepTimeout == 0 || s.BeepTimeout >= 45 && s.BeepTimeout <= 120, "beep timeout: %d s is not between 45 and 120", s.BeepTimeout)
	add(s.RingingTimer >= 1 && s.RingingTimer <= 120, "ringing timer: %d s is not between 1 and 120", s.RingingTimer)
	add(s.LengthTimer >= 1 && s.LengthTimer <= 7200, "length timer: %d s is not between 1 and 7200", s.LengthTimer)
	if s.Zone != ZoneRecipient {
		_, err := loadZone(s.Zone)
		add(err == nil, "zone: %q is neither recipient nor the IANA name of a time zone, such as Europe/London", s.Zone)
	}
	if err := s.Hours.validate(); err != nil {
		errs = append(errs, fmt.Errorf("hours: %w", err))
	}
	return errors.Join(append(errs, s.Message.Validate(), s.Retry.validate())...)
}

// NextCall is the earliest moment from now on at which somebody in the zones who
// is due then may be called; false: the hours leave none.
func (s Settings) NextCall(due time.Time, zones []string, now time.Time) (time.Time, bool) {
	return s.Hours.Next(latest(now, due, s.Start), zones)
}

// Equal reports whether two imports mean the same campaign. Start is compared
// only when both name one, since a start that was not named means now.
func (s Settings) Equal(o Settings) bool {
	sameStart := s.Start.IsZero() || o.Start.IsZero() || s.Start.Equal(o.Start)
	return sameStart &&
		slices.Equal(s.From, o.From) &&
		s.Message.equal(o.Message) &&
		s.Hours == o.Hours &&
		s.Zone == o.Zone &&
		s.Retry.Attempts == o.Retry.Attempts &&
		maps.Equal(s.Retry.Again, o.Retry.Again) &&
		s.Machine == o.Machine &&
		s.MachineMode == o.MachineMode &&
		s.BeepTimeout == o.BeepTimeout &&
		s.RingingTimer == o.RingingTimer &&
		s.LengthTimer == o.LengthTimer
}

func (m Message) equal(o Message) bool {
	return m.Say == o.Say && m.AnswerURL == o.AnswerURL && m.AnswerMethod == o.AnswerMethod &&
		m.DTMFAnswer == o.DTMFAnswer && sameJSON(m.NCCO, o.NCCO)
}

// sameJSON compares documents, not texts: Postgres gives jsonb back with
// other blanks, another order of names and 100 for 1e2.
func sameJSON(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, errA := anyJSON(a)
	y, errB := anyJSON(b)
	return errA == nil && errB == nil && reflect.DeepEqual(x, y)
}

func anyJSON(raw json.RawMessage) (v any, err error) {
	err = json.Unmarshal(raw, &v)
	return v, err
}
