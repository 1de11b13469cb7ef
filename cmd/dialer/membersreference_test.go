package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit/require"

	"github.com/goccy/go-yaml"
)

// member is one member of the campaign document, as its schema says it.
type member struct {
	path     string // such as message.say; KEY and WORD stand for any
	required bool
	schema   map[any]any
}

// members are all of a schema's, in its order.
func members(t *testing.T, schema, defs yaml.MapSlice, path string) (list []member) {
	t.Helper()
	required := fmt.Sprint(schema.ToMap()["required"])
	for _, item := range object(schema.ToMap()["properties"]) {
		part, name := object(item.Value), path+item.Key.(string)
		if object(part.ToMap()["properties"]) != nil && name != "message.languages" {
			list = append(list, members(t, part, defs, name+".")...)
			continue
		}
		list = append(list, member{name, strings.Contains(required, item.Key.(string)), part.ToMap()})
		switch name {
		case "message.keys":
			either := object(defs.ToMap()["key"]).ToMap()["anyOf"].([]any)
			list = append(list, members(t, object(either[1]), defs, name+".KEY.")...)
		case "message.languages":
			list = append(list[:len(list)-1], members(t, yaml.MapSlice{{Key: "properties", Value: part.ToMap()["properties"]}}, defs, name+".")...)
			list = append(list, members(t, object(defs.ToMap()["texts"]), defs, name+".WORD.")...)
		}
	}
	return list
}

func object(value any) yaml.MapSlice {
	m, _ := value.(yaml.MapSlice)
	return m
}

func documentMembers(t *testing.T) []member {
	t.Helper()
	var schema yaml.MapSlice
	require.NoError(t, yaml.UnmarshalWithOptions(campaign.DocumentSchema, &schema, yaml.UseOrderedMap()))
	return members(t, schema, object(schema.ToMap()["$defs"]), "")
}

// asJSON writes a value of the schema on one line.
func asJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := yaml.MarshalWithOptions(value, yaml.JSON())
	require.NoError(t, err)
	return strings.TrimSpace(string(text))
}

const allMembers = "\n## Every member\n"

// docs/campaigns.md ends with a table of every member: what it means, its default and
// an example.
func TestReferenceOfMembers(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/campaigns.md")
	require.NoError(t, err)
	own, _, _ := strings.Cut(string(page), allMembers)
	var table strings.Builder
	for _, m := range documentMembers(t) {
		meaning, _ := m.schema["description"].(string)
		examples, _ := m.schema["examples"].([]any)
		if meaning == "" || len(examples) != 1 {
			t.Errorf("%s needs a description and one example", m.path)
			continue
		}
		byDefault := "none"
		if value, has := m.schema["default"]; has {
			byDefault = "`" + asJSON(t, value) + "`"
		} else if m.required {
			byDefault = "required"
		}
		fmt.Fprintf(&table, "| `%s` | %s | `%s` | %s |\n", m.path, byDefault, strings.ReplaceAll(asJSON(t, examples[0]), "|", "\\|"), strings.NewReplacer("|", "\\|", "<", "&lt;").Replace(meaning))
	}
	keepReference(t, "../../docs/campaigns.md", own+allMembers+"\nAs the schema says them. A test makes this table, and reads each example and each default. KEY is any key, WORD a word of\n`languages.column`.\n\n| member | default | example | meaning |\n|---|---|---|---|\n"+table.String())
}

// beside are members that an example makes no sense without; null takes one away.
var beside = map[string]string{
	"message.ncco": `{"message": {"say": null, "keys": null}}`, "message.answer_url": `{"message": {"say": null, "keys": null}}`,
	"message.answer_method": `{"message": {"say": null, "keys": null, "answer_url": "https://example.com/answer"}}`,
	"message.confidence":    `{"message": {"words": {"yes": "1"}}}`,
	"message.opt_out.scope": `{"message": {"keys": {"9": "opt_out"}}}`,
	"call.machine_mode":     `{"call": {"machine": "continue"}}`,
	"call.beep_timeout":     `{"message": {"voicemail": "Hello."}}`,
	"people.together":       `{"people": {"key": "patient_id"}}`,
	"limits.connected":      `{"message": {"keys": {"0": "connect:442079460001"}}}`,
	"remind.column":         `{"remind": {"before": "2h"}}`, "remind.before": `{"remind": {"column": "appointment"}}`,
	"message.languages.WORD.voicemail": `{"message": {"voicemail": "Hello."}}`,
	"message.languages.WORD.keys":      `{"message": {"keys": {"1": {"result": "confirmed", "say": "Thanks."}}}}`,
	"message.languages.WORD.wrong":     `{"message": {"wrong": "No."}}`,
	"message.languages.WORD.silent":    `{"message": {"silent": "Bye."}}`,
	"message.languages.WORD.words":     `{"message": {"words": {"yes": "1"}}}`,
	"remind.merge":                     `{"remind": {"column": "appointment", "before": "2h"}}`,
}

// Each example is a document's, and each default is what a document without it means.
func TestExamplesOfMembers(t *testing.T) {
	t.Parallel()
	for _, m := range documentMembers(t) {
		examples, _ := m.schema["examples"].([]any)
		if len(examples) != 1 {
			continue // the reference says so
		}
		plain, _ := withMember(t, m.path, nil) // some cannot be missing
		given, err := withMember(t, m.path, examples[0])
		if err != nil {
			t.Errorf("%s: the example %s: %v", m.path, asJSON(t, examples[0]), err)
		}
		if given == plain && err == nil {
			t.Errorf("%s: the example %s changes nothing", m.path, asJSON(t, examples[0]))
		}
		value, has := m.schema["default"]
		if !has {
			continue
		}
		// What these do not say is filled in when a call is made.
		same, err := withMember(t, m.path, value)
		if err != nil || same != plain && !strings.HasPrefix(m.path, "message.") && !strings.HasPrefix(m.path, "limits.") {
			t.Errorf("%s: the default %s: %v, or it changes the settings:\n%s\n%s", m.path, asJSON(t, value), err, plain, same)
		}
	}
}

// withMember is what a small campaign is with one member more; nil: without it.
func withMember(t *testing.T, path string, value any) (string, error) {
	t.Helper()
	d := map[string]any{}
	merge(t, d, `{"name": "c", "from": ["442079460001"], "message": {"say": "Hello {{name}}.", "keys": {"1": "confirmed"}}, "people": {"country": "FR"}}`)
	merge(t, d, beside[path])
	if value != nil {
		in, names := d, strings.Split(strings.NewReplacer("KEY", "5", "WORD", "de").Replace(path), ".")
		if strings.Contains(path, "WORD") {
			merge(t, d, `{"message": {"languages": {"column": "lang", "de": {"say": "Hallo."}}}}`)
		}
		for _, name := range names[:len(names)-1] {
			if in[name] == nil {
				in[name] = map[string]any{}
			}
			in = in[name].(map[string]any)
		}
		in[names[len(names)-1]] = json.RawMessage(asJSON(t, value))
		if path == "message.languages.column" {
			in["de"] = map[string]any{"say": "Hallo."}
		}
		if path == "message.keys.KEY.say" {
			in["result"] = "confirmed"
		}
	}
	text, err := json.Marshal(d)
	require.NoError(t, err)
	document, err := campaign.ParseDocument("example", text)
	if err != nil {
		return "", err
	}
	s, err := document.Settings()
	s.Document = nil
	settings, failed := json.Marshal(s)
	require.NoError(t, failed)
	return fmt.Sprintf("%s %s %+v %s", document.Name, settings, document.People, document.Purpose), err
}

// merge puts the members of a JSON object into d.
func merge(t *testing.T, d map[string]any, text string) {
	t.Helper()
	if text == "" {
		return
	}
	var more map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &more))
	for name, value := range more {
		in, isObject := value.(map[string]any)
		switch old, has := d[name].(map[string]any); {
		case value == nil:
			delete(d, name)
		case isObject && has:
			inner, err := json.Marshal(in)
			require.NoError(t, err)
			merge(t, old, string(inner))
		default:
			d[name] = value
		}
	}
}
