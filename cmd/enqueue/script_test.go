package main

import "testing"

// The dry run shows everything that a call may say, in the language of the row: the
// replies to each key, a wrong key and no key, the text for machines, the length and the
// voice.
func TestDryRunShowsTheDialogue(t *testing.T) {
	t.Parallel()
	document := write(t, `
name: clinic
from: ["442079460000"]
message:
  language: en-GB
  say: "Hello {{name}}, press 1 to confirm."
  voicemail: "Please call us back, {{name}}."
  keys: {"1": {result: confirmed, say: "Thank you, {{name}}."}, "3": repeat, "9": opt_out, "0": {connect: "442079460001"}, "5": end}
  wrong: "That key does nothing."
  silent: "Are you there?"
  tries: 2
  wait: 4s
  languages:
    column: lang
    de:
      say: "Guten Tag {{name}}, zum Bestätigen die 1."
      voicemail: "Bitte rufen Sie zurück, {{name}}."
      keys: {"1": "Danke, {{name}}."}
      wrong: "Diese Taste tut nichts."
      silent: "Sind Sie noch da?"
people: {country: GB}
`)
	people := write(t, "to,name,lang\n+447700900101,Ann,\n+447700900102,Bert,de\n")
	command(t, nil, "--campaign", document, "--dry-run", people).ok(t).prints(t,
		"The message of line 2:", "says       Hello Ann, press 1 to confirm.",
		`key 0      is put through to 442079460001`, `key 1      result confirmed, says "Thank you, Ann.", the call ends`,
		"key 3      the message again", `key 5      the call ends`,
		`key 9      opts out, says "You will not be called again. Goodbye.", the call ends`,
		"wrong key  That key does nothing.", "no key     Are you there?", "waits      4 s for a key, 2 times at most",
		"voicemail  Please call us back, Ann.", "takes      about 2s to say, the voicemail about 2s", "voice      Vonage's for en-GB")
	command(t, nil, "--campaign", document, "--dry-run", "--test-row", "2", people).ok(t).prints(t,
		"The message of line 3:", "says       Guten Tag Bert, zum Bestätigen die 1.", `says "Danke, Bert."`,
		`opts out, says "Sie werden nicht mehr angerufen. Auf Wiederhören."`, "wrong key  Diese Taste tut nichts.",
		"no key     Sind Sie noch da?", "voicemail  Bitte rufen Sie zurück, Bert.", "voice      Vonage's for de")
}
