package voice

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// NCCO is a call control object: the actions of a call, in order.
type NCCO []Action

// Action is one step of an NCCO, such as Talk.
type Action interface {
	check() problems
}

// ParseNCCO reads an NCCO. Marshalling the result gives the same NCCO: unknown
// members and actions stay as they are. Validate says whether Vonage would take
// it.
func ParseNCCO(raw []byte) (NCCO, error) {
	var n NCCO
	if err := json.Unmarshal(raw, &n); err != nil {
		return nil, fmt.Errorf("read ncco: %w", err)
	}
	return n, nil
}

// Unknown lists the actions and members that this package does not know, by their
// paths. The API grows, so Validate does not refuse them; most are mistyped.
func (n NCCO) Unknown() (paths []string) {
	for i, action := range n {
		path := fmt.Sprintf("ncco[%d]", i)
		if action, ok := action.(unknownAction); ok {
			paths = append(paths, fmt.Sprintf("%s: the action %q", path, action.name))
			continue
		}
		paths = unknownMembers(paths, path, reflect.ValueOf(action))
	}
	return paths
}

// unknownMembers adds the members that v, part of an action, and its parts have in
// Extra.
func unknownMembers(paths []string, path string, v reflect.Value) []string {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if e, ok := v.Interface().(unknownEndpoint); ok {
			return append(paths, fmt.Sprintf("%s: the type %q", path, e.kind))
		}
		return unknownMembers(paths, path, v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			paths = unknownMembers(paths, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		}
	case reflect.Struct:
		for field, value := range v.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if extra, ok := value.Interface().(Extra); ok {
				for _, member := range slices.Sorted(maps.Keys(extra)) {
					paths = append(paths, fmt.Sprintf("%s: the member %q", path, member))
				}
				continue
			}
			if value.Kind() != reflect.Slice || value.Type().Elem().Kind() != reflect.Uint8 {
				paths = unknownMembers(paths, path+"."+name, value)
			}
		}
	}
	return paths
}

// Connects is how many legs the NCCO may open. Each counts as a new call in the
// account's limit.
func (n NCCO) Connects() (legs int) {
	for _, action := range n {
		if _, ok := action.(Connect); ok {
			legs++
		}
	}
	return legs
}

// UnmarshalJSON reads each action into its own type.
func (n *NCCO) UnmarshalJSON(raw []byte) error {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil || list == nil {
		return errors.New("not a JSON array of actions")
	}
	*n = make(NCCO, 0, len(list))
	for i, item := range list {
		action, err := parseAction(item)
		if err != nil {
			return fmt.Errorf("action %d: %w", i, err)
		}
		*n = append(*n, action)
	}
	return nil
}

// Validate reports every member that breaks a limit of the API, with the limit.
func (n NCCO) Validate() error { return n.check().err() }

func (n NCCO) check() (p problems) {
	if len(n) == 0 {
		p.add("ncco", "must have at least one action")
	}
	for i, action := range n {
		if action == nil {
			p.add(fmt.Sprintf("ncco[%d]", i), "is nil")
			continue
		}
		p.within(fmt.Sprintf("ncco[%d]", i), action.check())
	}
	return p
}

// readers reads each action by its name.
var readers = map[string]func([]byte) (Action, error){
	"talk":         read[Talk],
	"stream":       read[Stream],
	"input":        read[Input],
	"record":       read[Record],
	"connect":      read[Connect],
	"conversation": read[Conversation],
	"notify":       read[Notify],
	"wait":         read[Wait],
	"transfer":     read[Transfer],
}

func parseAction(raw []byte) (Action, error) {
	o, err := parseObject(raw)
	if err != nil {
		return nil, err
	}
	name := scalar(o["action"])
	if name == "" {
		return nil, errors.New("has no action member")
	}
	if reader, ok := readers[name]; ok {
		return reader(raw)
	}
	return unknownAction{name, o.without("action")}, nil
}

// read unmarshals one action into its type.
func read[A Action](raw []byte) (Action, error) {
	var a A
	if err := json.Unmarshal(raw, &a); err != nil {
		return nil, err
	}
	return a, nil
}

// unknownAction is an action that this package does not know. It is written as it
// was read.
type unknownAction struct {
	name  string
	extra Extra
}

func (a unknownAction) check() problems { return nil }

// MarshalJSON writes the action as it was read.
func (a unknownAction) MarshalJSON() ([]byte, error) {
	return marshalTagged("action", a.name, struct{}{}, a.extra)
}
