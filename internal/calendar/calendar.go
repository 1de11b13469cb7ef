package calendar

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/teambition/rrule-go"
)

const (
	maxBytes = 1 << 20
	// maxDates bounds the dates of one file. A campaign takes a thousand in all.
	maxDates = 1000
	dateForm = "2006-01-02"
	icalDate = "20060102"
)

// Repetitions without an end are read from first to last.
var (
	first = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	last  = time.Date(2035, 12, 31, 0, 0, 0, 0, time.UTC)
)

// Dates reads the dates of a file whose name ends in .csv or .ics, each as
// 2026-12-25, in order. A relative path begins at folder. A mistake is an error with
// its line or its event.
func Dates(folder, path string) ([]string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(folder, path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err != nil {
		return nil, err
	}
	name := filepath.Base(path)
	if len(text) > maxBytes {
		return nil, fmt.Errorf("%s: it has more than 1 MiB; want a file of dates", name)
	}
	read := readCSV
	if strings.EqualFold(filepath.Ext(path), ".ics") {
		read = readICal
	}
	dates, err := read(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s%w", name, err)
	case len(dates) == 0:
		return nil, fmt.Errorf("%s: it has no date", name)
	case len(dates) > maxDates:
		return nil, fmt.Errorf("%s: it has %d dates, %d are the most", name, len(dates), maxDates)
	}
	return dates, nil
}

func sorted(dates []string) []string {
	slices.Sort(dates)
	return slices.Compact(dates)
}

// readCSV reads the column named date, or else the first. The first line may be a header.
func readCSV(text []byte) (dates []string, err error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	rows := csv.NewReader(bytes.NewReader(text))
	rows.FieldsPerRecord, rows.TrimLeadingSpace = -1, true
	top, _, _ := bytes.Cut(text, []byte("\n"))
	if bytes.Count(top, []byte(";")) > bytes.Count(top, []byte(",")) {
		rows.Comma = ';'
	}
	column := 0
	for n := 0; ; n++ {
		row, err := rows.Read()
		switch {
		case errors.Is(err, io.EOF):
			return sorted(dates), nil
		case err != nil:
			return nil, fmt.Errorf(": %w", err)
		case len(row) <= column || strings.TrimSpace(row[column]) == "":
			continue
		}
		date := strings.TrimSpace(row[column])
		if _, err := time.Parse(dateForm, date); err == nil {
			dates = append(dates, date)
			continue
		}
		if n > 0 || strings.ContainsAny(date, "0123456789") {
			line, _ := rows.FieldPos(column)
			return nil, fmt.Errorf(":%d: %q: want the form 2026-12-25", line, date)
		}
		column = max(0, slices.IndexFunc(row, func(name string) bool { return strings.EqualFold(strings.TrimSpace(name), "date") }))
	}
}

// readICal reads the days of all events, including repetitions. An event that does not
// last whole days is an error, because it may not mean that nobody is there on that day.
func readICal(text []byte) (dates []string, err error) {
	file, err := ics.ParseCalendar(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf(": it is no iCal file: %w", err)
	}
	for _, e := range file.Events() {
		if status := e.GetProperty(ics.ComponentPropertyStatus); status != nil && status.Value == "CANCELLED" {
			continue
		}
		days, err := daysOf(e)
		if err != nil {
			return nil, fmt.Errorf(": %s: %w", eventName(e), err)
		}
		if dates = append(dates, days...); len(dates) > 10*maxDates { // some may be duplicates
			return nil, fmt.Errorf(": it has more than %d dates", maxDates)
		}
	}
	return sorted(dates), nil
}

// eventName is an event's name for people.
func eventName(e *ics.VEvent) string {
	if summary := e.GetProperty(ics.ComponentPropertySummary); summary != nil {
		return fmt.Sprintf("event %q", summary.Value)
	}
	return "an event without a name"
}

func daysOf(e *ics.VEvent) (dates []string, err error) {
	from, err := day(e, ics.ComponentPropertyDtStart)
	if err != nil {
		return nil, err
	}
	if from.IsZero() {
		return nil, errors.New("it has no beginning")
	}
	until, err := day(e, ics.ComponentPropertyDtEnd)
	if err != nil {
		return nil, err
	}
	if e.HasProperty(ics.ComponentPropertyDuration) {
		return nil, errors.New("it lasts a part of a day, or says its end as a duration; want DTEND, or no end for one day")
	}
	length := max(1, int(until.Sub(from).Hours()/24))
	if length > maxDates {
		return nil, fmt.Errorf("it lasts %d days", length)
	}
	begins := []time.Time{from}
	if e.HasProperty(ics.ComponentPropertyRrule) || e.HasProperty(ics.ComponentPropertyRdate) {
		if begins, err = repeated(e, from); err != nil {
			return nil, err
		}
	}
	for _, begin := range begins {
		for n := range length {
			if day := begin.AddDate(0, 0, n); !day.Before(first) && !day.After(last) {
				dates = append(dates, day.Format(dateForm))
			}
		}
	}
	return dates, nil
}

// day is a property that is a date or a midnight; the zero time if there is none.
func day(e *ics.VEvent, name ics.ComponentProperty) (time.Time, error) {
	p := e.GetProperty(name)
	if p == nil {
		return time.Time{}, nil
	}
	date, clock, hasClock := strings.Cut(p.Value, "T")
	at, err := time.Parse(icalDate, date)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s is %q: want a date such as 20261225", name, p.Value)
	}
	if hasClock && clock != "000000" {
		return time.Time{}, fmt.Errorf("%s is %q: want whole days, without a time of the day", name, p.Value)
	}
	return at, nil
}

// repeated are the first days of an event that is repeated.
func repeated(e *ics.VEvent, from time.Time) ([]time.Time, error) {
	var set rrule.Set
	set.DTStart(from)
	for _, p := range e.GetProperties(ics.ComponentPropertyRrule) {
		option, err := rrule.StrToROption(p.Value)
		if err != nil {
			return nil, fmt.Errorf("RRULE %q: %w", p.Value, err)
		}
		if option.Freq > rrule.DAILY {
			return nil, fmt.Errorf("RRULE %q: want days, and not parts of one", p.Value)
		}
		option.Dtstart = from
		rule, err := rrule.NewRRule(*option)
		if err != nil {
			return nil, fmt.Errorf("RRULE %q: %w", p.Value, err)
		}
		set.RRule(rule)
	}
	set.RDate(from) // the first day counts, whether or not the rule includes it
	for name, take := range map[ics.ComponentProperty]func(time.Time){ics.ComponentPropertyRdate: set.RDate, ics.ComponentPropertyExdate: set.ExDate} {
		for _, p := range e.GetProperties(name) {
			for value := range strings.SplitSeq(p.Value, ",") {
				date, _, _ := strings.Cut(value, "T")
				at, err := time.Parse(icalDate, date)
				if err != nil {
					return nil, fmt.Errorf("%s %q: want dates such as 20261225", name, p.Value)
				}
				take(at)
			}
		}
	}
	return set.Between(first.AddDate(-1, 0, 0), last, true), nil
}
