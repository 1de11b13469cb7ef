package voice

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Extra keeps unchanged the members that this package does not know, so that a document
// can be read and written again without loss.
type Extra map[string]json.RawMessage

// encodeBody marshals v without escaping &, < and >, because some servers do not unescape
// them in a URL. Nil means no body. A value that cannot be marshalled is an ErrInvalid,
// because another try would fail too.
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

// marshalTagged marshals members, with the member tag before them ("" for none)
// and the extra ones after them.
func marshalTagged(tag, name string, members any, extra Extra) ([]byte, error) {
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
		parts = append(parts, withoutBraces(head))
	}
	parts = append(parts, withoutBraces(body))
	if len(extra) > 0 {
		tail, err := encodeBody(extra)
		if err != nil {
			return nil, err
		}
		parts = append(parts, withoutBraces(tail))
	}
	parts = slices.DeleteFunc(parts, func(p []byte) bool { return len(p) == 0 })
	return append(append([]byte{'{'}, bytes.Join(parts, []byte{','})...), '}'), nil
}

func withoutBraces(object []byte) []byte { return object[1 : len(object)-1] }

// unmarshalTagged is the inverse. It fills members, a pointer to a struct, from
// the JSON object in raw. It returns the other members of the object, without the
// tag. Numbers and booleans may be written as strings: some clients do that, and Vonage
// accepts it.
func unmarshalTagged(raw []byte, tag string, members any) (Extra, error) {
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

// decodeExact fills members from known. Numbers in members of type any stay as
// they are written.
func decodeExact(known object, members any) error {
	exact, err := json.Marshal(known)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(exact))
	dec.UseNumber()
	return typeError(dec.Decode(members))
}

// unquoted removes the quotes from a number or boolean that is written as a
// string, if the field is one.
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

// typeError names the member that has the wrong type, without its value.
func typeError(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		kind, _, _ := strings.Cut(wrong.Value, " ") // for a number its text follows
		return fmt.Errorf("%s: must not be a %s", wrong.Field, kind)
	}
	return err
}

// without is all members except one.
func (o object) without(key string) Extra {
	rest := Extra(maps.Clone(o))
	delete(rest, key)
	if len(rest) == 0 {
		return nil
	}
	return rest
}
