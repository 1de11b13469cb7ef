package csvimport

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// numberFormat says how a spreadsheet shows a number: as a date, a time, or with
// zeros in front. Other formats do not change what a number is.
type numberFormat struct {
	date, time bool
	zeros      int // digits at least
}

var (
	notShown  = regexp.MustCompile(`"[^"]*"|\\.|_.|\*.|\[[^\]hms]*\]`)
	zerosOnly = regexp.MustCompile(`^0{2,}$`)
)

// builtIn are the formats that a file names without defining them.
func builtIn(id int) (f numberFormat, known bool) {
	switch {
	case id >= 14 && id <= 17, id >= 27 && id <= 31, id == 36, id >= 50 && id <= 54, id == 57 || id == 58:
		return numberFormat{date: true}, true
	case id >= 18 && id <= 21, id >= 45 && id <= 47, id >= 32 && id <= 35, id == 55 || id == 56:
		return numberFormat{time: true}, true
	case id == 22:
		return numberFormat{date: true, time: true}, true
	}
	return numberFormat{}, false
}

func formatOf(id, code string) numberFormat {
	n, err := strconv.Atoi(id)
	if f, known := builtIn(n); known && err == nil && code == "" {
		return f
	}
	if strings.EqualFold(code, "General") {
		return numberFormat{}
	}
	code, _, _ = strings.Cut(notShown.ReplaceAllString(code, ""), ";")
	if zerosOnly.MatchString(code) {
		return numberFormat{zeros: len(code)}
	}
	code = strings.ToLower(code)
	f := numberFormat{date: strings.ContainsAny(code, "yd"), time: strings.ContainsAny(code, "hs")}
	f.date = f.date || !f.time && strings.Contains(code, "m")
	return f
}

const secondsPerDay = 24 * 60 * 60

// text is a number as a person reads it in the cell: dates as 2026-12-03, times
// as 14:30, both as 2026-12-03 14:30, other numbers in digits without an
// exponent. epoch is the number of 1970-01-01.
func (f numberFormat) text(value string, epoch int) string {
	number, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsInf(number, 0) || math.IsNaN(number) {
		return value
	}
	if (f.date || f.time) && number >= 0 && number < 2_958_466 { // 9999-12-31
		return f.dateText(number, epoch)
	}
	if strings.ContainsAny(value, ".eE") {
		// A spreadsheet keeps 15 digits; further digits are not the typed ones.
		short, _ := strconv.ParseFloat(strconv.FormatFloat(number, 'g', 15, 64), 64)
		value = strconv.FormatFloat(short, 'f', -1, 64)
	}
	if n := f.zeros - len(value); n > 0 && onlyDigits(value) {
		value = strings.Repeat("0", n) + value
	}
	return value
}

func (f numberFormat) dateText(number float64, epoch int) string {
	at := time.Unix(int64(math.Round((number-float64(epoch))*secondsPerDay)), 0).UTC()
	layout := "2006-01-02"
	midnight := at.Hour() == 0 && at.Minute() == 0 && at.Second() == 0
	switch {
	case !f.date && number < 1:
		layout = "15:04"
	case f.time || !midnight:
		layout = "2006-01-02 15:04"
	}
	if at.Second() != 0 {
		layout += ":05"
	}
	return at.Format(layout)
}

func onlyDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
