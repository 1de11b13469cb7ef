package campaign

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const (
	// maxSpoken is Vonage's limit for a talk text, without tags.
	maxSpoken = 1500
	// maxNCCO limits an NCCO with one row's values.
	maxNCCO = 32 << 10
	// maxEscaped is the most bytes that one byte of a value takes in JSON.
	maxEscaped = 6
)

// MessageTemplate is a message that was checked and parsed: see Message.Compile.
type MessageTemplate struct {
	answerURL string
	script    *scriptTemplate
	others    map[string]*scriptTemplate // by the word in column
	column    string                     // "": everybody hears script
	actions   []any                      // JSON, with *textTemplate in place of strings with placeholders
	size      int                        // size of actions as JSON, without the text templates

	tones         string
	tonesTemplate *textTemplate // nil: the tones have no placeholders

	texts  []*textTemplate // all texts, also those in actions and tonesTemplate
	spoken []string        // every spoken text, as it was written
}

// MissingColumns lists the columns that the message needs and columns does not have,
// sorted. A placeholder with a fallback needs none.
func (t MessageTemplate) MissingColumns(columns []string) []string {
	var list []string
	for _, text := range t.texts {
		for _, p := range text.parts {
			if p.column != "" && !p.hasFallback && !slices.Contains(columns, p.column) {
				list = append(list, p.column)
			}
		}
	}
	if t.column != "" && !slices.Contains(columns, t.column) {
		list = append(list, t.column)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Bind connects placeholders with the columns of a file. {{First name}} also means the
// column "first name", and one whose blanks or accents are written in other characters.
// If two columns match, that is an error. Bind changes the template, so call it before
// any use.
func (t MessageTemplate) Bind(columns []string) error {
	for _, text := range t.texts {
		for i, p := range text.parts {
			if p.column == "" {
				continue
			}
			column, err := boundColumn(p.column, columns)
			if err != nil {
				return err
			}
			text.parts[i].column, text.parts[i].bound = column, true
		}
	}
	return nil
}

// boundColumn is the column that a placeholder names, or the name itself.
func boundColumn(name string, columns []string) (string, error) {
	for _, same := range []func(string) bool{
		func(column string) bool { return column == name },
		func(column string) bool { return FoldName(column) == FoldName(name) },
	} {
		at := slices.IndexFunc(columns, same)
		if at < 0 {
			continue
		}
		if slices.ContainsFunc(columns[at+1:], same) {
			return "", fmt.Errorf("the message needs the column %q, and two columns are named %q", name, columns[at])
		}
		return columns[at], nil
	}
	return name, nil
}

// NeededColumns lists the columns that every row must have.
func (t MessageTemplate) NeededColumns() []string { return t.MissingColumns(nil) }

// SingleBraces lists the columns that are in single braces in spoken texts, as {name}.
// The voice says them literally, which was hardly intended.
func (t MessageTemplate) SingleBraces(columns []string) []string {
	var list []string
	for _, m := range singleBraces.FindAllStringSubmatch(placeholder.ReplaceAllString(strings.Join(t.spoken, "\n"), ""), -1) {
		if at := slices.IndexFunc(columns, func(c string) bool { return FoldName(c) == FoldName(m[1]) }); at >= 0 && columns[at] != "" {
			list = append(list, columns[at])
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

var singleBraces = regexp.MustCompile(`\{([^{}]+)\}`)

// AnyValueFits reports whether the message's form does not depend on a row's values.
// They are only in spoken texts, and after the host of an address, where they are
// escaped. Check reports values that are too long.
func (t MessageTemplate) AnyValueFits() bool {
	return t.column == "" && !slices.ContainsFunc(t.texts, func(text *textTemplate) bool {
		return text != t.tonesTemplate && text.key != spokenKey && text.escape != escapeURL
	})
}

// sampled is the name of no column. With it values are not spoken: each stands for any
// value.
const sampled = ""

// Sample makes the message with a value of one digit in every placeholder, even those
// with a filter.
func (t MessageTemplate) Sample() (Rendered, error) {
	vars := map[string]string{sampled: "1"}
	for _, text := range t.texts {
		for _, p := range text.parts {
			if p.column != "" {
				vars[p.column] = "1"
			}
		}
	}
	return t.Render(vars)
}

// Check reports whether a row's values fit the message. It renders only texts that may
// be too long.
func (t MessageTemplate) Check(vars map[string]string) error {
	if _, err := t.renderTones(vars); err != nil {
		return err
	}
	size := t.size
	if t.column != "" {
		_, err := t.renderScript(vars)
		return err
	}
	for _, text := range t.texts {
		s, err := text.render(vars)
		if err != nil {
			return err
		}
		size += maxEscaped * len(s)
	}
	if size <= maxNCCO {
		return nil
	}
	_, err := t.Render(vars)
	return err
}

// Render makes the message for one contact.
//
// Values are only data. In an NCCO they are put into strings after it was parsed, so no
// value can add, change or end an action. In a URL they are escaped and come after the
// host; in SSML they are escaped. A missing or blank value is an error that names its
// column, unless the placeholder has a fallback.
func (t MessageTemplate) Render(vars map[string]string) (Rendered, error) {
	tones, err := t.renderTones(vars)
	if err != nil {
		return Rendered{}, err
	}
	if t.answerURL != "" {
		return Rendered{AnswerURL: t.answerURL, DTMFAnswer: tones}, nil
	}
	if t.script != nil {
		script, err := t.renderScript(vars)
		return Rendered{Script: script, DTMFAnswer: tones}, err
	}
	actions, err := renderValue(t.actions, vars)
	if err != nil {
		return Rendered{}, err
	}
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(actions); err != nil {
		return Rendered{}, fmt.Errorf("message: %w", err)
	}
	if out.Len() > maxNCCO {
		return Rendered{}, fmt.Errorf("the message is longer than %d bytes with this row's values; shorten them", maxNCCO)
	}
	return Rendered{NCCO: json.RawMessage(strings.TrimSuffix(out.String(), "\n")), DTMFAnswer: tones}, nil
}

// renderValue copies a compiled JSON value with its text templates rendered.
func renderValue(v any, vars map[string]string) (any, error) {
	switch v := v.(type) {
	case *textTemplate:
		return v.render(vars)
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			rendered, err := renderValue(item, vars)
			if err != nil {
				return nil, err
			}
			list[i] = rendered
		}
		return list, nil
	case map[string]any:
		object := make(map[string]any, len(v))
		for key, item := range v {
			rendered, err := renderValue(item, vars)
			if err != nil {
				return nil, err
			}
			object[key] = rendered
		}
		return object, nil
	}
	return v, nil
}
