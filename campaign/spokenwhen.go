package campaign

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-playground/locales"
	"github.com/go-playground/locales/en_GB"
)

// when is a date, a time of day, or both, on the wall clock of a person.
type when struct {
	at               time.Time // as if the clock showed UTC
	hasDate, hasTime bool
}

var (
	isoDate     = regexp.MustCompile(`^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})$`)
	numericDate = regexp.MustCompile(`^([0-9]{1,4})([./-])([0-9]{1,2})([./-])([0-9]{1,4})$`)
	namedDate   = regexp.MustCompile(`^(?:(\p{L}+)\.?,? )?(?:([0-9]{1,2})(?:\.|st|nd|rd|th|º|er)?(?: de)? (\p{L}+)\.?|(\p{L}+)\.? ([0-9]{1,2})(?:st|nd|rd|th)?),?(?: de| del)? ([0-9]{4})$`)
	timeOfDay   = regexp.MustCompile(`(?i)(?:^|[t ]\s*(?:at |um |à )?)([0-9]{1,2})(?:[:.h]([0-9]{2})(?::[0-9]{2}(?:[.,][0-9]+)?)?)? ?(a\.?m\.?|p\.?m\.?|uhr|h)?(z|[+-][0-9]{2}:?[0-9]{2})?$`)
)

var errNoWhen = errors.New("this is neither a date nor a time that can be said; write it as 2026-12-03, 14:30, or 2026-12-03 14:30")

// readWhen reads a date or a time in a form that has one meaning: ISO 8601, day, month
// and year with dots, a month by its name, or another order that the value itself or
// --date-format shows.
func readWhen(s speaking) (w when, err error) {
	text := strings.Join(strings.Fields(plainBlanks(s.value)), " ")
	if m := timeOfDay.FindStringSubmatch(strings.ToLower(text)); m != nil && (m[2] != "" || m[3] != "") { // a number alone is not a time
		clock, errClock := clockTime(m[1], m[2], m[3])
		switch {
		case errClock != nil: // the 12.26 in 25.12.26 is no time
		case m[4] == "z":
			return when{}, errors.New("this time is one of UTC, and not of the person's own clock; write it as 2026-12-03 14:30")
		default:
			w, text = clock, strings.TrimRight(text[:len(text)-len(m[0])], " ,")
		}
	}
	if text == "" && w.hasTime {
		return w, nil
	}
	date, err := readDate(text, s)
	if err != nil {
		return when{}, err
	}
	return when{at: date.Add(time.Duration(w.at.Hour())*time.Hour + time.Duration(w.at.Minute())*time.Minute), hasDate: true, hasTime: w.hasTime}, nil
}

func clockTime(hour, minute, half string) (when, error) {
	h, _ := strconv.Atoi(hour)
	m, _ := strconv.Atoi(minute)
	switch {
	case strings.HasPrefix(half, "a"), strings.HasPrefix(half, "p"):
		if h < 1 || h > 12 {
			return when{}, errNoWhen
		}
		h %= 12
		if half[0] == 'p' {
			h += 12
		}
	case h > 23:
		return when{}, errNoWhen
	}
	if m > 59 {
		return when{}, errNoWhen
	}
	return when{at: time.Date(1, 1, 1, h, m, 0, 0, time.UTC), hasTime: true}, nil
}

func readDate(text string, s speaking) (time.Time, error) {
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	if m := isoDate.FindStringSubmatch(text); m != nil {
		return dateOf(number(m[1]), number(m[2]), number(m[3]))
	}
	if m := numericDate.FindStringSubmatch(text); m != nil && m[2] == m[4] {
		return orderedDate(number(m[1]), number(m[3]), number(m[5]), len(m[1]), len(m[5]), m[2], s.order)
	}
	if m := namedDate.FindStringSubmatch(strings.ToLower(text)); m != nil {
		l, err := s.locale()
		if err != nil {
			return time.Time{}, err
		}
		day, name := m[2]+m[5], m[3]+m[4]
		for _, names := range []locales.Translator{en_GB.New(), l} {
			if month := monthNamed(names, name); month > 0 {
				return dateOf(number(m[6]), month, number(day))
			}
		}
	}
	return time.Time{}, errNoWhen
}

// orderedDate reads three numbers. digitsA and digitsC are the numbers of digits of a
// and c.
func orderedDate(a, b, c, digitsA, digitsC int, sign, order string) (time.Time, error) {
	switch {
	case digitsA == 4:
		return dateOf(a, b, c)
	case digitsC == 2:
		c += 2000
	case digitsC != 4:
		return time.Time{}, errNoWhen
	}
	switch {
	case order == "ymd" && digitsC == 2:
		return dateOf(2000+a, b, c-2000)
	case order == "dmy", order == "" && sign == ".":
		return dateOf(c, b, a)
	case order == "mdy":
		return dateOf(c, a, b)
	case digitsC == 2:
		return time.Time{}, errors.New("this date has a year of two digits and can be read in several orders; write it as 2026-12-03, or say the order with --date-format")
	case a == b, a > 12:
		return dateOf(c, b, a)
	case b > 12:
		return dateOf(c, a, b)
	}
	return time.Time{}, errors.New("this date can be read with the day or with the month first; write it as 2026-12-03, or say the order with --date-format DD/MM/YYYY or MM/DD/YYYY")
}

func dateOf(year, month, day int) (time.Time, error) {
	at := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if at.Year() != year || int(at.Month()) != month || at.Day() != day || year < 1000 {
		return time.Time{}, errors.New("there is no such day")
	}
	return at, nil
}

// monthNamed is the month with this name, or with a name that begins with it; 0: none.
func monthNamed(l locales.Translator, name string) int {
	if len([]rune(name)) < 3 {
		return 0
	}
	found := 0
	for i, full := range l.MonthsWide() {
		full = strings.ToLower(strings.TrimPrefix(strings.TrimPrefix(full, "de "), "d’"))
		if full == name {
			return i + 1
		}
		if strings.HasPrefix(full, name) {
			if found > 0 {
				return 0 // two months match
			}
			found = i + 1
		}
	}
	return found
}

// dateOrder is the order of day, month and year in a form such as DD/MM/YYYY HH:mm; ""
// if one of them is missing.
func dateOrder(form string) string {
	order := ""
	for _, r := range form {
		c := unicode.ToLower(r)
		if r == 'm' && strings.ContainsAny(order, "h") {
			break // minutes
		}
		if strings.ContainsRune("dmyh", c) && !strings.ContainsRune(order, c) {
			order += string(c)
		}
	}
	order = strings.ReplaceAll(order, "h", "")
	if len(order) != 3 {
		return ""
	}
	return order
}
