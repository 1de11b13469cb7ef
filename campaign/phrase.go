package campaign

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// phrase is a text with placeholders. No parts: it has none.
type phrase struct {
	key   string // the name under which it stands; "" where any string is mere data
	form  form
	parts []part
}

// part is either literal text or, when column is set, a placeholder.
type part struct {
	literal     string
	column      string
	fallback    string
	hasFallback bool
}

// spokenKey names the strings that are spoken.
const spokenKey = "text"

// form says how a value is written into the text.
type form int

const (
	formPlain form = iota
	formSSML       // XML: values are escaped
	formURL        // values are escaped, and stand after the host
)

var (
	placeholder = regexp.MustCompile(`\{\{\s*\.?([^{}|]*?)\s*(\|[^{}]*)?\}\}`)
	addressForm = regexp.MustCompile(`(?i)^[a-z][a-z0-9+.-]*://`)
	xmlTag      = regexp.MustCompile(`<[^>]*>`)
)

func isSSML(text string) bool {
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(text)), "<speak")
}

func formOf(key, text string) form {
	switch {
	case isSSML(text):
		return formSSML
	case key != spokenKey && addressForm.MatchString(text):
		return formURL
	}
	return formPlain
}

// parsePhrase takes a text apart: {{name}}, {{.name}}, {{ name }}, and
// {{name|friend}} with what is said when the value is blank.
func parsePhrase(text, key string) (*phrase, error) {
	p := &phrase{key: key, form: formOf(key, text)}
	rest := 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(text, -1) {
		column := text[m[2]:m[3]]
		if column == "" {
			return nil, errors.New("there is a placeholder without a name; want {{column}}")
		}
		p.parts = append(p.parts, part{literal: text[rest:m[0]]})
		rest = m[1]
		next := part{column: column, hasFallback: m[4] >= 0}
		if next.hasFallback {
			next.fallback = strings.TrimSpace(text[m[4]+1 : m[5]])
		}
		p.parts = append(p.parts, next)
	}
	if literals := placeholder.ReplaceAllLiteralString(text, " "); strings.Contains(literals, "{{") {
		return nil, errors.New("a {{ is not closed, or holds another; want {{column}} or {{column|fallback}}")
	}
	if p.parts != nil {
		p.parts = append(p.parts, part{literal: text[rest:]})
	}
	return p, nil
}

// keepToHost wants an address to be written out up to its host, so that no
// value can choose where a request goes.
func (p *phrase) keepToHost(text string) error {
	named := strings.HasSuffix(strings.ToLower(p.key), "url")
	if p.form != formURL && !named {
		return nil
	}
	fixed, _, _ := strings.Cut(text, "{{")
	_, after, found := strings.Cut(fixed, "://")
	if !found || !strings.Contains(after, "/") {
		return errors.New("a placeholder can stand in an address only after its host, as in https://example.com/{{file}}")
	}
	p.form = formURL
	return nil
}

// checkSpoken holds what is spoken to Vonage's limit.
func (p *phrase) checkSpoken(text string) error {
	if p.key != spokenKey {
		return nil
	}
	if p.form == formSSML {
		text = xmlTag.ReplaceAllString(text, "")
	}
	if n := utf8.RuneCountInString(text); n > maxSpoken {
		return fmt.Errorf("the text has %d characters, and Vonage speaks %d at most; shorten it", n, maxSpoken)
	}
	return nil
}

// missingValue: the row does not have what the message needs.
type missingValue struct{ column string }

func (e missingValue) Error() string {
	return fmt.Sprintf("the message needs a value in column %q and it is blank; fill it in, or write {{%s|fallback}}", e.column, e.column)
}

func (p *phrase) fill(vars map[string]string) (string, error) {
	var out strings.Builder
	for _, part := range p.parts {
		if part.column == "" {
			out.WriteString(part.literal)
			continue
		}
		value := strings.TrimSpace(vars[part.column])
		if value == "" && !part.hasFallback {
			return "", missingValue{part.column}
		}
		if value == "" {
			value = part.fallback
		}
		out.WriteString(p.form.escape(value))
	}
	return out.String(), p.checkFilled(out.String())
}

func (p *phrase) checkFilled(text string) error {
	if p.form != formSSML && isSSML(text) {
		return errors.New("a value would turn the text into SSML; take the <speak> out of it")
	}
	return p.checkSpoken(text)
}

func (f form) escape(value string) string {
	switch f {
	case formSSML:
		var out strings.Builder
		_ = xml.EscapeText(&out, []byte(value)) // a Builder does not fail
		return out.String()
	case formURL:
		return strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
	}
	return value
}
