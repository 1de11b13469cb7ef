package voice

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
)

// Extra holds the members of an action that this package does not know, as
// they came, so that what was read can be written again without loss.
type Extra map[string]json.RawMessage

// encodeBody marshals without escaping &, < and >, which some peers would not
// undo in a URL. Nil is no body. What cannot be marshalled is ErrInvalid: it
// would be no different another time.
func encodeBody(v any) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("%w: it cannot be written as JSON: %w", ErrInvalid, err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// tagged marshals members with one more, named tag, in front ("" for none)
// and the extra ones behind.
func tagged(tag, name string, members any, extra Extra) ([]byte, error) {
	body, err := encodeBody(members)
	if err != nil {
		return nil, err
	}
	parts := make([][]byte, 0, 3)
	if tag != "" {
		head, err := encodeBody(map[string]string{tag: name})
		if err != nil {
			return nil, err
		}
		parts = append(parts, inside(head))
	}
	parts = append(parts, inside(body))
	if len(extra) > 0 {
		tail, err := encodeBody(extra)
		if err != nil {
			return nil, err
		}
		parts = append(parts, inside(tail))
	}
	parts = withoutEmpty(parts)
	return append(append([]byte{'{'}, bytes.Join(parts, []byte{','})...), '}'), nil
}

func inside(object []byte) []byte { return object[1 : len(object)-1] }

func withoutEmpty(parts [][]byte) [][]byte {
	kept := parts[:0]
	for _, p := range parts {
		if len(p) > 0 {
			kept = append(kept, p)
		}
	}
	return kept
}

// untagged is the way back: it fills members, a pointer to a struct, from the
// JSON object in raw, and returns the members that the struct does not have.
// The tag is dropped. Numbers and booleans may be written as strings, as some
// clients do and Vonage takes.
func untagged(raw []byte, tag string, members any) (Extra, error) {
	o, err := parseObject(raw)
	if err != nil {
		return nil, err
	}
	rest := Extra(maps.Clone(o))
	delete(rest, tag)
	known := make(object)
	for field := range reflect.TypeOf(members).Elem().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		value, ok := rest[name]
		if !ok || name == "-" {
			continue
		}
		known[name] = unquoted(value, field.Type)
		delete(rest, name)
	}
	if len(rest) == 0 {
		rest = nil
	}
	return rest, decodeExact(known, members)
}

// decodeExact fills members from known, and keeps numbers in open members as
// they are written.
func decodeExact(known object, members any) error {
	exact, err := json.Marshal(known)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(exact))
	dec.UseNumber()
	return shapeError(dec.Decode(members))
}

// unquoted takes the quotes off a number or boolean that is written as a
// string, where one is wanted.
func unquoted(raw json.RawMessage, want reflect.Type) json.RawMessage {
	if want.Kind() == reflect.Pointer {
		want = want.Elem()
	}
	switch want.Kind() {
	case reflect.Bool, reflect.Int, reflect.Float64:
	default:
		return raw
	}
	var s string
	if json.Unmarshal(raw, &s) == nil && json.Valid([]byte(s)) {
		return json.RawMessage(s)
	}
	return raw
}

// shapeError names the member that has the wrong kind, without its value.
func shapeError(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		kind, _, _ := strings.Cut(wrong.Value, " ") // a number's own text follows
		return fmt.Errorf("%s: must not be a %s", wrong.Field, kind)
	}
	return err
}

func (o object) without(key string) Extra {
	rest := Extra(maps.Clone(o))
	delete(rest, key)
	if len(rest) == 0 {
		return nil
	}
	return rest
}
