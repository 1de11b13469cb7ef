package voice

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCallRequestWithEveryField compares the body with the JSON of the contract
// and of today's API.
func TestCallRequestWithEveryField(t *testing.T) {
	t.Parallel()
	r := CallRequest{
		To: []Endpoint{
			Phone{Number: "447700900123", DTMFAnswer: "p*123#", Shaken: "identity"},
			SIP{URI: "sip:rebekka@sip.example.com", Headers: map[string]string{"key": "value"}, StandardHeaders: map[string]string{"User-to-User": "3430;encoding=hex"}},
			Websocket{URI: "wss://example.com/socket?a=1&b=2", ContentType: AudioL16Rate16000, Headers: map[string]any{"customer_id": "ABC123"},
				Authorization: &WebsocketAuthorization{Type: "custom", Value: "Bearer x"}},
			VBC{Extension: "1234"},
			App{User: "jamie"},
		},
		RandomFromNumber: true,
		AnswerURL:        "https://example.com/answer?a=1&b=2", AnswerMethod: "POST",
		EventURL: "https://example.com/event", EventMethod: "GET",
		MachineDetection:         "continue",
		AdvancedMachineDetection: &AdvancedMachineDetection{Behavior: "hangup", Mode: "detect_beep", BeepTimeout: 45},
		LengthTimer:              7200, RingingTimer: 120,
	}
	if err := r.Validate(); err != nil {
		t.Fatal(err)
	}
	const want = `{"to":[
		{"type":"phone","number":"447700900123","dtmfAnswer":"p*123#","shaken":"identity"},
		{"type":"sip","uri":"sip:rebekka@sip.example.com","headers":{"key":"value"},"standard_headers":{"User-to-User":"3430;encoding=hex"}},
		{"type":"websocket","uri":"wss://example.com/socket?a=1&b=2","content-type":"audio/l16;rate=16000","headers":{"customer_id":"ABC123"},
		 "authorization":{"type":"custom","value":"Bearer x"}},
		{"type":"vbc","extension":"1234"},
		{"type":"app","user":"jamie"}],
		"random_from_number":true,"answer_url":["https://example.com/answer?a=1&b=2"],"answer_method":"POST",
		"event_url":["https://example.com/event"],"event_method":"GET","machine_detection":"continue",
		"advanced_machine_detection":{"behavior":"hangup","mode":"detect_beep","beep_timeout":45},"length_timer":7200,"ringing_timer":120}`
	got, err := encodeBody(r)
	if err != nil {
		t.Fatal(err)
	}
	if !sameJSON(got, json.RawMessage(want)) {
		t.Errorf("got %s", got)
	}
	if strings.Contains(string(got), `\u0026`) {
		t.Errorf("an address was escaped: %s", got)
	}
}

func TestCallRequestLimits(t *testing.T) {
	t.Parallel()
	to := func(e Endpoint) func(*CallRequest) { return func(r *CallRequest) { r.To = []Endpoint{e} } }
	tests := []struct {
		edit func(*CallRequest)
		want string // in the error
	}{
		{func(r *CallRequest) { r.To = nil }, "to: must have at least one"},
		{to(nil), "to[0]: is nil"},
		{to(Phone{}), "to[0].number: must be digits"},
		{to(Phone{Number: "+447700900123"}), "to[0].number: must be digits only"},
		{to(Phone{Number: "123456"}), "to[0].number: has 6 digits, must have 7 to 15"},
		{to(Phone{Number: "1234567890123456"}), "to[0].number: has 16 digits, must have 7 to 15"},
		{to(Phone{Number: "447700900123", DTMFAnswer: "12x"}), "to[0].dtmfAnswer: may hold only"},
		{to(Phone{Number: "447700900123", OnAnswer: &OnAnswer{URL: "https://x.example"}}), "to[0].onAnswer: is for connect only"},
		{to(SIP{}), "to[0].uri: has 0 characters, must have 1 to 50"},
		{to(SIP{URI: strings.Repeat("x", 51)}), "to[0].uri: has 51 characters"},
		{to(Websocket{ContentType: AudioL16Rate8000}), "to[0].uri: is required"},
		{to(Websocket{URI: "https://x.example", ContentType: AudioL16Rate8000}), "to[0].uri: must be an absolute ws or wss URL"},
		{to(Websocket{URI: "wss://x.example"}), "to[0].content-type: is required"},
		{to(Websocket{URI: "wss://x.example", ContentType: "audio/mp3"}), "to[0].content-type: must be audio/l16;rate=8000 or"},
		{to(Websocket{URI: "wss://x.example", ContentType: AudioL16Rate24000, Headers: map[string]any{"a": strings.Repeat("x", 512)}}), "to[0].headers: must be at most 512 bytes"},
		{to(Websocket{URI: "wss://x.example", ContentType: AudioL16Rate24000, Authorization: &WebsocketAuthorization{Type: "basic"}}), "to[0].authorization.type: must be vonage or custom"},
		{to(Websocket{URI: "wss://x.example", ContentType: AudioL16Rate24000, Authorization: &WebsocketAuthorization{Type: "custom"}}), "to[0].authorization.value: is required"},
		{to(VBC{Extension: "x"}), "to[0].extension: is required, digits only"},
		{to(App{}), "to[0].user: is required"},
		{func(r *CallRequest) { r.From = "" }, "from: exactly one of from and random_from_number"},
		{func(r *CallRequest) { r.RandomFromNumber = true }, "from: exactly one of from and random_from_number"},
		{func(r *CallRequest) { r.From = "Acme" }, "from: must be digits"},
		{func(r *CallRequest) { r.NCCO = nil }, "ncco: exactly one of ncco and answer_url"},
		{func(r *CallRequest) { r.AnswerURL = "https://x.example" }, "ncco: exactly one of ncco and answer_url"},
		{func(r *CallRequest) { r.NCCO = NCCO{nil} }, "ncco[0]: is nil"},
		{func(r *CallRequest) { r.NCCO = NCCO{Talk{}} }, "ncco[0].text: is required"},
		{func(r *CallRequest) { r.NCCO, r.AnswerURL = nil, "x.example" }, "answer_url: must be an absolute http or https URL"},
		{func(r *CallRequest) { r.AnswerMethod = "PUT" }, "answer_method: must be GET or POST"},
		{func(r *CallRequest) { r.EventURL = "/event" }, "event_url: must be an absolute"},
		{func(r *CallRequest) { r.EventMethod = "post" }, "event_method: must be GET or POST"},
		{func(r *CallRequest) { r.MachineDetection = "stop" }, "machine_detection: must be continue or hangup"},
		{func(r *CallRequest) { r.AdvancedMachineDetection = &AdvancedMachineDetection{Behavior: "x"} }, "advanced_machine_detection.behavior: must be"},
		{func(r *CallRequest) { r.AdvancedMachineDetection = &AdvancedMachineDetection{Mode: "x"} }, "advanced_machine_detection.mode: must be"},
		{func(r *CallRequest) { r.AdvancedMachineDetection = &AdvancedMachineDetection{BeepTimeout: 44} }, "advanced_machine_detection.beep_timeout: is 44, must be 45 to 120"},
		{func(r *CallRequest) { r.LengthTimer = 7201 }, "length_timer: is 7201, must be 1 to 7200"},
		{func(r *CallRequest) { r.LengthTimer = -1 }, "length_timer: is -1, must be 1 to 7200"},
		{func(r *CallRequest) { r.RingingTimer = 121 }, "ringing_timer: is 121, must be 1 to 120"},
	}
	for _, tt := range tests {
		r := testRequest()
		tt.edit(&r)
		c := newFakeClient(t, func(http.ResponseWriter, *http.Request) { t.Errorf("sent in spite of %q", tt.want) })
		_, err := c.CreateCall(t.Context(), nil, testToken(), r)
		wantError(t, err, VerdictRefused, 0)
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %q", err, tt.want)
		}
	}
}

// TestCallRequestAtLimits sends values just inside each limit.
func TestCallRequestAtLimits(t *testing.T) {
	t.Parallel()
	for _, edit := range []func(*CallRequest){
		func(r *CallRequest) { r.To = []Endpoint{Phone{Number: "1234567"}} },
		func(r *CallRequest) { r.To = []Endpoint{Phone{Number: "123456789012345"}} },
		func(r *CallRequest) { r.To = []Endpoint{SIP{URI: strings.Repeat("x", 50)}} },
		func(r *CallRequest) { r.LengthTimer, r.RingingTimer = 1, 1 },
		func(r *CallRequest) { r.LengthTimer, r.RingingTimer = 7200, 120 },
		func(r *CallRequest) { r.From = "sip:me@example.com" },
		func(r *CallRequest) { r.NCCO = NCCO{Talk{Text: strings.Repeat("é", 1500)}} },
		func(r *CallRequest) { r.NCCO, r.AnswerURL = nil, "http://127.0.0.1:8080/answer" },
		func(r *CallRequest) { r.AdvancedMachineDetection = &AdvancedMachineDetection{BeepTimeout: 120} },
		func(r *CallRequest) { r.EventURL = "" },
	} {
		r := testRequest()
		edit(&r)
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestValidateReportsAllMistakes(t *testing.T) {
	t.Parallel()
	err := CallRequest{LengthTimer: 9999}.Validate()
	want := "invalid request: to: must have at least one endpoint; from: exactly one of from and random_from_number must be given; " +
		"ncco: exactly one of ncco and answer_url must be given; length_timer: is 9999, must be 1 to 7200"
	if err == nil || err.Error() != want {
		t.Error(cmp.Diff(want, err.Error()))
	}
}

// A request that cannot be marshalled is invalid, so it is not tried again.
func TestRequestThatCannotBeMarshalled(t *testing.T) {
	t.Parallel()
	r := testRequest()
	r.NCCO = NCCO{Talk{Text: "Hello", Extra: Extra{"later": json.RawMessage("{")}}}
	c := newFakeClient(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	_, err := c.CreateCall(t.Context(), nil, testToken(), r)
	if e := wantError(t, err, VerdictRefused, 0); !errors.Is(e, ErrInvalid) {
		t.Errorf("got %v, want ErrInvalid", e)
	}
}
