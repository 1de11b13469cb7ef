package campaign

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/go-playground/locales"
	"github.com/go-playground/locales/cs"
	"github.com/go-playground/locales/da"
	"github.com/go-playground/locales/de"
	"github.com/go-playground/locales/de_AT"
	"github.com/go-playground/locales/en"
	"github.com/go-playground/locales/en_GB"
	"github.com/go-playground/locales/es"
	"github.com/go-playground/locales/fi"
	"github.com/go-playground/locales/fr"
	"github.com/go-playground/locales/it"
	"github.com/go-playground/locales/nb"
	"github.com/go-playground/locales/nl"
	"github.com/go-playground/locales/pl"
	"github.com/go-playground/locales/pt"
	"github.com/go-playground/locales/pt_PT"
	"github.com/go-playground/locales/sv"
)

// A placeholder may say how its value is spoken: {{when|date}}, {{when|time}},
// {{code|digits}}, {{price|money}} or {{price|money EUR}}. A fallback may follow:
// {{when|date|soon}}.

// speakers turn a value into words, in the language of the call.
var speakers = map[string]func(speaking) (string, error){
	"date": speakDate, "time": speakTime, "digits": speakDigits, "money": speakMoney,
}

// speaking is a value to say.
type speaking struct {
	value    string
	language string // BCP 47; "": not given, so Vonage's default
	order    string // of day, month and year if the value does not show it; "": not given
	argument string // after the filter's name
}

// defaultLanguage is Vonage's language for a text that names none.
const defaultLanguage = "en-US"

// locale formats dates, times and amounts in the language.
func (s speaking) locale() (locales.Translator, error) {
	language := strings.ToLower(strings.ReplaceAll(cmp.Or(s.language, defaultLanguage), "_", "-"))
	base, _, _ := strings.Cut(language, "-")
	for _, name := range []string{language, base} {
		if made, ok := spokenLocales[name]; ok {
			return made(), nil
		}
	}
	return nil, fmt.Errorf("dates, times and amounts cannot be said in %s, only in %s; take the filter out, and write the value as it is to be said",
		s.language, strings.Join(spokenLanguages(), ", "))
}

// spokenLocales are the languages in which dates, times and amounts can be said. A
// language with a region that is not listed here is said as the language alone.
var spokenLocales = map[string]func() locales.Translator{
	"cs": cs.New, "da": da.New, "de": de.New, "de-at": de_AT.New, "es": es.New, "fi": fi.New, "fr": fr.New, "it": it.New,
	"en": en_GB.New, "en-us": en.New, "en-ca": en.New, "en-ph": en.New,
	"nb": nb.New, "no": nb.New, "nl": nl.New, "pl": pl.New, "pt": pt.New, "pt-pt": pt_PT.New, "sv": sv.New,
}

func spokenLanguages() []string {
	var list []string
	for name := range spokenLocales {
		if !strings.Contains(name, "-") {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// parseFilter reads the part after the first bar of a placeholder: a filter, perhaps
// with a fallback after another bar, or only a fallback.
func parseFilter(text string) (filter, argument, fallback string, hasFallback bool) {
	first, rest, more := strings.Cut(text, "|")
	word, argument, _ := strings.Cut(strings.TrimSpace(first), " ")
	word = strings.ToLower(word)
	argument = strings.TrimSpace(argument)
	if _, known := speakers[word]; known && (argument == "" || word == "money") {
		return word, argument, strings.TrimSpace(rest), more
	}
	return "", "", strings.TrimSpace(text), true
}

// ValueError says that the value of a column cannot be said in the form that the
// message asks for.
type ValueError struct {
	Column string
	Err    error
}

func (e ValueError) Error() string { return e.Err.Error() }
func (e ValueError) Unwrap() error { return e.Err }

func speakDate(s speaking) (string, error) {
	at, err := readWhen(s)
	switch {
	case err != nil:
		return "", err
	case !at.hasDate:
		return "", errors.New("there is no date in this value; write it as 2026-12-03")
	}
	l, err := s.locale()
	if err != nil {
		return "", err
	}
	return plainBlanks(l.FmtDateFull(at.at)), nil
}

func speakTime(s speaking) (string, error) {
	at, err := readWhen(s)
	switch {
	case err != nil:
		return "", err
	case !at.hasTime:
		return "", errors.New("there is no time of day in this value; write it as 14:30, or 2026-12-03 14:30")
	}
	l, err := s.locale()
	if err != nil {
		return "", err
	}
	return plainBlanks(l.FmtTimeShort(at.at)), nil
}

// speakDigits says a code character by character, in any language: "A 1 2".
func speakDigits(s speaking) (string, error) {
	var signs []string
	for _, r := range s.value {
		switch {
		case unicode.Is(unicode.Nd, r):
			signs = append(signs, string('0'+digitValue(r)))
		case unicode.IsLetter(r), unicode.IsMark(r):
			signs = append(signs, string(r))
		}
	}
	if len(signs) == 0 {
		return "", errors.New("there are neither digits nor letters in this value")
	}
	return strings.Join(signs, " "), nil
}

// plainBlanks turns all blanks into ones that every voice reads as a blank.
func plainBlanks(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, s)
}
