package campaign

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The forms of hours: on a command line, in a document, and stored with a campaign.

// ParseHours reads the hours of every day: "09:00-12:30,14:00-20:00". The end may
// be 24:00.
func ParseHours(text string) (Hours, error) {
	spans, err := parseDay(text)
	if err != nil {
		return Hours{}, fmt.Errorf("hours %q: %w", text, err)
	}
	h := weekOf(func(int) []Span { return spans })
	if err := h.Validate(); err != nil {
		return Hours{}, fmt.Errorf("hours %q: %w", text, err)
	}
	return h, nil
}

// ParseWeek reads hours by days: {"mon-fri": "09:00-12:30,14:00-20:00", "sat,sun":
// "10:00-14:00"}. Days without an entry are closed.
func ParseWeek(byDays map[string]string) (Hours, error) {
	var week [7][]Span
	for names, text := range byDays {
		days, err := ParseDays(names)
		if err != nil {
			return Hours{}, fmt.Errorf("hours: %w", err)
		}
		spans, err := parseDay(text)
		if err != nil {
			return Hours{}, fmt.Errorf("hours of %s, %q: %w", names, text, err)
		}
		for d, named := range days {
			if named && week[d] != nil {
				return Hours{}, fmt.Errorf("hours: %s is named twice", dayNames[d])
			}
			if named {
				week[d] = spans
			}
		}
	}
	h := weekOf(func(d int) []Span { return week[d] })
	if err := h.Validate(); err != nil {
		return Hours{}, fmt.Errorf("hours: %w", err)
	}
	return h, nil
}

// Days is a set of days of the week, Monday first.
type Days [7]bool

var dayNames = [7]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// ParseDays reads "mon-fri" or "sat,sun". A range may run over Sunday.
func ParseDays(text string) (days Days, err error) {
	for part := range strings.SplitSeq(strings.ToLower(text), ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		from, to := slices.Index(dayNames[:], strings.TrimSpace(first)), slices.Index(dayNames[:], strings.TrimSpace(last))
		if from < 0 || to < 0 {
			return Days{}, fmt.Errorf("days %q: want %s, a list of them, or a range such as mon-fri", text, strings.Join(dayNames[:], ", "))
		}
		for d := from; ; d = (d + 1) % 7 {
			days[d] = true
			if d == to {
				break
			}
		}
	}
	return days, nil
}

// ParseExcept reads dates on which nobody is called, each as 2026-12-25, or as
// holidays=GB for the public holidays of a place.
func ParseExcept(entries []string) ([]string, error) {
	var except []string
	for _, entry := range entries {
		entry = strings.TrimSpace(entry)
		if place, isPlace := strings.CutPrefix(entry, holidaysWord); isPlace {
			dates, err := Holidays(place)
			if err != nil {
				return nil, err
			}
			except = append(except, dates...)
			continue
		}
		if IsDatesFile(entry) {
			return nil, fmt.Errorf("%q: a file is read by enqueue and by dialer campaign edit alone; write its dates", entry)
		}
		if _, err := time.Parse(dateForm, entry); err != nil {
			return nil, fmt.Errorf("date %q: want the form 2026-12-25, or holidays=GB", entry)
		}
		except = append(except, entry)
	}
	slices.Sort(except)
	return slices.Compact(except), nil
}

// IsDatesFile reports whether an entry of the excepted dates names a file.
func IsDatesFile(entry string) bool {
	entry = strings.ToLower(entry)
	return strings.HasSuffix(entry, ".csv") || strings.HasSuffix(entry, ".ics")
}

// parseDay reads the spans of one day, in minutes since midnight.
func parseDay(text string) (spans []Span, err error) {
	for part := range strings.SplitSeq(text, ",") {
		from, to, found := strings.Cut(strings.TrimSpace(part), "-")
		if !found {
			return nil, errors.New("want the form 09:00-20:00, or 09:00-12:30,14:00-20:00")
		}
		var s Span
		if s.From, err = parseMinute(from); err == nil {
			s.To, err = parseMinute(to)
		}
		if err != nil {
			return nil, err
		}
		if s.From >= s.To {
			return nil, errors.New("the end must lie after the beginning, on the same day")
		}
		if len(spans) > 0 && s.From < spans[len(spans)-1].To {
			return nil, errors.New("the parts of a day must follow each other")
		}
		spans = append(spans, s)
	}
	return spans, nil
}

// parseMinute reads 09:00 as minutes since midnight.
func parseMinute(s string) (int, error) {
	hour, minute, found := strings.Cut(strings.TrimSpace(s), ":")
	h, okHour := twoDigits(hour, 24)
	m, okMinute := twoDigits(minute, 59)
	if !found || !okHour || !okMinute || len(minute) != 2 || h*60+m > dayMinutes {
		return 0, errors.New("want times from 00:00 to 24:00, such as 09:00-20:00")
	}
	return h*60 + m, nil
}

func twoDigits(s string, highest int) (int, bool) {
	if len(s) < 1 || len(s) > 2 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n <= highest
}

// String is the hours of the week as text: "09:00-20:00" if all days are alike, or
// "mon-fri 09:00-12:30,14:00-20:00; sat 10:00-14:00".
func (h Hours) String() string {
	byDays := h.byDays()
	if len(byDays) == 1 && byDays[0].days == "mon-sun" {
		return byDays[0].spans
	}
	parts := make([]string, len(byDays))
	for i, part := range byDays {
		parts[i] = part.days + " " + part.spans
	}
	return strings.Join(parts, "; ")
}

type hoursOfDays struct{ days, spans string }

// byDays joins neighbouring days with the same hours.
func (h Hours) byDays() (list []hoursOfDays) {
	for first := 0; first < 7; {
		last := first
		for last < 6 && slices.Equal(h.day(last+1), h.day(first)) {
			last++
		}
		if spans := spansText(h.day(first)); spans != "" {
			days := dayNames[first]
			if last > first {
				days += "-" + dayNames[last]
			}
			list = append(list, hoursOfDays{days, spans})
		}
		first = last + 1
	}
	return list
}

func spansText(spans []Span) string {
	parts := make([]string, len(spans))
	for i, s := range spans {
		parts[i] = fmt.Sprintf("%02d:%02d-%02d:%02d", s.From/60, s.From%60, s.To/60, s.To%60)
	}
	return strings.Join(parts, ",")
}

// hoursJSON is the stored form.
type hoursJSON struct {
	Days   map[string]string `json:"days"`
	Except []string          `json:"except,omitempty"`
	Margin int               `json:"margin_minutes,omitempty"`
}

// MarshalJSON writes the stored form.
func (h Hours) MarshalJSON() ([]byte, error) {
	out := hoursJSON{Days: map[string]string{}, Except: h.Except, Margin: int(h.Margin / time.Minute)}
	for _, part := range h.byDays() {
		out.Days[part.days] = part.spans
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads the stored form.
func (h *Hours) UnmarshalJSON(raw []byte) error {
	var in hoursJSON
	if err := json.Unmarshal(raw, &in); err != nil {
		return err
	}
	*h = Hours{}
	if len(in.Days) == 0 {
		return nil // Validate reports that they are never open
	}
	var err error
	if *h, err = ParseWeek(in.Days); err != nil {
		return err
	}
	h.Except, h.Margin = in.Except, time.Duration(in.Margin)*time.Minute
	return h.Validate()
}
