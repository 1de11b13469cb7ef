package campaign

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// textTemplate is a text with placeholders. Without placeholders it has no parts.
type textTemplate struct {
	key    string // the text's name in the NCCO; "" where any string is just data
	speech speech
	escape escaping
	parts  []textPart
}

// textPart is either literal text or, when column is set, a placeholder.
type textPart struct {
	literal     string
	column      string
	fallback    string
	hasFallback bool
	filter      string // how the value is said, such as date; "": unchanged
	argument    string // of the filter
	bound       bool   // column is the file's name for it, or the file has no such column
}

// speech is the language in which a text is spoken, and the order of dates in its
// values.
type speech struct{ language, order string }

// escaping says how a value is written into the text.
type escaping int

const (
	escapeNothing escaping = iota
	escapeXML              // in SSML
	escapeURL              // values stand after the host
)

// spokenKey is the name of the spoken strings in an NCCO.
const spokenKey = "text"

var (
	placeholder = regexp.MustCompile(`\{\{\s*\.?([^{}|]*?)\s*(\|[^{}]*)?\}\}`)
	addressForm = regexp.MustCompile(`(?i)^[a-z][a-z0-9+.-]*://`)
	xmlTag      = regexp.MustCompile(`<[^>]*>`)
)

// MissingValueError says that a row lacks a value that the message needs.
type MissingValueError struct{ Column string }

func (e MissingValueError) Error() string {
	return fmt.Sprintf("the message needs a value in column %q and it is blank; fill it in, or write {{%s|fallback}}", e.Column, e.Column)
}

// parseText parses a text: {{name}}, {{.name}}, {{ name }}, and {{name|friend}} with
// the fallback for a blank value.
func parseText(text, key string) (*textTemplate, error) {
	t := &textTemplate{key: key, escape: escapingOf(key, text)}
	end := 0 // of the previous placeholder
	for _, m := range placeholder.FindAllStringSubmatchIndex(text, -1) {
		column := text[m[2]:m[3]]
		if column == "" {
			return nil, errors.New("there is a placeholder without a name; want {{column}}")
		}
		t.parts = append(t.parts, textPart{literal: text[end:m[0]]})
		end = m[1]
		p := textPart{column: column}
		if m[4] >= 0 {
			p.filter, p.argument, p.fallback, p.hasFallback = parseFilter(text[m[4]+1 : m[5]])
		}
		t.parts = append(t.parts, p)
	}
	if literals := placeholder.ReplaceAllLiteralString(text, " "); strings.Contains(literals, "{{") {
		return nil, errors.New("a {{ is not closed, or holds another; want {{column}} or {{column|fallback}}")
	}
	if t.parts != nil {
		t.parts = append(t.parts, textPart{literal: text[end:]})
	}
	return t, nil
}

func escapingOf(key, text string) escaping {
	switch {
	case isSSML(text):
		return escapeXML
	case key != spokenKey && addressForm.MatchString(text):
		return escapeURL
	}
	return escapeNothing
}

func isSSML(text string) bool {
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(text)), "<speak")
}

// checkPlaceholders refuses a placeholder whose value could choose the action, the
// party that is called or the target of a request.
func (t *textTemplate) checkPlaceholders(text string) error {
	if slices.Contains(fixedKeys, t.key) {
		return errors.New("it cannot hold a placeholder: what is done and who is called is never taken from a row")
	}
	if t.escape == escapeXML {
		return checkTags(text)
	}
	return t.checkHost(text)
}

// addressAttributes are the attributes of SSML that contain an address to fetch.
var addressAttributes = []string{"src", "uri", "href", "base"}

var (
	openAttribute = regexp.MustCompile(`(?:^|[\s:])([A-Za-z_][\w.-]*)\s*=\s*("[^"]*|'[^']*)$`)
	writtenHost   = regexp.MustCompile(`(?i)^.https?://[^/{}]+/`)
)

// checkTags allows placeholders inside a tag of SSML only in an attribute's value
// between quotes, and in an address only after its host. So a value never chooses what
// is fetched, and never creates a tag.
func checkTags(text string) error {
	for _, m := range placeholder.FindAllStringIndex(text, -1) {
		before := text[:m[0]]
		tag := before[strings.LastIndexByte(before, '<')+1:]
		if strings.LastIndexByte(before, '<') < 0 || outsideTag(tag) {
			continue
		}
		attribute := openAttribute.FindStringSubmatch(tag)
		if attribute == nil {
			return errors.New("inside a tag a placeholder can stand only in an attribute's value, between quotes")
		}
		//guard:false campaign.TestMessageValidate: a row never chooses whose sound is played
		if slices.Contains(addressAttributes, strings.ToLower(attribute[1])) && !writtenHost.MatchString(attribute[2]) {
			return errors.New("a placeholder can stand in an address only after its host, as in https://example.com/{{file}}")
		}
	}
	return nil
}

// outsideTag reports whether the tag at the beginning of the text has ended in it. A >
// between quotes ends no tag.
func outsideTag(text string) bool {
	quote := byte(0)
	for i := range len(text) {
		switch c := text[i]; {
		case quote == 0 && c == '>':
			return true
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		}
	}
	return false
}

// checkHost requires that an address is written out up to its host, so that no value
// can choose the target of a request.
func (t *textTemplate) checkHost(text string) error {
	named := strings.HasSuffix(strings.ToLower(t.key), "url") || t.key == "ringbackTone"
	if t.escape != escapeURL && !named {
		return nil
	}
	fixed, _, _ := strings.Cut(text, "{{")
	_, after, found := strings.Cut(fixed, "://")
	if !found || !strings.Contains(after, "/") {
		return errors.New("a placeholder can stand in an address only after its host, as in https://example.com/{{file}}")
	}
	t.escape = escapeURL
	return nil
}

func (t *textTemplate) render(vars map[string]string) (string, error) {
	var out strings.Builder
	_, sample := vars[sampled]
	for _, p := range t.parts {
		if p.column == "" {
			out.WriteString(p.literal)
			continue
		}
		values := ofEach(p.value(vars))
		if t.key != spokenKey {
			values = values[:1]
		}
		for i, value := range values {
			var err error
			if values[i], err = t.fill(p, strings.TrimSpace(value), vars, sample); err != nil {
				return "", err
			}
		}
		language := ""
		if len(values) > 1 {
			var err error
			if language, err = t.language(vars); err != nil {
				return "", err
			}
		}
		out.WriteString(enumerate(values, language))
	}
	return out.String(), t.checkRendered(out.String())
}

// fill is one person's value in the form for the text.
func (t *textTemplate) fill(p textPart, value string, vars map[string]string, sample bool) (string, error) {
	switch {
	case value == "" && !p.hasFallback:
		return "", MissingValueError{p.column}
	case value == "":
		value = p.fallback
	case p.filter != "" && !sample:
		var err error
		if value, err = t.said(p, value, vars); err != nil {
			return "", ValueError{p.column, err}
		}
	}
	return t.escape.apply(value), nil
}

// said is a value after the placeholder's filter, in the language of the text. That
// language may itself come from a column.
func (t *textTemplate) said(p textPart, value string, vars map[string]string) (string, error) {
	language, err := t.language(vars)
	if err != nil {
		return "", err
	}
	return speakers[p.filter](speaking{value: value, language: language, order: t.speech.order, argument: p.argument})
}

// language is the language of the text, which may come from a column.
func (t *textTemplate) language(vars map[string]string) (string, error) {
	language := t.speech.language
	if !strings.Contains(language, "{{") {
		return language, nil
	}
	named, err := parseText(language, "language")
	if err != nil {
		return "", err
	}
	return named.render(vars)
}

// checkFilters reports a filter that cannot say any value.
func (t *textTemplate) checkFilters() error {
	for _, p := range t.parts {
		s := speaking{language: t.speech.language, argument: p.argument}
		if _, known := currencies[strings.ToUpper(p.argument)]; p.argument != "" && !known {
			return fmt.Errorf("{{%s|%s %s}}: this currency cannot be said; want an ISO code such as EUR", p.column, p.filter, p.argument)
		}
		if _, err := s.locale(); err != nil && p.filter != "" && p.filter != "digits" && !strings.Contains(s.language, "{{") {
			return fmt.Errorf("{{%s|%s}}: %w", p.column, p.filter, err)
		}
	}
	return nil
}

// value is the value of the placeholder's column. After Bind the template finds it at
// once.
func (p textPart) value(vars map[string]string) string {
	value, found := vars[p.column]
	if !found && !p.bound {
		folded := FoldName(p.column)
		for column := range vars {
			if FoldName(column) == folded {
				value = vars[column]
			}
		}
	}
	return strings.TrimSpace(value)
}

func (e escaping) apply(value string) string {
	switch e {
	case escapeXML:
		var out strings.Builder
		_ = xml.EscapeText(&out, []byte(value)) // a Builder does not fail
		return out.String()
	case escapeURL:
		return strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
	}
	return value
}

func (t *textTemplate) checkRendered(text string) error {
	if t.escape != escapeXML && isSSML(text) {
		return errors.New("a value would turn the text into SSML; take the <speak> out of it")
	}
	return t.checkSpoken(text)
}

// checkSpoken applies Vonage's limit to a spoken text.
func (t *textTemplate) checkSpoken(text string) error {
	if t.key != spokenKey {
		return nil
	}
	if t.escape == escapeXML {
		text = xmlTag.ReplaceAllString(text, "")
	}
	if n := utf8.RuneCountInString(text); n > maxSpoken {
		return fmt.Errorf("the text has %d characters, and Vonage speaks %d at most; shorten it", n, maxSpoken)
	}
	return nil
}
