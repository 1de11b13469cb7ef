package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit/require"
)

// member is one member of the campaign document, as its schema describes it.
type member struct {
	path     string // such as message.say; KEY and WORD stand for any
	required bool
	schemaPart
}

type schemaPart struct {
	Description string
	Required    []string
	Default     json.RawMessage
	Examples    []json.RawMessage
	Properties  json.RawMessage
	AnyOf       []schemaPart
	Defs        map[string]schemaPart `json:"$defs"`
}

// members are all members of a part, in the schema's order.
func members(t *testing.T, part schemaPart, defs map[string]schemaPart, path string) (list []member) {
	t.Helper()
	properties := json.NewDecoder(bytes.NewReader(part.Properties))
	_, err := properties.Token()
	require.NoError(t, err)
	for properties.More() {
		name, err := properties.Token()
		require.NoError(t, err)
		var of schemaPart
		require.NoError(t, properties.Decode(&of))
		full := path + name.(string)
		switch {
		case full == "message.languages":
			list = append(list, members(t, of, defs, full+".")...)
			list = append(list, members(t, defs["texts"], defs, full+".WORD.")...)
			continue
		case of.Properties != nil:
			list = append(list, members(t, of, defs, full+".")...)
			continue
		}
		list = append(list, member{full, slices.Contains(part.Required, name.(string)), of})
		if full == "message.keys" {
			list = append(list, members(t, defs["key"].AnyOf[1], defs, full+".KEY.")...)
		}
	}
	return list
}

func documentMembers(t *testing.T) []member {
	t.Helper()
	var schema schemaPart
	require.NoError(t, json.Unmarshal(campaign.DocumentSchema, &schema))
	return members(t, schema, schema.Defs, "")
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
		if m.Description == "" || len(m.Examples) != 1 {
			t.Errorf("%s needs a description and one example", m.path)
			continue
		}
		byDefault := "none"
		if m.Default != nil {
			byDefault = "`" + string(m.Default) + "`"
		} else if m.required {
			byDefault = "required"
		}
		fmt.Fprintf(&table, "| `%s` | %s | `%s` | %s |\n", m.path, byDefault, strings.ReplaceAll(string(m.Examples[0]), "|", "\\|"), strings.NewReplacer("|", "\\|", "<", "&lt;").Replace(m.Description))
	}
	keepReference(t, "../../docs/campaigns.md", own+allMembers+"\nAs the schema says them. A test makes this table, and reads each example and each default. KEY is any key, WORD a word of\n`languages.column`.\n\n| member | default | example | meaning |\n|---|---|---|---|\n"+table.String())
}

// beside are members that an example needs; null removes one.
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

// Each example is valid in a document, and each default is the meaning of a document
// without the member.
func TestExamplesOfMembers(t *testing.T) {
	t.Parallel()
	for _, m := range documentMembers(t) {
		if len(m.Examples) != 1 {
			continue // the reference says so
		}
		plain, _ := withMember(t, m.path, nil) // some cannot be missing
		given, err := withMember(t, m.path, m.Examples[0])
		if err != nil {
			t.Errorf("%s: the example %s: %v", m.path, m.Examples[0], err)
		}
		if given == plain && err == nil {
			t.Errorf("%s: the example %s changes nothing", m.path, m.Examples[0])
		}
		if m.Default == nil {
			continue
		}
		// The other settings are filled in when a call is made.
		same, err := withMember(t, m.path, m.Default)
		if err != nil || same != plain && !strings.HasPrefix(m.path, "message.") && !strings.HasPrefix(m.path, "limits.") {
			t.Errorf("%s: the default %s: %v, or it changes the settings:\n%s\n%s", m.path, m.Default, err, plain, same)
		}
	}
}

// withMember is a small campaign's settings with one more member; nil: without it.
func withMember(t *testing.T, path string, value json.RawMessage) (string, error) {
	t.Helper()
	document, err := documentWith(t, path, value)
	if err != nil {
		return "", err
	}
	s, err := document.Settings()
	s.Document = nil
	settings, failed := json.Marshal(s)
	require.NoError(t, failed)
	return fmt.Sprintf("%s %s %+v %s", document.Name, settings, document.People, document.Purpose), err
}

// documentWith is the document of a small campaign with one more member.
func documentWith(t *testing.T, path string, value json.RawMessage) (campaign.Document, error) {
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
		in[names[len(names)-1]] = value
		if path == "message.languages.column" {
			in["de"] = map[string]any{"say": "Hallo."}
		}
		if path == "message.keys.KEY.say" {
			in["result"] = "confirmed"
		}
	}
	text, err := json.Marshal(d)
	require.NoError(t, err)
	return campaign.ParseDocument("example", text)
}

// An edit that changes any member of the document changes the campaign, or is refused
// with the member's name. No member is accepted and then dropped.
func TestEditOfEachMember(t *testing.T) {
	t.Parallel()
	for _, m := range documentMembers(t) {
		if len(m.Examples) != 1 {
			continue // the reference says so
		}
		plain, err := documentWith(t, m.path, nil)
		require.NoError(t, err)
		given, err := documentWith(t, m.path, m.Examples[0])
		require.NoError(t, err)
		if _, err := plain.Settings(); err != nil { // it needs the part of the example
			plain, err = documentWith(t, "", nil)
			require.NoError(t, err)
		}
		for _, edit := range [][2]campaign.Document{{plain, given}, {given, plain}} {
			refused := edit[0].CheckEdit(edit[1])
			if refused != nil && !strings.HasPrefix(m.path, strings.Fields(refused.Error())[0]) {
				t.Errorf("%s: the refusal names something else: %v", m.path, refused)
			}
			if refused == nil && len(asStored(t, edit[0]).Changes(asStored(t, edit[1]))) == 0 {
				t.Errorf("%s: an edit is taken, and changes nothing", m.path)
			}
		}
	}
}

// asStored are the document's settings after storing and reading them.
func asStored(t *testing.T, d campaign.Document) (stored campaign.Settings) {
	t.Helper()
	s, err := d.Settings()
	require.NoError(t, err)
	text, err := json.Marshal(s)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &stored))
	stored.Document = s.Document
	return stored
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
