package provider

import (
	"encoding/json"
	"strings"
	"testing"

	"dialer/campaign"
	"dialer/voice"

	"github.com/google/go-cmp/cmp"
)

// Each key, silence and a wrong key are answered as the message says.
func TestAnswerInput(t *testing.T) {
	t.Parallel()
	menu := campaign.Message{
		Say: "Hello {{name}}.", Voicemail: "Call us back, {{name}}.", Wrong: "Sorry.", Silent: "Are you there?", Tries: 2, Wait: 3,
		Keys: map[string]campaign.Key{
			"1": {Result: "confirmed", Say: "Thank you, {{name}}."}, "2": {Result: "cancelled"}, "3": {Repeat: true},
			"4": {Connect: "442079460001", Say: "One moment."}, "5": {Connect: "sip:desk@example.com"}, "6": {End: true}, "9": {OptOut: true},
		},
	}
	bare := menu
	bare.Wrong, bare.Silent = "", ""
	first, early, last := campaign.Turn{No: 1, Try: 1}, campaign.First, campaign.Turn{No: 2, Try: 2}
	const sorry = "talk We are sorry, this call cannot be continued. Goodbye." // where no answer comes
	message := []string{"talk Hello Ann.", "input early 0s", "input 3s", sorry, "notify"}
	for _, test := range []struct {
		name    string
		message campaign.Message
		at      campaign.Turn
		pressed string
		want    []string
	}{
		{"a result", menu, first, "1", []string{"talk Thank you, Ann."}},
		{"a result without a word", menu, first, "2", []string{"wait"}},
		{"repeat", menu, first, "3", message},
		{"connect to a number", menu, first, "4", []string{"talk One moment.", "connect phone 442079460001"}},
		{"connect to a desk", menu, first, "5", []string{"connect sip sip:desk@example.com"}},
		{"end", menu, first, "6", []string{"wait"}},
		{"opt out", menu, first, "9", []string{"talk You will not be called again. Goodbye."}},
		{"a wrong key", menu, first, "7", []string{"talk Sorry.", "input 3s", sorry, "notify"}},
		{"a wrong key, without a text for it", bare, first, "7", message},
		{"silence while the message is spoken", menu, early, "", []string{"notify", "input played 3s", sorry, "notify"}},
		{"silence", menu, first, "", []string{"talk Are you there?", "input 3s", sorry, "notify"}},
		{"silence, without a text for it", bare, first, "", []string{"wait"}},
		{"silence at the last try", menu, last, "", []string{"wait"}},
		{"a wrong key at the last try", menu, last, "7", []string{"wait"}},
		{"repeat, for ever", menu, campaign.Turn{No: 24, Try: 1}, "3", []string{"wait"}},
	} {
		p := placement(test.message)
		p.Vars = map[string]string{"name": "Ann"}
		got, err := AnswerInput("https://dialer.test", p, test.at, test.pressed, nil)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if diff := cmp.Diff(test.want, inWords(t, got.NCCO)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if optOut := test.pressed == "9"; (got.Said.OptOut == campaign.OptOutAll) != optOut {
			t.Errorf("%s: opts out of %q", test.name, got.Said.OptOut)
		}
	}
}

// A machine hears its own text: at once after the beep, or after waiting for the beep.
func TestVoicemailNCCO(t *testing.T) {
	t.Parallel()
	for beeped, want := range map[bool][]string{true: {"talk Call back.", "notify"}, false: {"wait", "talk Call back.", "notify"}} {
		n, err := VoicemailNCCO("https://dialer.test", placement(campaign.Message{Say: "Hello.", Voicemail: "Call back."}), beeped)
		if diff := cmp.Diff(want, inWords(t, n)); err != nil || diff != "" {
			t.Errorf("beeped %t: %v (-want +got):\n%s", beeped, err, diff)
		}
	}
	if n, err := VoicemailNCCO("https://dialer.test", placement(campaign.Message{Say: "Hello."}), true); n != nil || err != nil {
		t.Errorf("without a text for machines: %v, %v", n, err)
	}
}

// inWords names each action of an NCCO with its important values; nil for none.
func inWords(t *testing.T, n voice.NCCO) (words []string) {
	t.Helper()
	raw, err := json.Marshal(n)
	if err != nil {
		t.Fatal(err)
	}
	var actions []struct {
		Action, Text string
		EventURL     []string
		DTMF         struct{ TimeOut json.Number }
		Endpoint     []struct{ Type, Number, URI string }
	}
	if err := json.Unmarshal(raw, &actions); err != nil {
		t.Fatal(err)
	}
	for _, a := range actions {
		word := a.Action
		switch a.Action {
		case "talk":
			word += " " + a.Text
		case "input":
			if strings.Contains(a.EventURL[0], "early=1") {
				word += " early"
			}
			if strings.Contains(a.EventURL[0], "played=1") {
				word += " played"
			}
			word += " " + a.DTMF.TimeOut.String() + "s"
		case "connect":
			if !strings.Contains(a.EventURL[0], "/webhooks/event?attempt="+attempt+"&leg=1") {
				t.Errorf("the events of a leg come to %s", a.EventURL[0])
			}
			word += " " + a.Endpoint[0].Type + " " + a.Endpoint[0].Number + a.Endpoint[0].URI
		}
		words = append(words, word)
	}
	return words
}

// A person who tests a campaign on their own telephone hears the text of the opt-out, but
// is not suppressed.
func TestTestCallOptsNobodyOut(t *testing.T) {
	t.Parallel()
	p := campaign.Placement{
		Attempt:  campaign.Attempt{Kind: campaign.ManualCall, To: "447700900101", From: "442079460000"},
		Settings: campaign.Settings{Message: campaign.Message{Say: "Hello", Keys: map[string]campaign.Key{"9": {OptOut: true}}}},
	}
	for kind, want := range map[campaign.AttemptKind]campaign.OptOutScope{campaign.ManualCall: "", campaign.CampaignCall: campaign.OptOutAll} {
		p.Attempt.Kind = kind
		a, err := AnswerInput("https://dialer.example", p, campaign.First, "9", nil)
		if err != nil || a.Said.OptOut != want || len(a.NCCO) != 1 {
			t.Errorf("%s: %+v, %v, want the scope %q", kind, a, err, want)
		}
	}
}

// A sound is played in place of a text, a word acts like its key, and a key can start a
// recording. A person who presses a key after the message was played has heard it, even
// if that notice was lost.
func TestSoundsWordsAndRecordings(t *testing.T) {
	t.Parallel()
	m := campaign.Message{
		Say: "stream:https://sounds.test/{{file}}.mp3", Wrong: "stream:https://sounds.test/sorry.mp3", Loop: 2, Level: .5, Language: "en-GB",
		Keys:  map[string]campaign.Key{"1": {Result: "comes", Say: "Thank you."}, "5": {Result: "question", Say: "Speak.", Record: 60}},
		Words: map[string]string{"Yes!": "1", "question": "5"},
	}
	p := placement(m)
	p.Vars = map[string]string{"file": "a b"}
	opening, err := NCCO("https://dialer.test", p)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := json.Marshal(opening)
	for _, want := range []string{
		`{"action":"stream","streamUrl":["https://sounds.test/a%20b.mp3"],"level":0.5,"bargeIn":true,"loop":2}`,
		`{"action":"input","type":["dtmf"],"dtmf":{"timeOut":0,"maxDigits":1}`,
		`"type":["dtmf","speech"],"dtmf":{"timeOut":5,"maxDigits":1},"speech":{"language":"en-GB","context":["question","yes"],"startTimeout":5,"maxDuration":10}`,
	} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("the opening has no %s:\n%s", want, raw)
		}
	}
	played := campaign.Turn{No: 1, Try: 1, Played: true}
	for _, test := range []struct {
		name    string
		at      campaign.Turn
		pressed string
		said    []campaign.Utterance
		want    campaign.Said
		ncco    string
	}{
		{"a word", played, "", []campaign.Utterance{{Text: "yes", Confidence: .9}}, campaign.Said{Turn: 1, Pressed: "1", Heard: true}, `"text":"Thank you."`},
		{"a key wins", played, "5", []campaign.Utterance{{Text: "yes", Confidence: .9}}, campaign.Said{Turn: 1, Pressed: "5", Heard: true},
			`{"action":"record","endOnSilence":4,"endOnKey":"#","timeOut":60,"beepStart":true,"eventUrl":["https://dialer.test/webhooks/event?attempt=`},
		{"no word", played, "", []campaign.Utterance{{Text: "well", Confidence: .9}}, campaign.Said{Turn: 1, Pressed: "?", Heard: true}, "sorry.mp3"},
		{"silence", played, "", nil, campaign.Said{Turn: 1, Heard: true}, `"action":"wait"`},
		{"where an event was lost it is not known", campaign.Turn{No: 1, Try: 1}, "1", nil, campaign.Said{Turn: 1, Pressed: "1"}, `"text":"Thank you."`},
		{"a key that cut it", campaign.First, "1", nil, campaign.Said{Turn: 1, Pressed: "1"}, `"text":"Thank you."`},
	} {
		a, err := AnswerInput("https://dialer.test", p, test.at, test.pressed, test.said)
		raw, _ := json.Marshal(a.NCCO)
		if err != nil || a.Said != test.want || !strings.Contains(string(raw), test.ncco) {
			t.Errorf("%s: %+v, %v, want %+v\n%s", test.name, a.Said, err, test.want, raw)
		}
	}
}

// A row's language has its own texts, voice and opt-out, and our own words too.
func TestDialogueInTheRowsLanguage(t *testing.T) {
	t.Parallel()
	p := placement(campaign.Message{
		Say: "Hello {{name}}.", Language: "en-GB", Keys: map[string]campaign.Key{"1": {Result: "confirmed", Say: "Thanks."}, "9": {OptOut: true}}, Wrong: "Wrong.",
		Languages: &campaign.Languages{Column: "lang", Texts: map[string]campaign.Texts{
			"de": {Language: "de-DE", Say: "Guten Tag {{name}}.", Keys: map[string]string{"1": "Danke."}, Wrong: "Falsch."},
		}},
	})
	for lang, want := range map[string][]string{
		"":      {"Hello Ann.|en-GB", "Thanks.|en-GB", "Wrong.|en-GB", "You will not be called again. Goodbye.|en-GB", "We are sorry, this call cannot be continued. Goodbye.|en-GB"},
		"de-AT": {"Guten Tag Ann.|de-DE", "Danke.|de-DE", "Falsch.|de-DE", "Sie werden nicht mehr angerufen. Auf Wiederhören.|de-DE", "Es tut uns leid, dieser Anruf kann nicht fortgesetzt werden. Auf Wiederhören.|de-DE"},
	} {
		p.Vars = map[string]string{"name": "Ann", "lang": lang}
		opening, err := NCCO("https://dialer.test", p)
		if err != nil {
			t.Fatal(err)
		}
		said := []string{spokenBy(t, opening)[0]}
		for _, pressed := range []string{"1", "7", "9"} {
			a, err := AnswerInput("https://dialer.test", p, campaign.Turn{No: 1, Try: 1}, pressed, nil)
			if err != nil {
				t.Fatal(err)
			}
			said = append(said, spokenBy(t, a.NCCO)[0])
		}
		said = append(said, spokenBy(t, opening)[1])
		if diff := cmp.Diff(want, said); diff != "" {
			t.Errorf("%q (-want +got):\n%s", lang, diff)
		}
	}
	p.Vars["lang"] = "fr"
	if _, err := NCCO("https://dialer.test", p); err == nil {
		t.Error("a language without a text is taken")
	}
}

// spokenBy are the texts of an NCCO with their languages.
func spokenBy(t *testing.T, n voice.NCCO) (list []string) {
	t.Helper()
	for _, action := range n {
		if talk, ok := action.(voice.Talk); ok {
			list = append(list, talk.Text+"|"+talk.Language)
		}
	}
	return list
}
