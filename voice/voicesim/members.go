package voicesim

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// given are the names of the members that an object has.
type given map[string]bool

// readMembers fills v, a pointer to a struct, from a JSON object, member by member, so
// that a problem names its member. Members that the struct does not have, and those in
// ignored, are left out. A struct with a field of type given gets the names.
func readMembers(raw []byte, v any, ignored ...string) (problems, bool) {
	var o map[string]json.RawMessage
	if json.Unmarshal(raw, &o) != nil || o == nil {
		return nil, false
	}
	for _, name := range ignored {
		delete(o, name)
	}
	var c problems
	c.fill(o, reflect.ValueOf(v).Elem())
	return c, true
}

func (c *problems) fill(o map[string]json.RawMessage, target reflect.Value) {
	for i := range target.NumField() {
		field, value := target.Type().Field(i), target.Field(i)
		name := field.Tag.Get("json")
		switch {
		case field.Type == reflect.TypeFor[given]():
			names := given{}
			for name := range o {
				names[name] = true
			}
			value.Set(reflect.ValueOf(names))
		case field.Anonymous:
			c.fill(o, value)
		case name != "" && o[name] != nil:
			text := strings.TrimSpace(string(o[name]))
			err := json.Unmarshal(o[name], value.Addr().Interface())
			c.require(err == nil && text != "null", name, "has the wrong type")
		}
	}
}

// nested adds the problems of a part.
func (c *problems) nested(part problems) { *c = append(*c, part...) }

// word checks a member that can only have some values.
func (c *problems) word(g given, name, value string, allowed ...string) {
	c.require(!g[name] || slices.Contains(allowed, value), name, "must be one of "+strings.Join(allowed, ", "))
}
