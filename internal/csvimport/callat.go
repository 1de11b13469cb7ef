package csvimport

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"dialer/campaign"
)

// maxAhead bounds dates: one that is further ahead probably has the wrong year.
const maxAhead = 366 * 24 * time.Hour

// setTimes reads when the row's person is to be called: call_at and call_before.
// A row whose time is past or outside the hours adds nobody, unless Options.Yes moves the
// time. It returns the column that an error is about.
func (r *reader) setTimes(row *campaign.Row, fields []string) (column string, err error) {
	if r.settings.Remind != nil {
		return r.setReminders(row, fields)
	}
	zones := allZones(*row)
	if row.CallAt, err = r.parseTime(r.header.ownField(columnCallAt, fields), zones); err != nil {
		return r.columns.CallAt, err
	}
	if row.NotLaterThan, err = r.parseTime(r.header.ownField(columnCallBefore, fields), zones); err != nil {
		return r.columns.CallBefore, err
	}
	row.OwnTime = row.CallAt
	last := row.NotLaterThan
	if end := r.settings.End; !end.IsZero() && !row.CallAt.IsZero() && !row.CallAt.Before(end) {
		row.TooLate = true
		row.NotNew = campaign.RowError{Column: r.columns.CallAt, Reason: fmt.Sprintf(
			"the campaign ends at %s, before this time", r.localText(end, row.Zones))}
		return "", nil
	}
	switch {
	case last.IsZero():
	case !row.CallAt.IsZero() && !row.CallAt.Before(last):
		return r.columns.CallBefore, errors.New("this time is not after the time of the call")
	case !last.After(r.options.Now):
		row.Past, row.TooLate = true, true
		row.NotNew = campaign.RowError{Column: r.columns.CallBefore, Reason: "this time is past, so nobody can be called before it; give one to come"}
	}
	if !row.CallAt.IsZero() {
		r.moveIntoHours(row)
	}
	if first, ok := r.settings.FirstCall(row.CallAt, row.Zones, r.options.Now); row.NotNew.Reason == "" && ok && !last.IsZero() && !first.Before(last) {
		row.TooLate = true
		row.NotNew = campaign.RowError{Column: r.columns.CallBefore, Reason: fmt.Sprintf(
			"the first call that the hours allow is at %s, which is not before this time", r.localText(first, row.Zones))}
	}
	return "", nil
}

// allZones are the zones of all the row's numbers: a time must be the same moment in
// each.
func allZones(row campaign.Row) []string {
	zones := row.Zones
	for _, n := range row.More {
		zones = slices.Concat(zones, n.Zones)
	}
	return zones
}

// setReminders reads the time of the row's appointment and computes the times of its
// reminders. A row whose reminders are all past adds nobody.
func (r *reader) setReminders(row *campaign.Row, fields []string) (column string, err error) {
	column = r.settings.Remind.Column
	value := row.Vars[column]
	if value == "" {
		return column, errors.New("it is blank: before which time is the person to be called?")
	}
	zones := allZones(*row)
	at, err := r.parseTime(value, zones)
	if err != nil {
		return column, err
	}
	if row.NotLaterThan, err = r.parseTime(r.header.ownField(columnCallBefore, fields), zones); err != nil {
		return r.columns.CallBefore, err
	}
	if row.NotLaterThan.IsZero() || at.Before(row.NotLaterThan) {
		row.NotLaterThan = at
	}
	row.OwnTime, row.RemindAt = at, []time.Time{}
	for _, t := range r.settings.Reminders(at, r.options.Now, row.Zones, row.To) {
		if t.Before(row.NotLaterThan) {
			row.RemindAt = append(row.RemindAt, t)
			asSaid := func(before time.Duration) bool { return at.Add(-before).Equal(t) }
			row.CallAtMoved = row.CallAtMoved || !slices.ContainsFunc(r.settings.Remind.Before, asSaid)
		}
	}
	if len(row.RemindAt) == 0 {
		row.TooLate = true
		row.Past = !at.After(r.options.Now)
		row.NotNew = campaign.RowError{Column: column, Reason: "every reminder of this time is past, or the hours leave none before it; give a time to come"}
		return "", nil
	}
	row.CallAt = row.RemindAt[0]
	return "", nil
}

// moveIntoHours moves a call_at that is past or outside the hours to the next
// opening, if Options.Yes says so; else it notes what would happen.
func (r *reader) moveIntoHours(row *campaign.Row) {
	at, now := row.CallAt, r.options.Now
	var what string
	switch opening, ok := r.settings.FirstCall(at, row.Zones, now); {
	case !ok:
		return // checkHours has refused the row
	//guard:false internal/csvimport.TestReaderCallAtOutsideTheHours: a time that is past makes nobody new
	case at.Before(now):
		what, row.Past = "this time is past", true
	case !opening.Equal(at) && !at.Before(r.settings.Start):
		what = fmt.Sprintf("%s is outside the hours %s", r.localText(at, row.Zones), r.settings.Hours)
	default:
		return
	}
	opening, _ := r.settings.FirstCall(at, row.Zones, now)
	if r.options.Yes {
		row.CallAt, row.CallAtMoved = opening, true
		return
	}
	row.TooLate = row.Past
	row.NotNew = campaign.RowError{Column: r.columns.CallAt, Reason: fmt.Sprintf(
		"%s; give one to come and inside the hours, or --yes: then the call is made from %s on", what, r.localText(opening, row.Zones))}
}

// localText is a moment on the clock of the first zone.
func (r *reader) localText(at time.Time, zones []string) string {
	return LocalText(at, zones)
}

// LocalText is a moment on the clock of the first of the zones.
func LocalText(at time.Time, zones []string) string {
	if len(zones) > 0 {
		if zone, err := campaign.LoadZone(zones[0]); err == nil {
			return at.In(zone).Format("2006-01-02 15:04") + " in " + zones[0]
		}
	}
	return at.UTC().Format("2006-01-02 15:04Z")
}

// parseTime reads a moment; the zero time when s is blank. Without an offset it is
// on the clock of every zone, which must be the same moment in all of them.
func (r *reader) parseTime(s string, zones []string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	wall, moment, err := readTime(s, r.dateFormat)
	if err != nil {
		return time.Time{}, err
	}
	at := wall
	if !moment {
		if at, err = onClocks(wall, zones); err != nil {
			return time.Time{}, err
		}
	}
	if at.After(r.options.Now.Add(maxAhead)) {
		return time.Time{}, errors.New("this time is more than a year ahead; check the year")
	}
	return at.UTC(), nil
}

// onClocks is when clocks in all the zones show a time.
func onClocks(wall time.Time, zones []string) (time.Time, error) {
	var at time.Time
	for i, name := range zones {
		zone, err := campaign.LoadZone(name)
		if err != nil {
			return time.Time{}, err
		}
		moments := campaign.LocalTimes(wall, zone)
		switch {
		case len(moments) == 0:
			return time.Time{}, errors.New("clocks skip this time when summer time begins; give another")
		//guard:false internal/csvimport.TestReaderRejectedRows: a time that could be several moments is rejected
		case i > 0 && !moments[0].Equal(at):
			return time.Time{}, errors.New("the number may be in several time zones, so this time is ambiguous; add a column zone, or give it as 2026-11-30T14:30:00Z")
		}
		at = moments[0]
	}
	return at, nil
}

// isoTime is ISO 8601 with a date and a time, extended or basic, with T or a blank
// between them, and with or without seconds, a fraction and an offset.
var isoTime = regexp.MustCompile(`^(\d{4})(-?)(\d{2})(-?)(\d{2})(?:[Tt]| +)(\d{2})(:?)(\d{2})(?:(:?)(\d{2})(?:[.,]\d{1,9})?)? ?(?:([Zz])|([+-])(\d{2})(?::?(\d{2}))?)?$`)

var errTimeForm = errors.New("want a time such as 2026-11-30 14:30 (on the clock of the person called), or 2026-11-30T14:30:00Z; " +
	"if the file writes times otherwise, say how, as --date-format \"DD/MM/YYYY HH:mm\"")

// readTime reads a time in a form that has one meaning: ISO 8601, or the layout.
// moment is true if the text has an offset. Otherwise at is a wall-clock time, written as
// if it were UTC.
func readTime(s, layout string) (at time.Time, moment bool, err error) {
	if at, moment, err = readISO(strings.ReplaceAll(s, "\u2212", "-")); err == nil || layout == "" {
		return at, moment, err
	}
	if !strings.Contains(layout, "15") && !strings.Contains(layout, "3") {
		return time.Time{}, false, errors.New("a time needs an hour, and --date-format gives none; want a form such as DD/MM/YYYY HH:mm")
	}
	if at, err = time.Parse(layout, s); err != nil {
		return time.Time{}, false, errors.New("this time is not written as --date-format says, nor as 2026-11-30 14:30")
	}
	return at, strings.Contains(layout, "Z07"), nil
}

func readISO(s string) (at time.Time, moment bool, err error) {
	m := isoTime.FindStringSubmatch(s)
	// A date has all of its dashes or none, and a time all of its colons or none.
	if m == nil || m[2] != m[4] || m[10] != "" && m[7] != m[9] {
		return time.Time{}, false, errTimeForm
	}
	number := func(i int) int { n, _ := strconv.Atoi(m[i]); return n }
	offset := number(13)*60 + number(14)
	if m[12] == "-" {
		offset = -offset
	}
	at = time.Date(number(1), time.Month(number(3)), number(5), number(6), number(8), number(10), 0, time.UTC)
	if at.Year() != number(1) || int(at.Month()) != number(3) || at.Day() != number(5) || number(6) > 23 || number(8) > 59 || number(10) > 59 {
		return time.Time{}, false, errors.New("there is no such day or time; want one such as 2026-11-30 14:30")
	}
	if number(13) > 15 || number(14) > 59 {
		return time.Time{}, false, errors.New("there is no such offset from UTC; want one such as +01:00")
	}
	return at.Add(-time.Duration(offset) * time.Minute), m[11] != "" || m[12] != "", nil
}

// formatWords are the parts of --date-format, longest first, and Go's for them.
var formatWords = []struct{ word, layout, what string }{
	{"YYYY", "2006", "year"}, {"yyyy", "2006", "year"}, {"YY", "06", "year"}, {"yy", "06", "year"},
	{"MMMM", "January", "month"}, {"MMM", "Jan", "month"}, {"MM", "01", "month"}, {"M", "1", "month"},
	{"DD", "02", "day"}, {"dd", "02", "day"}, {"D", "2", "day"}, {"d", "2", "day"},
	{"HH", "15", "hour"}, {"H", "15", "hour"}, {"hh", "03", "half"}, {"h", "3", "half"},
	{"mm", "04", "minute"}, {"ss", "05", ""}, {"A", "PM", "noon"}, {"a", "pm", "noon"}, {"Z", "Z07:00", ""},
}

// ParseDateFormat reads a form such as DD/MM/YYYY HH:mm, and returns Go's layout
// for it. The time of the day may be missing if only dates are read.
func ParseDateFormat(format string) (layout string, err error) {
	has := map[string]bool{}
	for rest := format; rest != ""; {
		word := ""
		for _, w := range formatWords {
			if strings.HasPrefix(rest, w.word) {
				word, layout, has[w.what] = w.word, layout+w.layout, true
				break
			}
		}
		if word == "" {
			if c := rest[0]; c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' && c != 'T' {
				return "", fmt.Errorf("%q: %q means nothing here; want a form such as DD/MM/YYYY HH:mm", format, rest[:1])
			}
			word, layout = rest[:1], layout+rest[:1]
		}
		rest = rest[len(word):]
	}
	if has["half"] && has["noon"] {
		has["hour"] = true
	}
	parts := []string{"year", "month", "day"}
	if has["hour"] || has["half"] || has["minute"] {
		parts = append(parts, "hour", "minute")
	}
	for _, part := range parts {
		if format != "" && !has[part] {
			return "", fmt.Errorf("%q has no %s; want a form such as DD/MM/YYYY HH:mm, or MM/DD/YYYY hh:mm A", format, part)
		}
	}
	return layout, nil
}
