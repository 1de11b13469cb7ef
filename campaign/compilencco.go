package campaign

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxActions bounds an NCCO; Vonage documents no limit.
const maxActions = 100

// fixedKeys name the action and the party that is called. Their values never come from
// a row, so a stolen or careless file cannot dial or connect anywhere else.
var fixedKeys = []string{"action", "type", "number", "from", "user", "extension", "uri", "dtmfAnswer", "conversationId"}

// position is where a string is in an NCCO.
type position struct {
	key  string // the nearest name; "" when free
	free bool   // below payload or headers, where any string is just data

	language string // language of the action's text
}

func compileNCCO(raw json.RawMessage) (MessageTemplate, error) {
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber() // keeps the digits of numbers
	var actions []any
	if err := decoder.Decode(&actions); err != nil {
		return MessageTemplate{}, fmt.Errorf("NCCO: want a JSON array of actions: %w", err)
	}
	if decoder.More() {
		return MessageTemplate{}, errors.New("NCCO: there is more after the array of actions")
	}
	return compileActions(actions)
}

func compileActions(actions []any) (MessageTemplate, error) {
	if len(actions) == 0 || len(actions) > maxActions {
		return MessageTemplate{}, fmt.Errorf("NCCO: want 1 to %d actions", maxActions)
	}
	var t MessageTemplate
	for i, action := range actions {
		object, _ := action.(map[string]any)
		if name, _ := object["action"].(string); name == "" {
			return MessageTemplate{}, fmt.Errorf("NCCO: action %d is not an object with the name of an action", i+1)
		}
		compiled, err := t.compileValue(position{}, object)
		if err != nil {
			return MessageTemplate{}, fmt.Errorf("message: action %d: %w", i+1, err)
		}
		t.actions = append(t.actions, compiled)
	}
	static, err := json.Marshal(t.actions) // a text template has no fields that JSON could marshal
	t.size = len(static)
	return t, err
}

func (t *MessageTemplate) compileValue(at position, v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		return t.compileObject(at, v)
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			compiled, err := t.compileValue(at, item)
			if err != nil {
				return nil, err
			}
			list[i] = compiled
		}
		return list, nil
	case string:
		return t.compileString(at, v)
	}
	return v, nil
}

func (t *MessageTemplate) compileObject(at position, object map[string]any) (any, error) {
	if language, ok := object["language"].(string); ok {
		at.language = language
	}
	out := make(map[string]any, len(object))
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if strings.Contains(key, "{{") {
			return nil, fmt.Errorf("the name %q holds a placeholder; only values can", key)
		}
		inner := position{key: key, free: at.free || key == "payload" || key == "headers", language: at.language}
		if inner.free {
			inner.key = ""
		}
		compiled, err := t.compileValue(inner, object[key])
		if err != nil {
			return nil, err
		}
		out[key] = compiled
	}
	return out, nil
}

func (t *MessageTemplate) compileString(at position, text string) (any, error) {
	if at.key == spokenKey {
		t.spoken = append(t.spoken, text)
	}
	compiled, err := parseText(text, at.key)
	if strings.ContainsRune(text, 0) {
		err = errors.New("it holds a NUL character")
	}
	if err == nil {
		compiled.speech = speech{language: at.language}
		err = compiled.checkFilters()
	}
	if err == nil {
		err = compiled.checkSpoken(placeholder.ReplaceAllString(text, ""))
	}
	//guard:false campaign.TestMessageValidate: a row never chooses what is done or who is called
	if err == nil && len(compiled.parts) > 0 && !at.free {
		err = compiled.checkPlaceholders(text)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", at.key, err)
	case len(compiled.parts) == 0:
		return text, nil
	}
	t.texts = append(t.texts, compiled)
	return compiled, nil
}
