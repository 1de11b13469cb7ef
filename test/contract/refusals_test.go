package contract_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"dialer/internal/testkit/require"
	"dialer/voice"
)

// changed is a valid body of POST /calls in both forms, with members of another value,
// as JSON. "" removes a member.
func changed(members map[string]string) string {
	o := map[string]json.RawMessage{
		"to":        json.RawMessage(`[{"type":"phone","number":"447700900101"}]`),
		"from":      json.RawMessage(`{"type":"phone","number":"447700900001"}`),
		"ncco":      json.RawMessage(`[{"action":"talk","text":"Hello","loop":0}]`),
		"event_url": json.RawMessage(`["http://127.0.0.1:9/event"]`),
	}
	for name, value := range members {
		o[name] = json.RawMessage(value)
		if value == "" {
			delete(o, name)
		}
	}
	text, err := json.Marshal(o)
	if err != nil {
		panic(err) // a mistake in a table below
	}
	return string(text)
}

// one is a change of one member.
func one(name, value string) map[string]string { return map[string]string{name: value} }

// fetched changes a body that has an answer_url instead of an NCCO.
func fetched(members map[string]string) map[string]string {
	members["ncco"], members["answer_url"] = "", cmp.Or(members["answer_url"], `["https://a.test/answer"]`)
	return members
}

func to1(endpoint string) map[string]string { return one("to", "["+endpoint+"]") }

func socket(members string) map[string]string {
	return to1(`{"type":"websocket","uri":"wss://a.test/s","content-type":"audio/l16;rate=16000"` + members + `}`)
}

func repeat(n int) string { return strings.Repeat("x", n) }

// createCases are bodies of POST /calls. today and contract are the member that is
// refused; "" is none.
var createCases = []struct {
	change          map[string]string
	today, contract string
}{
	{nil, "", ""},
	// to
	{one("to", ``), "to", "to"},
	{one("to", `[]`), "to", "to"},
	{one("to", `{"type":"phone","number":"447700900101"}`), "to", "to"},
	{one("to", `[{"type":"phone","number":"447700900101"},{"type":"phone","number":"447700900102"}]`), "to", "to"},
	{one("to", `["447700900101"]`), "to", "to"},
	{to1(`{"number":"447700900101"}`), "type", "type"},
	{to1(`{"type":"pigeon"}`), "type", "type"},
	{to1(`{"type":"phone"}`), "number", "number"},
	{to1(`{"type":"phone","number":447700900101}`), "number", "number"},
	{to1(`{"type":"phone","number":"447700"}`), "number", "number"},
	{to1(`{"type":"phone","number":"4477009"}`), "", ""},
	{to1(`{"type":"phone","number":"447700900101234"}`), "", ""},
	{to1(`{"type":"phone","number":"4477009001012345"}`), "number", "number"},
	{to1(`{"type":"phone","number":"+447700900101"}`), "", ""},
	{to1(`{"type":"phone","number":"44 7700 900101"}`), "number", "number"},
	{to1(`{"type":"phone","number":"447700900101","dtmfAnswer":"p*123#"}`), "", ""},
	{to1(`{"type":"phone","number":"447700900101","dtmfAnswer":"12a"}`), "dtmfAnswer", "dtmfAnswer"},
	{to1(`{"type":"sip","uri":"` + repeat(50) + `"}`), "", ""},
	{to1(`{"type":"sip","uri":"` + repeat(51) + `"}`), "uri", "uri"},
	{to1(`{"type":"sip","uri":""}`), "uri", "uri"},
	{to1(`{"type":"sip","uri":"sip:a@b.test","headers":[]}`), "headers", "headers"},
	{to1(`{"type":"sip","uri":"sip:a@b.test","standard_headers":"x"}`), "standard_headers", "standard_headers"},
	{to1(`{"type":"websocket","content-type":"audio/l16;rate=8000"}`), "uri", "uri"},
	{to1(`{"type":"websocket","uri":"http://a.test/s","content-type":"audio/l16;rate=8000"}`), "uri", "uri"},
	{to1(`{"type":"websocket","uri":"https://a.test/s","content-type":"audio/l16;rate=8000"}`), "uri", "uri"},
	{to1(`{"type":"websocket","uri":"ws://a.test/s","content-type":"audio/l16;rate=8000"}`), "", ""},
	{to1(`{"type":"websocket","uri":"wss://a.test/` + repeat(37) + `","content-type":"audio/l16;rate=8000"}`), "", ""},
	{to1(`{"type":"websocket","uri":"wss://a.test/` + repeat(38) + `","content-type":"audio/l16;rate=8000"}`), "", "uri"},
	{to1(`{"type":"websocket","uri":"wss://a.test/s"}`), "content-type", "content-type"},
	{to1(`{"type":"websocket","uri":"wss://a.test/s","content-type":"audio/l16;rate=24000"}`), "", "content-type"},
	{to1(`{"type":"websocket","uri":"wss://a.test/s","content-type":"audio/l16;rate=99"}`), "content-type", "content-type"},
	{to1(`{"type":"websocket","uri":"wss://a.test/s","content-type":"audio/l16"}`), "content-type", "content-type"},
	{socket(`,"headers":{"a":"` + repeat(504) + `"}`), "", ""},
	{socket(`,"headers":{"a":"` + repeat(505) + `"}`), "headers", "headers"},
	{socket(`,"headers":"a"`), "headers", "headers"},
	{socket(`,"authorization":{"type":"vonage"}`), "", ""},
	{socket(`,"authorization":{"type":"custom","value":"Bearer a"}`), "", ""},
	{socket(`,"authorization":{"type":"custom"}`), "value", "value"},
	{socket(`,"authorization":{"type":"basic"}`), "type", "type"},
	{to1(`{"type":"vbc","extension":"123"}`), "", "type"},
	{to1(`{"type":"vbc"}`), "extension", "extension"},
	{to1(`{"type":"vbc","extension":"a"}`), "extension", "extension"},
	{to1(`{"type":"app","user":"jamie"}`), "", "type"},
	{to1(`{"type":"app","user":""}`), "user", "user"},
	// from
	{one("from", ``), "from", "from"},
	{one("from", `"447700900001"`), "from", "from"},
	{one("from", `{"number":"447700900001"}`), "type", "type"},
	{one("from", `{"type":"sip","number":"447700900001"}`), "type", "type"},
	{one("from", `{"type":"sip","uri":"sip:a@b.test"}`), "type", "type"},
	{one("from", `{"type":"phone"}`), "number", "number"},
	{one("from", `{"type":"phone","number":"4477"}`), "number", "number"},
	{one("from", `{"type":"phone","number":"sip:desk@a.test"}`), "", "number"},
	{map[string]string{"random_from_number": "true"}, "from", ""},
	{map[string]string{"random_from_number": "true", "from": ""}, "", "from"},
	{map[string]string{"random_from_number": `"yes"`, "from": ""}, "random_from_number", "from"},
	// what the call does
	{one("ncco", ``), "ncco", "ncco"},
	{one("ncco", `[]`), "ncco", "ncco"},
	{one("ncco", `"[]"`), "ncco", "ncco"},
	{one("answer_url", `["https://a.test/answer"]`), "ncco", "ncco"},
	{map[string]string{"ncco": `[]`, "answer_url": `["https://a.test/answer"]`}, "ncco", "ncco"},
	{fetched(map[string]string{}), "", ""},
	{fetched(one("answer_url", `"https://a.test/answer"`)), "answer_url", "answer_url"},
	{fetched(one("answer_url", `["ftp://a.test/answer"]`)), "answer_url", "answer_url"},
	{fetched(one("answer_url", `["answer"]`)), "answer_url", "answer_url"},
	{fetched(one("answer_url", `["https://a.test/1","https://a.test/2"]`)), "answer_url", "answer_url"},
	{fetched(one("answer_method", `"POST"`)), "", ""},
	{fetched(one("answer_method", `"PUT"`)), "answer_method", "answer_method"},
	{fetched(one("answer_method", `""`)), "answer_method", "answer_method"},
	// events
	{one("event_url", ``), "", "event_url"},
	{one("event_url", `[]`), "event_url", "event_url"},
	{one("event_url", `["ftp://a.test/event"]`), "event_url", "event_url"},
	{one("event_url", `["a.test/event"]`), "event_url", "event_url"},
	{one("event_url", `"https://a.test/event"`), "event_url", "event_url"},
	{one("event_url", `["https://a.test/1","https://a.test/2"]`), "event_url", "event_url"},
	{one("event_method", `"GET"`), "", ""},
	{one("event_method", `"get"`), "event_method", "event_method"},
	{one("event_method", `null`), "event_method", "event_method"},
	// machines
	{one("machine_detection", `"hangup"`), "", ""},
	{one("machine_detection", `"maybe"`), "machine_detection", "machine_detection"},
	{one("machine_detection", `true`), "machine_detection", "machine_detection"},
	{one("advanced_machine_detection", `{"behavior":"hangup","mode":"default","beep_timeout":45}`), "", ""},
	{one("advanced_machine_detection", `{"behavior":"stop"}`), "behavior", ""},
	{one("advanced_machine_detection", `{"mode":"beep"}`), "mode", ""},
	{one("advanced_machine_detection", `{"beep_timeout":121}`), "beep_timeout", ""},
	{one("advanced_machine_detection", `"continue"`), "advanced_machine_detection", ""},
	// timers
	{one("length_timer", `7200`), "", ""},
	{one("length_timer", `"600"`), "", ""},
	{one("length_timer", `7201`), "", "length_timer"},
	{one("length_timer", `86401`), "length_timer", "length_timer"},
	{one("length_timer", `0`), "length_timer", "length_timer"},
	{one("length_timer", `null`), "length_timer", "length_timer"},
	{one("length_timer", `1.5`), "length_timer", "length_timer"},
	{one("ringing_timer", `120`), "", ""},
	{one("ringing_timer", `121`), "ringing_timer", "ringing_timer"},
	{one("ringing_timer", `0`), "ringing_timer", "ringing_timer"},
	{one("ringing_timer", `"soon"`), "ringing_timer", "ringing_timer"},
	// A member that nobody knows is ignored.
	{one("client_ref", `"a"`), "", ""},
}

// TestCreateIsRefused sends bodies of POST /calls over a socket, in both forms of the
// simulator.
func TestCreateIsRefused(t *testing.T) {
	t.Parallel()
	for _, contract := range []bool{false, true} {
		a := newAccount(t, contract)
		for _, c := range createCases {
			want := c.today
			if contract {
				want = c.contract
			}
			a.check(want, http.StatusCreated, "POST", "/v1/calls", changed(c.change), contract)
		}
	}
}

// actionCases are actions of an NCCO, and the member that is refused.
var actionCases = []struct{ action, refused string }{
	{`{"action":"talk","text":"Hello","language":"en-GB","style":1,"premium":true,"loop":0,"level":0.55,"bargeIn":true,"voiceName":"Amy"}`, ""},
	{`{"action":"talk","text":"Hello","level":"-1","loop":"2","bargeIn":"true"}`, ""},
	{`{"action":"talk"}`, "text"},
	{`{"action":"talk","text":" "}`, "text"},
	{`{"action":"talk","text":"` + repeat(1501) + `"}`, "text"},
	{`{"action":"talk","text":"<speak>Hello &amp; goodbye</speak>"}`, ""},
	{`{"action":"talk","text":"<speak>Hello & goodbye</speak>"}`, "text"},
	{`{"action":"talk","text":"Hello","level":1.1}`, "level"},
	{`{"action":"talk","text":"Hello","level":"NaN"}`, "level"},
	{`{"action":"talk","text":"Hello","loop":-1}`, "loop"},
	{`{"action":"talk","text":"Hello","style":-1}`, "style"},
	{`{"action":"talk","text":"Hello","language":""}`, "language"},
	{`{"action":"talk","text":"Hello","voiceName":"Nobody"}`, "voiceName"},
	{`{"action":"talk","text":"Hello","voiceName":"Aditi"}`, ""},
	{`{"action":"talk","text":null}`, "text"},
	{`{"action":"stream","streamUrl":["https://a.test/a.mp3"],"level":-0.5,"loop":2}`, ""},
	{`{"action":"stream","streamUrl":"https://a.test/a.mp3"}`, "streamUrl"},
	{`{"action":"stream","streamUrl":["nope"]}`, "streamUrl"},
	{`{"action":"stream","streamUrl":["ftp://a.test/a.mp3"]}`, "streamUrl"},
	{`{"action":"stream"}`, "streamUrl"},
	{`{"action":"input","type":["dtmf"],"dtmf":{"timeOut":10,"maxDigits":20,"submitOnHash":true}}`, ""},
	{`{"action":"input","timeOut":5,"maxDigits":1}`, ""}, // the old form
	{`{"action":"input","type":[]}`, "type"},
	{`{"action":"input","type":["keys"]}`, "type"},
	{`{"action":"input","type":["dtmf"],"dtmf":{"timeOut":11}}`, "timeOut"},
	{`{"action":"input","type":["dtmf"],"dtmf":{"maxDigits":21}}`, "maxDigits"},
	{`{"action":"input","type":["dtmf"],"dtmf":"1"}`, "dtmf"},
	{`{"action":"input","type":["dtmf"],"mode":"later"}`, "mode"},
	{`{"action":"input","type":["dtmf"],"mode":"asynchronous"}`, ""},
	{`{"action":"input","type":["dtmf"],"mode":"asynchronous","dtmf":{"maxDigits":1}}`, "dtmf"},
	{`{"action":"input","type":["speech"],"speech":{"endOnSilence":0.4,"startTimeout":60,"maxDuration":60,"sensitivity":100}}`, ""},
	{`{"action":"input","type":["speech"],"speech":{"endOnSilence":0.3}}`, "endOnSilence"},
	{`{"action":"input","type":["speech"],"speech":{"startTimeout":61}}`, "startTimeout"},
	{`{"action":"input","type":["speech"],"speech":{"maxDuration":61}}`, "maxDuration"},
	{`{"action":"input","type":["speech"],"speech":{"sensitivity":9}}`, "sensitivity"},
	{`{"action":"input","type":["speech"],"speech":{"uuid":["a","b"]}}`, "uuid"},
	{`{"action":"input","type":["dtmf"],"eventUrl":["ftp://a.test"]}`, "eventUrl"},
	{`{"action":"input","type":["dtmf"],"eventMethod":"PUT"}`, "eventMethod"},
	{`{"action":"record","format":"wav","split":"conversation","channels":32,"endOnSilence":3,"endOnKey":"#","timeOut":7200,"beepStart":true}`, ""},
	{`{"action":"record","format":"flac"}`, "format"},
	{`{"action":"record","split":"legs"}`, "split"},
	{`{"action":"record","channels":33}`, "channels"},
	{`{"action":"record","endOnSilence":11}`, "endOnSilence"},
	{`{"action":"record","endOnSilence":0}`, "endOnSilence"},
	{`{"action":"record","endOnKey":"12"}`, "endOnKey"},
	{`{"action":"record","timeOut":2}`, "timeOut"},
	{`{"action":"record","eventUrl":"https://a.test"}`, "eventUrl"},
	{`{"action":"record","transcription":{"eventMethod":"PUT"}}`, "eventMethod"},
	{`{"action":"connect","endpoint":[{"type":"phone","number":"447700900102"}],"from":"447700900001","timeout":20,"limit":7200}`, ""},
	{`{"action":"connect","endpoint":[{"type":"phone","number":"+447700900102","onAnswer":{"url":"https://a.test/a"}}]}`, ""},
	{`{"action":"connect","endpoint":[{"type":"vbc","extension":"1"}],"eventType":"synchronous"}`, ""},
	{`{"action":"connect"}`, "endpoint"},
	{`{"action":"connect","endpoint":[]}`, "endpoint"},
	{`{"action":"connect","endpoint":[{"type":"phone"}]}`, "number"},
	{`{"action":"connect","endpoint":[{"type":"phone","number":"447700900102","onAnswer":{"url":"a"}}]}`, "url"},
	{`{"action":"connect","endpoint":[{"type":"phone","number":"447700900102","onAnswer":{"url":"https://a.test/a","ringbackTone":"a"}}]}`, "ringbackTone"},
	{`{"action":"connect","endpoint":[{"type":"sip","uri":"` + repeat(51) + `"}]}`, "uri"},
	{`{"action":"connect","endpoint":[{"type":"websocket","uri":"http://a.test","content-type":"audio/l16;rate=8000"}]}`, "uri"},
	{`{"action":"connect","endpoint":[{"type":"app","user":"a"}],"from":"me"}`, "from"},
	{`{"action":"connect","endpoint":[{"type":"app","user":"a"}],"from":"447700900001","randomFromNumber":true}`, "from"},
	{`{"action":"connect","endpoint":[{"type":"app","user":"a"}],"timeout":0}`, "timeout"},
	{`{"action":"connect","endpoint":[{"type":"app","user":"a"}],"limit":7201}`, "limit"},
	{`{"action":"connect","endpoint":[{"type":"app","user":"a"}],"eventType":"async"}`, "eventType"},
	{`{"action":"connect","endpoint":[{"type":"app","user":"a"}],"machineDetection":"maybe"}`, "machineDetection"},
	{`{"action":"connect","endpoint":[{"type":"app","user":"a"}],"advancedMachineDetection":{"beep_timeout":44}}`, "beep_timeout"},
	{`{"action":"connect","endpoint":[{"type":"app","user":"a"}],"eventUrl":["nope"]}`, "eventUrl"},
	{`{"action":"connect","endpoint":[{"type":"app","user":"a"}],"ringbackTone":"nope"}`, "ringbackTone"},
	{`{"action":"conversation","name":"a","musicOnHoldUrl":["https://a.test/a.mp3"],"canSpeak":[],"canHear":["x"],"mute":true}`, ""},
	{`{"action":"conversation"}`, "name"},
	{`{"action":"conversation","name":"a","musicOnHoldUrl":["nope"]}`, "musicOnHoldUrl"},
	{`{"action":"conversation","name":"a","canSpeak":"x"}`, "canSpeak"},
	{`{"action":"notify","payload":{"a":1},"eventUrl":["https://a.test"]}`, ""},
	{`{"action":"notify","payload":"a","eventUrl":["https://a.test"]}`, "payload"},
	{`{"action":"notify","payload":{"a":1}}`, "eventUrl"},
	{`{"action":"notify","payload":{"a":1},"eventUrl":["https://a.test"],"eventMethod":"PATCH"}`, "eventMethod"},
	{`{"action":"wait","timeout":0.1}`, ""},
	{`{"action":"wait","timeout":0.05}`, "timeout"},
	{`{"action":"wait","timeout":7201}`, "timeout"},
	{`{"action":"transfer","conversationId":"CON-a","mute":true}`, ""},
	{`{"action":"transfer"}`, "conversationId"},
	{`{"action":"pay","eventUrl":["https://a.test"]}`, "NCCO."},
	{`{"action":"sing"}`, "NCCO."},
	{`{"text":"Hello"}`, "NCCO."},
	{`"talk"`, "NCCO."},
}

// TestActionIsRefused sends each action in a call's NCCO. The response names the
// action and the member.
func TestActionIsRefused(t *testing.T) {
	t.Parallel()
	a := newAccount(t, false)
	for _, c := range actionCases {
		status, member, reason := a.send("POST", "/v1/calls", changed(one("ncco", "["+c.action+"]")))
		named := c.refused == "" || strings.Contains(" "+reason+" ", " "+c.refused+" ")
		if (c.refused == "") != (status == http.StatusCreated) || (member == "ncco") != (c.refused != "") || !named {
			t.Errorf("%s\n%d, %s: %s; want %q refused", c.action, status, member, reason, c.refused)
		}
	}
}

// controlCases are bodies about a call in progress. The member is refused in today's
// form or in the contract's.
var controlCases = []struct{ part, body, today, contract string }{
	{"", `{}`, "action", "action"},
	{"", `{"action":"dance"}`, "action", "action"},
	{"", `{"action":1}`, "action", "action"},
	{"", `{"action":"mute"}`, "", ""},
	{"", `{"action":"unearmuff"}`, "", ""},
	{"", `{"action":"transfer"}`, "type", "type"},
	{"", `{"action":"transfer","destination":"ncco"}`, "destination", "destination"},
	{"", `{"action":"transfer","destination":{"type":"url","url":["https://a.test"]}}`, "type", "type"},
	{"", `{"action":"transfer","destination":{"type":"ncco"}}`, "destination", "destination"},
	{"", `{"action":"transfer","destination":{"type":"ncco","url":["ftp://a.test"]}}`, "url", "url"},
	{"", `{"action":"transfer","destination":{"type":"ncco","url":"https://a.test"}}`, "url", "url"},
	{"", `{"action":"transfer","destination":{"type":"ncco","ncco":[{"action":"talk"}]}}`, "ncco", "ncco"},
	{"", `{"action":"transfer","destination":{"type":"ncco","ncco":[{"action":"wait","timeout":7200}]}}`, "", "ncco"},
	{"/talk", `{}`, "text", "text"},
	{"/talk", `{"text":""}`, "text", "text"},
	{"/talk", `{"text":"Hello","level":"0.55"}`, "level", "level"},
	{"/talk", `{"text":"Hello","level":"1.1"}`, "level", "level"},
	{"/talk", `{"text":"Hello","level":"loud"}`, "level", "level"},
	{"/talk", `{"text":"Hello","loop":-1}`, "loop", "loop"},
	{"/talk", `{"text":"Hello","voice_name":"Nobody"}`, "voice_name", "voice_name"},
	{"/talk", `{"text":"Hello","language":""}`, "language", "text"}, // contract: a talk is in progress
	{"/stream", `{}`, "stream_url", "stream_url"},
	{"/stream", `{"stream_url":["nope"]}`, "stream_url", "stream_url"},
	{"/stream", `{"stream_url":"https://a.test/a.mp3"}`, "stream_url", "stream_url"},
	{"/stream", `{"stream_url":["https://a.test/a.mp3","https://a.test/b.mp3"]}`, "stream_url", "stream_url"},
	{"/stream", `{"stream_url":["https://a.test/a.mp3"],"level":"-0.55"}`, "level", "level"},
	{"/stream", `{"stream_url":["https://a.test/a.mp3"],"level":"-0.5","loop":0}`, "", ""},
	{"/dtmf", `{}`, "digits", "digits"},
	{"/dtmf", `{"digits":1713}`, "digits", "digits"},
	{"/dtmf", `{"digits":"17a"}`, "digits", "digits"},
	{"/dtmf", `{"digits":"p17*#"}`, "", ""},
}

// TestControlIsRefused sends bodies about a call in progress, in both forms.
func TestControlIsRefused(t *testing.T) {
	t.Parallel()
	for _, contract := range []bool{false, true} {
		a := newAccount(t, contract)
		id := a.answered()
		a.waitReady(id)
		for _, c := range controlCases {
			want, success := c.today, http.StatusOK
			if contract {
				want = c.contract
			}
			if c.part == "" {
				success = http.StatusNoContent
			}
			a.check(want, success, "PUT", "/v1/calls/"+id+c.part, c.body, contract)
		}
	}
}

// TestVoicesOfToday: today's API has more voices than the contract.
func TestVoicesOfToday(t *testing.T) {
	t.Parallel()
	talk := func(name string) string { return fmt.Sprintf(`{"text":"Hello","voice_name":%q}`, name) }
	for contract, want := range map[bool]string{false: "", true: "voice_name"} {
		a := newAccount(t, contract)
		id := a.answered()
		a.waitReady(id)
		a.send("DELETE", "/v1/calls/"+id+"/talk", "")
		a.check(want, http.StatusOK, "PUT", "/v1/calls/"+id+"/talk", talk("Zeina"), contract)
	}
	for _, name := range []string{"Amy", "Zeina", "Mei-Jia"} {
		require.NoError(t, voice.TalkRequest{Text: "Hello", VoiceName: name}.Validate())
	}
}
