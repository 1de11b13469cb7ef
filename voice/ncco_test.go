package voice

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// wholeNCCO has every action with every member, and some unknown ones.
const wholeNCCO = `[
 {"action":"talk","text":"<speak>Hi &amp; bye</speak>","language":"en-GB","style":2,"premium":true,"loop":0,"level":-0.4,"bargeIn":false,"voiceName":"Amy","later":{"a":[1,2.50]}},
 {"action":"stream","streamUrl":["https://x.example/a.mp3?a=1&b=2"],"level":1,"bargeIn":true,"loop":3,"later":1},
 {"action":"input","type":["dtmf","speech"],"dtmf":{"timeOut":0,"maxDigits":20,"submitOnHash":true,"later":1},
  "speech":{"uuid":["u-1"],"endOnSilence":0.4,"language":"en-GB","context":["yes","no"],"startTimeout":60,"maxDuration":60,"saveAudio":true,"sensitivity":10,"later":1},
  "eventUrl":["https://x.example/input"],"eventMethod":"POST","mode":"synchronous","later":1},
 {"action":"input","type":["dtmf"],"mode":"asynchronous"},
 {"action":"record","format":"wav","split":"conversation","channels":32,"endOnSilence":3,"endOnKey":"#","timeOut":7200,"beepStart":true,"eventUrl":["https://x.example/r"],
  "eventMethod":"GET","transcription":{"language":"en-US","eventUrl":["https://x.example/t"],"eventMethod":"POST","sentimentAnalysis":true,"later":1},"later":1},
 {"action":"connect","endpoint":[{"type":"phone","number":"447700900123","dtmfAnswer":"p1","shaken":"s","onAnswer":{"url":"https://x.example/a","ringbackTone":"https://x.example/b","later":1},"later":1}],
  "from":"447700900000","eventType":"synchronous","timeout":60,"limit":7200,"machineDetection":"hangup",
  "advancedMachineDetection":{"behavior":"continue","mode":"detect","beep_timeout":45,"later":1},"eventUrl":["https://x.example/e"],"eventMethod":"POST",
  "ringbackTone":"https://x.example/tone.mp3","later":1},
 {"action":"connect","endpoint":[{"type":"sip","uri":"sip:me@example.com","headers":{"a":"b"},"standardHeaders":{"User-to-User":"x"},"later":1}],"randomFromNumber":true},
 {"action":"connect","endpoint":[{"type":"websocket","uri":"wss://x.example/s","content-type":"audio/l16;rate=8000","headers":{"n":12345678901234567890,"s":"x"},"authorization":{"type":"custom","value":"v","later":1},"later":1}]},
 {"action":"connect","endpoint":[{"type":"vbc","extension":"123","later":1}]},
 {"action":"connect","endpoint":[{"type":"app","user":"jamie","later":1}]},
 {"action":"conversation","name":"room","musicOnHoldUrl":["https://x.example/m.mp3"],"startOnEnter":false,"endOnExit":true,"record":true,"canSpeak":[],"canHear":["u-1"],"mute":false,
  "transcription":{"language":"de-DE"},"later":1},
 {"action":"notify","payload":{"a":{"b":1.10}},"eventUrl":["https://x.example/n"],"eventMethod":"POST","later":1},
 {"action":"wait","timeout":0.1,"later":1},
 {"action":"transfer","conversationId":"CON-1","canHear":[],"canSpeak":["u-1"],"mute":true,"later":1}
]`

func TestNCCORoundTrip(t *testing.T) {
	t.Parallel()
	n, err := ParseNCCO([]byte(wholeNCCO))
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Validate(); err != nil {
		t.Error(err)
	}
	got, err := encodeBody(n)
	if err != nil {
		t.Fatal(err)
	}
	wantSameJSON(t, wholeNCCO, string(got))
	if talk, ok := n[0].(Talk); !ok || talk.Text != "<speak>Hi &amp; bye</speak>" || *talk.Style != 2 || *talk.Loop != 0 || *talk.Level != -0.4 {
		t.Errorf("got %+v", n[0])
	}
}

// wantSameJSON compares documents member by member, and numbers as they are
// written.
func wantSameJSON(t *testing.T, want, got string) {
	t.Helper()
	read := func(text string) (v any) {
		dec := json.NewDecoder(strings.NewReader(text))
		dec.UseNumber()
		if err := dec.Decode(&v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	if diff := cmp.Diff(read(want), read(got)); diff != "" {
		t.Error(diff)
	}
}

func TestUnknownNCCOIsKept(t *testing.T) {
	t.Parallel()
	const odd = `[{"action":"pay","amount":9.90},{"action":"connect","endpoint":[{"type":"fax","number":"1"}]}]`
	n, err := ParseNCCO([]byte(odd))
	if err != nil {
		t.Fatal(err)
	}
	got, err := encodeBody(n)
	if err != nil {
		t.Fatal(err)
	}
	wantSameJSON(t, odd, string(got))
	want := []string{`ncco[0]: the action "pay"`, `ncco[1].endpoint[0]: the type "fax"`}
	if diff := cmp.Diff(want, n.Unknown()); diff != "" || n.Validate() != nil {
		t.Errorf("%v, not known (-want +got)\n%s", n.Validate(), diff)
	}
}

// Unknown members are found in every part of an NCCO. The content of data members does
// not count.
func TestNCCOUnknownMembers(t *testing.T) {
	t.Parallel()
	n, err := ParseNCCO([]byte(`[
		{"action":"talk","text":"Hi","txet":"Ho","bargein":true},
		{"action":"input","type":["dtmf"],"dtmf":{"maxdigits":4}},
		{"action":"connect","endpoint":[{"type":"websocket","uri":"wss://a.test","content-type":"audio/l16;rate=8000","headers":{"any":{"thing":1}},"verb":1}]},
		{"action":"notify","payload":{"any":"thing"},"eventUrl":["https://a.test"]},
		{"action":"record","transcription":{"tongue":"en"}}]`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`ncco[0]: the member "bargein"`, `ncco[0]: the member "txet"`, `ncco[1].dtmf: the member "maxdigits"`,
		`ncco[2].endpoint[0]: the member "verb"`, `ncco[4].transcription: the member "tongue"`,
	}
	if diff := cmp.Diff(want, n.Unknown()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestNCCOWithQuotedNumbers reads what PHP and Node clients write.
func TestNCCOWithQuotedNumbers(t *testing.T) {
	t.Parallel()
	n, err := ParseNCCO([]byte(`[{"action":"talk","text":"7","bargeIn":"true","loop":"2","level":"0.5"},{"action":"input","type":["dtmf"],"dtmf":{"maxDigits":"1"}}]`))
	if err != nil {
		t.Fatal(err)
	}
	want := NCCO{
		Talk{Text: "7", BargeIn: new(true), Loop: new(2), Level: new(0.5)},
		Input{Type: []string{"dtmf"}, DTMF: &DTMFSettings{MaxDigits: new(1)}},
	}
	if diff := cmp.Diff(want, n); diff != "" {
		t.Error(diff)
	}
}

func TestInvalidNCCO(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		``, `null`, `{}`, `"x"`, `[null]`, `[1]`, `[{}]`, `[{"action":7}]x`, `[{"action":"talk","text":7}]`,
		`[{"action":"talk","loop":447700900123447700900123}]`, `[{"action":"stream","streamUrl":"https://x.example"}]`,
		`[{"action":"input","dtmf":[]}]`, `[{"action":"connect","endpoint":{}}]`, `[{"action":"connect","endpoint":[7]}]`,
		`[{"action":"connect","endpoint":[{"type":"phone","number":447700900123}]}]`, `[{"action":"wait","timeout":"soon"}]`,
	} {
		n, err := ParseNCCO([]byte(text))
		if err == nil {
			t.Errorf("%s: taken as %+v", text, n)
			continue
		}
		if strings.Contains(err.Error(), "4477009") {
			t.Errorf("a number is shown in %q", err)
		}
	}
}

func TestNCCOLimits(t *testing.T) {
	t.Parallel()
	ssml := func(text string) Talk { return Talk{Text: "<speak>" + text + "</speak>"} }
	connect := func(e Endpoint) Connect { return Connect{Endpoint: []Endpoint{e}} }
	phone := Phone{Number: "447700900123"}
	url := []string{"https://x.example"}
	tests := []struct {
		action Action
		want   string // "" if it is allowed
	}{
		{Talk{Text: " "}, "text: is required"},
		{Talk{Text: strings.Repeat("x", 1501)}, "text: has 1501 characters, must have at most 1500"},
		{ssml(strings.Repeat("é", 1500) + "<break/>"), ""},
		{ssml(strings.Repeat("é", 1501)), "text: has 1501 characters"},
		{ssml("Tom & Jerry"), "text: is SSML that is not well formed at character 12"},
		{ssml("<b>"), "text: is SSML that is not well formed"},
		{ssml("Hi</speak><speak>Ho"), "text: is SSML that is not well formed at character 18"},
		{ssml("Hi</speak> Ho <speak>"), "text: is SSML that is not well formed at character 18"},
		{Talk{Text: "Tom & Jerry < 3"}, ""},
		{Talk{Text: "x", Loop: new(-1)}, "loop: is -1"},
		{Talk{Text: "x", Style: new(-1)}, "style: is -1"},
		{Talk{Text: "x", Level: new(1.1)}, "level: is 1.1, must be -1 to 1"},
		{Talk{Text: "x", Level: new(0.55)}, ""},
		{Talk{Text: "x", Level: new(-1.0), Loop: new(0)}, ""},
		{Talk{Text: "x", VoiceName: "Alexa"}, "voiceName: must be one of Vonage's 96 voices with a name"},
		{Talk{Text: "x", VoiceName: "Seoyeon"}, ""},
		{Stream{}, "streamUrl: must be an array of one URL"},
		{Stream{StreamURL: []string{"https://a.example", "https://b.example"}}, "streamUrl: must be an array of one URL"},
		{Stream{StreamURL: []string{"a.mp3"}}, "streamUrl: must be an absolute"},
		{Stream{StreamURL: url, Level: new(2.0)}, "level:"},
		{Stream{StreamURL: url, Loop: new(-1)}, "loop:"},
		{Input{}, "type: must have dtmf"},
		{Input{Type: []string{"voice"}}, "type: may hold only"},
		{Input{Type: []string{"dtmf"}, Mode: "x"}, "mode: must be"},
		{Input{Type: []string{"dtmf"}, Mode: "asynchronous", DTMF: &DTMFSettings{}}, "dtmf: has no settings"},
		{Input{Type: []string{"dtmf"}, DTMF: &DTMFSettings{TimeOut: new(11)}}, "dtmf.timeOut: is 11, must be 0 to 10"},
		{Input{Type: []string{"dtmf"}, DTMF: &DTMFSettings{MaxDigits: new(0)}}, "dtmf.maxDigits: is 0, must be 1 to 20"},
		{Input{Type: []string{"speech"}, Speech: &SpeechOptions{UUID: []string{"a", "b"}}}, "speech.uuid:"},
		{Input{Type: []string{"speech"}, Speech: &SpeechOptions{EndOnSilence: new(0.3)}}, "speech.endOnSilence: is 0.3, must be 0.4 to 10"},
		{Input{Type: []string{"speech"}, Speech: &SpeechOptions{StartTimeout: new(61)}}, "speech.startTimeout:"},
		{Input{Type: []string{"speech"}, Speech: &SpeechOptions{MaxDuration: new(61)}}, "speech.maxDuration:"},
		{Input{Type: []string{"speech"}, Speech: &SpeechOptions{Sensitivity: new(9)}}, "speech.sensitivity:"},
		{Input{Type: []string{"dtmf"}, EventURL: []string{""}}, "eventUrl:"},
		{Input{Type: []string{"dtmf"}, EventMethod: "PUT"}, "eventMethod:"},
		{Record{Format: "flac"}, "format:"},
		{Record{Split: "x"}, "split:"},
		{Record{Channels: new(33)}, "channels: is 33, must be 1 to 32"},
		{Record{EndOnSilence: new(2)}, "endOnSilence:"},
		{Record{EndOnKey: "12"}, "endOnKey:"},
		{Record{EndOnKey: "p"}, "endOnKey:"},
		{Record{TimeOut: new(7201)}, "timeOut:"},
		{Record{EventMethod: "x"}, "eventMethod:"},
		{Record{Transcription: &Transcription{EventURL: []string{"x"}}}, "transcription.eventUrl:"},
		{Record{}, ""},
		{Connect{}, "endpoint: must have exactly one"},
		{Connect{Endpoint: []Endpoint{phone, phone}}, "endpoint: must have exactly one"},
		{Connect{Endpoint: []Endpoint{nil}}, "endpoint: must have exactly one"},
		{connect(Phone{Number: "1"}), "endpoint[0].number: has 1 digits"},
		{connect(Phone{Number: "447700900123", OnAnswer: &OnAnswer{}}), "endpoint[0].onAnswer.url: is required"},
		{connect(Phone{Number: "447700900123", OnAnswer: &OnAnswer{URL: "https://x.example", RingbackTone: "x"}}), "endpoint[0].onAnswer.ringbackTone:"},
		{connect(SIP{}), "endpoint[0].uri:"},
		{Connect{Endpoint: []Endpoint{phone}, From: "447700900000", RandomFromNumber: new(true)}, "from: must not be given"},
		{Connect{Endpoint: []Endpoint{phone}, EventType: "x"}, "eventType:"},
		{Connect{Endpoint: []Endpoint{phone}, Timeout: new(0)}, "timeout:"},
		{Connect{Endpoint: []Endpoint{phone}, Limit: new(7201)}, "limit: is 7201, must be 1 to 7200"},
		{Connect{Endpoint: []Endpoint{phone}, MachineDetection: "x"}, "machineDetection:"},
		{Connect{Endpoint: []Endpoint{phone}, AdvancedMachineDetection: &AdvancedMachineDetection{Mode: "x"}}, "advancedMachineDetection.mode:"},
		{Connect{Endpoint: []Endpoint{phone}, EventURL: []string{"x"}}, "eventUrl:"},
		{Connect{Endpoint: []Endpoint{phone}, RingbackTone: "x"}, "ringbackTone:"},
		{Conversation{}, "name: is required"},
		{Conversation{Name: "x", MusicOnHoldURL: []string{"x"}}, "musicOnHoldUrl:"},
		{Notify{EventURL: url}, "payload: must be a JSON object"},
		{Notify{EventURL: url, Payload: json.RawMessage(`[]`)}, "payload: must be a JSON object"},
		{Notify{Payload: json.RawMessage(`{}`)}, "eventUrl: must be an array of one URL"},
		{Notify{Payload: json.RawMessage(`{}`), EventURL: url, EventMethod: "x"}, "eventMethod:"},
		{Wait{Timeout: new(0.05)}, "timeout: is 0.05, must be 0.1 to 7200"},
		{Wait{Timeout: new(7201.0)}, "timeout:"},
		{Wait{}, ""},
		{Transfer{}, "conversationId: is required"},
	}
	for _, tt := range tests {
		err := NCCO{tt.action}.Validate()
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%+v: %v", tt.action, err)
		case tt.want != "" && (!errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "ncco[0]."+tt.want)):
			t.Errorf("%+v: got %v, want %q", tt.action, err, tt.want)
		}
	}
	if err := (NCCO{}).Validate(); !errors.Is(err, ErrInvalid) {
		t.Errorf("an empty NCCO: got %v", err)
	}
}

func TestWithInputURL(t *testing.T) {
	t.Parallel()
	own := Input{Type: []string{"dtmf"}, EventURL: []string{"https://example.test/own"}}
	n := NCCO{Talk{Text: "Press 1"}, Input{Type: []string{"dtmf"}}, own}
	want := NCCO{n[0], Input{Type: []string{"dtmf"}, EventURL: []string{"https://example.test/in"}}, own}
	if diff := cmp.Diff(want, n.WithInputURL("https://example.test/in")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if left := n[1].(Input).EventURL; left != nil {
		t.Errorf("the NCCO itself was changed to %v", left)
	}
}
