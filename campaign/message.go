package campaign

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Rendered is a message for one contact. Exactly one of NCCO and AnswerURL is
// set.
type Rendered struct {
	NCCO       json.RawMessage
	AnswerURL  string
	DTMFAnswer string
}

const (
	// maxSpoken is Vonage's limit on a talk text, tags not counted.
	maxSpoken = 1500
	// maxNCCO bounds what one row's values can make of a message.
	maxNCCO = 32 << 10
	// maxActions bounds an NCCO; Vonage documents no limit.
	maxActions = 100
)

// Validate reports everything that is wrong with the message itself, whatever
// the rows hold.
func (m Message) Validate() error {
	_, err := m.compile()
	return err
}

// Render makes the message for one contact.
//
// Values are data, whatever they hold. In an NCCO they are put into strings
// after it was parsed, so none can add, change or end an action; in a URL they
// are escaped and stand after the host; in SSML they are escaped. A value that
// is missing or blank is an error that names its column, unless the
// placeholder has a fallback.
func (m Message) Render(vars map[string]string) (Rendered, error) {
	s, err := m.compile()
	if err != nil {
		return Rendered{}, err
	}
	return s.render(vars)
}

// script is a message that was checked and taken apart, so that a file of a
// million rows takes it apart once.
type script struct {
	answerURL string
	actions   []any // JSON, with *phrase in place of strings with placeholders
	phrases   []*phrase
	size      int // of the actions as JSON, without the phrases

	tones       string
	filledTones *phrase // nil: tones are as they are
}

func (m Message) compile() (script, error) {
	s, err := m.compileWords()
	if err == nil {
		err = s.addTones(m.DTMFAnswer)
	}
	if err == nil {
		err = m.checkAnswerMethod()
	}
	return s, err
}

func (m Message) checkAnswerMethod() error {
	switch {
	case m.AnswerMethod != "" && m.AnswerMethod != "GET" && m.AnswerMethod != "POST":
		return fmt.Errorf("answer method: %q is neither GET nor POST", m.AnswerMethod)
	case m.AnswerMethod != "" && m.AnswerURL == "":
		return errors.New("answer method: it means something only with an answer URL")
	}
	return nil
}

// compileWords takes apart what is said.
func (m Message) compileWords() (script, error) {
	set := 0
	for _, present := range []bool{m.Say != "", len(m.NCCO) > 0, m.AnswerURL != ""} {
		if present {
			set++
		}
	}
	switch {
	case set != 1:
		return script{}, errors.New("message: want exactly one of a text to say, an NCCO and an answer URL")
	case m.AnswerURL != "":
		return script{answerURL: m.AnswerURL}, checkAnswerURL(m.AnswerURL)
	case m.Say != "":
		return compileActions([]any{map[string]any{"action": "talk", "text": m.Say}})
	}
	return compileNCCO(m.NCCO)
}

func checkAnswerURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case strings.Contains(raw, "{{"):
		return errors.New("answer URL: it cannot hold placeholders; the server is told the attempt's id")
	case err != nil || !u.IsAbs() || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("answer URL: want an absolute http or https address")
	case u.User != nil:
		return errors.New("answer URL: it cannot hold a user name or password")
	}
	return nil
}

func compileNCCO(raw json.RawMessage) (script, error) {
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber() // numbers leave as they came
	var actions []any
	if err := decoder.Decode(&actions); err != nil {
		return script{}, fmt.Errorf("NCCO: want a JSON array of actions: %w", err)
	}
	if decoder.More() {
		return script{}, errors.New("NCCO: there is more after the array of actions")
	}
	return compileActions(actions)
}

func compileActions(actions []any) (script, error) {
	if len(actions) == 0 || len(actions) > maxActions {
		return script{}, fmt.Errorf("NCCO: want 1 to %d actions", maxActions)
	}
	var s script
	for i, action := range actions {
		object, _ := action.(map[string]any)
		if name, _ := object["action"].(string); name == "" {
			return script{}, fmt.Errorf("NCCO: action %d is not an object with the name of an action", i+1)
		}
		compiled, err := s.compileValue(place{}, object)
		if err != nil {
			return script{}, fmt.Errorf("message: action %d: %w", i+1, err)
		}
		s.actions = append(s.actions, compiled)
	}
	static, err := json.Marshal(s.actions) // a phrase has no fields that JSON sees
	s.size = len(static)
	return s, err
}

// place is where a string stands in an NCCO.
type place struct {
	key  string // the nearest name; "" when free
	free bool   // below payload or headers, where any string is mere data
}

// fixedKeys say what is done and who is called. Neither is ever taken from a
// row, so a stolen or careless file cannot dial or connect anywhere else.
var fixedKeys = []string{"action", "type", "number", "from", "user", "extension", "uri", "dtmfAnswer", "conversationId"}

func (s *script) compileValue(at place, v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		return s.compileObject(at, v)
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			compiled, err := s.compileValue(at, item)
			if err != nil {
				return nil, err
			}
			list[i] = compiled
		}
		return list, nil
	case string:
		return s.compileString(at, v)
	}
	return v, nil
}

func (s *script) compileObject(at place, object map[string]any) (any, error) {
	out := make(map[string]any, len(object))
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if strings.Contains(key, "{{") {
			return nil, fmt.Errorf("the name %q holds a placeholder; only values can", key)
		}
		inner := place{key: key, free: at.free || key == "payload" || key == "headers"}
		if inner.free {
			inner.key = ""
		}
		compiled, err := s.compileValue(inner, object[key])
		if err != nil {
			return nil, err
		}
		out[key] = compiled
	}
	return out, nil
}

func (s *script) compileString(at place, text string) (any, error) {
	p, err := parsePhrase(text, at.key)
	if strings.ContainsRune(text, 0) {
		err = errors.New("it holds a NUL character")
	}
	if err == nil {
		err = p.checkSpoken(placeholder.ReplaceAllString(text, ""))
	}
	if err == nil && len(p.parts) > 0 && !at.free {
		err = p.keepInPlace(text)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", at.key, err)
	case len(p.parts) == 0:
		return text, nil
	}
	s.phrases = append(s.phrases, p)
	return p, nil
}

// keepInPlace refuses a placeholder where a value could choose what is done,
// who is called or where a request goes.
func (p *phrase) keepInPlace(text string) error {
	if slices.Contains(fixedKeys, p.key) {
		return errors.New("it cannot hold a placeholder: what is done and who is called is never taken from a row")
	}
	return p.keepToHost(text)
}

// missing lists the columns that the message needs and that are not among
// columns, sorted. A placeholder with a fallback needs none.
func (s script) missing(columns []string) []string {
	var list []string
	for _, p := range s.phrases {
		for _, part := range p.parts {
			if part.column != "" && !part.hasFallback && !slices.Contains(columns, part.column) {
				list = append(list, part.column)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (s script) render(vars map[string]string) (Rendered, error) {
	tones, err := s.renderTones(vars)
	if err != nil {
		return Rendered{}, err
	}
	if s.answerURL != "" {
		return Rendered{AnswerURL: s.answerURL, DTMFAnswer: tones}, nil
	}
	actions, err := fill(s.actions, vars)
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

// maxEscaped is how many bytes one byte of a value takes in JSON at most.
const maxEscaped = 6

// check reports whether a row's values fit the message. It renders only what
// may be too long.
func (s script) check(vars map[string]string) error {
	if _, err := s.renderTones(vars); err != nil {
		return err
	}
	size := s.size
	for _, p := range s.phrases {
		text, err := p.fill(vars)
		if err != nil {
			return err
		}
		size += maxEscaped * len(text)
	}
	if size <= maxNCCO {
		return nil
	}
	_, err := s.render(vars)
	return err
}

// fill copies a compiled value with the phrases spoken.
func fill(v any, vars map[string]string) (any, error) {
	switch v := v.(type) {
	case *phrase:
		return v.fill(vars)
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			filled, err := fill(item, vars)
			if err != nil {
				return nil, err
			}
			list[i] = filled
		}
		return list, nil
	case map[string]any:
		object := make(map[string]any, len(v))
		for key, item := range v {
			filled, err := fill(item, vars)
			if err != nil {
				return nil, err
			}
			object[key] = filled
		}
		return object, nil
	}
	return v, nil
}
