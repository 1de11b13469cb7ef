package campaign

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const dental = `name: dental-reminders
purpose: reminder
from: ["442079460000"]
message:
  language: en-GB
  say: "Hello {{name}}. Press 1 to confirm, 2 to cancel, 3 to hear this again, 9 not to be called again."
  voicemail: "Hello {{name}}, please call us back."
  keys: {"1": {result: confirmed, say: "Thank you."}, "2": cancelled, "3": repeat, 9: opt_out, "0": {connect: "+44 20 7946 0001"}}
  wrong: "Sorry, that key does nothing."
  silent: "Please press a key."
  tries: 2
  wait: 7s
  opt_out: {scope: campaign}
  languages: {column: lang, de: {say: "Guten Tag {{name}}.", voicemail: "Bitte rufen Sie an.", keys: {"1": "Danke."}, wrong: "Nein.", silent: "Bitte."}}
call: {ringing_timer: 40, length_timer: 120}
people: {numbers: mobile, country: GB, countries: [GB, IE], date_format: DD/MM/YYYY, zone: tz, call_at: when}
again: {until: heard, attempts: 4, after: {busy: [10m], unanswered: 1h, unheard: 1d}}
when: {start: 2026-12-01T09:00, hours: {mon-sun: "09:00-18:00"}, except: [2026-12-25], margin: 3m, zone: Europe/London}
`

func TestDocument(t *testing.T) {
	t.Parallel()
	d, err := ParseDocument("dental.yaml", []byte(dental))
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Settings()
	if err != nil {
		t.Fatal(err)
	}
	stored := got.Document
	got.Document = nil
	hours := Daily(540, 1080)
	hours.Except, hours.Margin = []string{"2026-12-25"}, 3*time.Minute
	want := Settings{
		From: []string{"442079460000"},
		Message: Message{
			Language:  "en-GB",
			Say:       "Hello {{name}}. Press 1 to confirm, 2 to cancel, 3 to hear this again, 9 not to be called again.",
			Voicemail: "Hello {{name}}, please call us back.",
			Keys: map[string]Key{
				"1": {Result: "confirmed", Say: "Thank you."}, "2": {Result: "cancelled"}, "3": {Repeat: true}, "9": {OptOut: true}, "0": {Connect: "442079460001"},
			},
			Wrong: "Sorry, that key does nothing.", Silent: "Please press a key.", Tries: 2, Wait: 7, OptOut: OptOutCampaign, DateFormat: "DD/MM/YYYY",
			Languages: &Languages{Column: "lang", Texts: map[string]Texts{"de": {
				Say: "Guten Tag {{name}}.", Voicemail: "Bitte rufen Sie an.", Keys: map[string]string{"1": "Danke."}, Wrong: "Nein.", Silent: "Bitte.",
			}}},
		},
		Start: time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC), Hours: hours, Zone: "Europe/London",
		Retry:   Policy{Attempts: 4, Again: map[Disposition]time.Duration{Busy: 10 * time.Minute, Unanswered: time.Hour, Timeout: time.Hour, Failed: time.Hour, Unheard: 24 * time.Hour}, Until: UntilHeard},
		Machine: "continue", MachineMode: "default", RingingTimer: 40, LengthTimer: 120, Countries: Countries{"GB", "IE"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"to": "mobile", "zone": "tz", "call_at": "when"}, d.Columns()); diff != "" {
		t.Error(diff)
	}
	// The stored form and its printed form mean the same.
	again, err := ParseDocument("", stored)
	if err != nil {
		t.Fatalf("%s: %v", stored, err)
	}
	text, err := again.YAML()
	if err != nil {
		t.Fatal(err)
	}
	printed, err := ParseDocument("printed", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	back, err := printed.Settings()
	back.Document = nil
	if diff := cmp.Diff(want, back); diff != "" || err != nil {
		t.Errorf("printed: %v (-want +got)\n%s\n%s", err, diff, text)
	}
}

// Each mistake is shown with its line.
func TestDocumentMistakes(t *testing.T) {
	t.Parallel()
	for change, want := range map[string]string{
		"purpose: reminder>>porpoise: reminder":                                      `c.yaml:2: "porpoise" is not a member`,
		"purpose: reminder>>purpose: fun":                                            `c.yaml:2: "fun" is none of`,
		"  tries: 2>>  trys: 2":                                                      `c.yaml:11: "trys" is not a member`,
		"  tries: 2>>  tries: 20":                                                    "c.yaml:11: tries: 20 is not between",
		"  tries: 2>>  tries: many":                                                  "c.yaml:11: ",
		"  wait: 7s>>  wait: 7":                                                      `c.yaml:12: "7": want a time`,
		"  wait: 7s>>  wait: 11s":                                                    "c.yaml:12: wait: want whole seconds",
		"{scope: campaign}>>{scope: house}":                                          `c.yaml:13: opt out: "house"`,
		`"2": cancelled>>"2": {}`:                                                    "c.yaml:8: keys.2: it does nothing",
		`"2": cancelled>>"12": cancelled`:                                            "c.yaml:8: keys.12: want one of",
		`"2": cancelled>>"2": {result: cancelled, repeat: true}`:                     "c.yaml:8: keys.2.result",
		`"2": cancelled>>"2": {result: Cancelled it}`:                                "c.yaml:8: keys.2.result",
		`"2": cancelled>>"2": {resalt: cancelled}`:                                   `c.yaml:8: "resalt" is not a member`,
		`"2": cancelled>>"2": {end: true, repeat: true}`:                             "c.yaml:8: keys.2: want one of repeat",
		`connect: "+44 20 7946 0001">>connect: "{{desk}}"`:                           "c.yaml:8: keys.0.connect",
		`say: "Hello {{name}}. P>>say: "Hello {{name. P`:                             "c.yaml:6: say: a {{ is not closed",
		`, wrong: "Nein."`:                                                           "c.yaml:14: languages.de: wrong is said in one",
		`keys: {"1": "Danke."}>>keys: {"1": "Danke.", "7": "Ja."}`:                   "c.yaml:14: languages.de.keys.7: the message has no such key",
		"call: {>>call: {machine: hangup, ":                                          "c.yaml:7: nothing is left on a machine",
		"call: {>>call: {machine: continue, machine_mode: detect_beep, ":             "c.yaml:7: machine mode detect_beep",
		"ringing_timer: 40>>ringing_timer: 400":                                      "c.yaml:15: ringing timer: 400 s",
		"numbers: mobile>>numbers: [mobile, mobile]":                                 "c.yaml:16: column 2 of numbers",
		"country: GB>>country: XX":                                                   "c.yaml:16: ",
		"until: heard>>until: asleep":                                                `c.yaml:17: "asleep": want`,
		"busy: [10m]>>busy: [10m, 900h]":                                             "c.yaml:17: the wait must lie between",
		"busy: [10m]>>engaged: 10m":                                                  "c.yaml:17: want none, or word=wait",
		"attempts: 4>>attempts: 40":                                                  "c.yaml:17: attempts: 40",
		`{mon-sun: "09:00-18:00"}>>{someday: "09:00-18:00"}`:                         "c.yaml:18: ",
		"margin: 3m>>margin: 3x":                                                     "c.yaml:18: ",
		"[2026-12-25]>>[Xmas]":                                                       "c.yaml:18: ",
		`{mon-sun: "09:00-18:00"}>>"18:00-09:00"`:                                    "c.yaml:18: ",
		"zone: Europe/London>>zone: recipient":                                       "c.yaml:18: ",
		"zone: Europe/London>>ring: 3":                                               `c.yaml:18: "ring" is not a member`,
		`from: ["442079460000"]>>from: ["02079460000"]`:                              "c.yaml:3: number 1",
		"name: dental-reminders>>limits: {per_second: 2.5}\nname: d":                 "c.yaml:1: per second: want a whole number",
		"name: dental-reminders>>remind: {column: appointment, before: 1h}\nname: d": "c.yaml:17: with remind it is the reminders",
		"name: dental-reminders>>name: d\nname: e":                                   "c.yaml:2: ",
		"name: dental-reminders>>name: &a d":                                         "c.yaml:1: anchors",
		"  tries: 2>>  tries: 2\n  answer_url: https://example.com/":                 "message: want exactly one",
		"when: {>>when: [":                                                           "c.yaml:18",
	} {
		from, to, found := strings.Cut(change, ">>")
		text := strings.Replace(dental, from, to, 1)
		if !found {
			text = strings.Replace(dental, from, "", 1)
		}
		d, err := ParseDocument("c.yaml", []byte(text))
		if err == nil {
			_, err = d.Settings()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n got %v\nwant %s", change, err, want)
		}
	}
}

// A mistake in a flag names the flag. A column that the file of people lacks is shown
// where the message names it.
func TestDocumentPlaces(t *testing.T) {
	t.Parallel()
	d, err := ParseDocument("c.yaml", []byte(dental))
	if err != nil {
		t.Fatal(err)
	}
	if got := d.AtPlaceholder("name", os.ErrNotExist).Error(); !strings.HasPrefix(got, "c.yaml:6: ") {
		t.Error(got)
	}
	if got := d.AtPlaceholder("lang", os.ErrNotExist).Error(); !strings.HasPrefix(got, "c.yaml:14: ") {
		t.Error(got)
	}
	d.Call.RingingTimer = new(500)
	d.FromFlag("call.ringing_timer", "--ringing-timer")
	if _, err := d.Settings(); err == nil || !strings.HasPrefix(err.Error(), "--ringing-timer: ") {
		t.Error(err)
	}
}

// The schema has the document's members, and says which of them are not supported.
func TestDocumentSchema(t *testing.T) {
	t.Parallel()
	var schema schemaPart
	if err := json.Unmarshal(DocumentSchema, &schema); err != nil {
		t.Fatal(err)
	}
	compareMembers(t, "", schema, schema.Defs, reflect.TypeFor[Document]())
	compareMembers(t, "key", schema.Defs["key"].AnyOf[1], schema.Defs, reflect.TypeFor[keyMembers]())
	compareMembers(t, "texts", schema.Defs["texts"], schema.Defs, reflect.TypeFor[languageMembers]())
}

type schemaPart struct {
	Properties           map[string]schemaPart
	AdditionalProperties any
	Defs                 map[string]schemaPart `json:"$defs"`
	AnyOf                []schemaPart
	Description          string
}

func compareMembers(t *testing.T, path string, schema schemaPart, defs map[string]schemaPart, of reflect.Type) {
	t.Helper()
	var members []string
	for field := range of.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if name == "" {
			continue
		}
		members = append(members, name)
		part := schema.Properties[name]
		if part.Description == "" {
			t.Errorf("%s.%s has no description", path, name)
		}
		if field.Type.Kind() == reflect.Struct && field.Type != reflect.TypeFor[documentHours]() {
			compareMembers(t, path+"."+name, part, defs, field.Type)
		}
	}
	var described []string
	for name := range schema.Properties {
		described = append(described, name)
	}
	slices.Sort(members)
	slices.Sort(described)
	if diff := cmp.Diff(members, described); diff != "" || schema.AdditionalProperties != false {
		t.Errorf("%s: additional %v (-document +schema)\n%s", path, schema.AdditionalProperties, diff)
	}
}

func FuzzParseDocument(f *testing.F) {
	f.Add([]byte(dental))
	f.Add([]byte(`{"name":"x","from":["1"],"message":{"say":"x","keys":{"1":"repeat"}}}`))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := ParseDocument("f", text)
		if err == nil {
			_, _ = d.Settings()
		}
	})
}

// People's zones were stored when their rows were read, so no edit changes which clock
// the hours use.
func TestEditOfTheZone(t *testing.T) {
	t.Parallel()
	for _, of := range []struct {
		was, now string
		refused  bool
	}{
		{"", "recipient", false}, {"Europe/London", "europe/london", false},
		{"", "Europe/London", true}, {"Europe/London", "recipient", true}, {"Europe/London", "Europe/Paris", true},
	} {
		var was, now Document
		was.When.Zone, now.When.Zone = of.was, of.now
		err := was.CheckEdit(now)
		if (err != nil) != of.refused || err != nil && !strings.Contains(err.Error(), "when.zone cannot be changed") {
			t.Errorf("from %q to %q: %v", of.was, of.now, err)
		}
	}
}
