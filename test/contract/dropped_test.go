package contract_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"dialer/internal/testkit/require"
	"dialer/voice"

	"github.com/getkin/kin-openapi/openapi3"
)

// schemaOf is the schema of a recorded body: of a request ("createCall"), of a
// response ("createCall 201"), of an event ("busy") or of a request for an NCCO
// ("/answer").
func (w *wire) schemaOf(kind string) *openapi3.Schema {
	w.t.Helper()
	name, status, isResponse := strings.Cut(kind, " ")
	for _, item := range w.doc.Paths.Map() {
		for _, op := range item.Operations() {
			if op.OperationID != name {
				continue
			}
			if !isResponse {
				return op.RequestBody.Value.Content["application/json"].Schema.Value
			}
			for _, media := range op.Responses.Value(status).Value.Content {
				return media.Schema.Value
			}
		}
	}
	switch {
	case kind == "ncco":
		return component(w.t, w.doc, "NCCO")
	case strings.HasPrefix(kind, "/"):
		return component(w.t, w.doc, "AnswerRequest")
	}
	return component(w.t, w.doc, "Event")
}

// TestDroppedFieldsAreSeen tests TestDocument: it takes the recorded bodies, breaks
// them in one place, and checks that the document does not allow it.
func TestDroppedFieldsAreSeen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := runAll(t, today, "")
		defer w.close()
		for kind, fields := range requiredMembers {
			s, body := w.schemaOf(kind), w.samples[kind]
			if err := s.VisitJSON(body); body == nil || err != nil {
				t.Fatalf("%s: %v before anything was dropped, %v", kind, body, err)
			}
			for _, place := range strings.Fields(fields) {
				if s.VisitJSON(withoutMember(t, body, place)) == nil {
					t.Errorf("%s: %s may be missing", kind, place)
				}
			}
		}
		for kind, body := range w.samples {
			w.misspell(kind, body)
		}
	})
}

// requiredMembers are the members that must be in each body.
var requiredMembers = map[string]string{
	"createCall":     "to from to.0.type to.0.number ncco ncco.0.action ncco.0.text",
	"createCall 201": "uuid status direction conversation_uuid",
	"createCall 400": "type title invalid_parameters.0.name invalid_parameters.0.reason",
	"createCall 429": "type title detail instance",
	"getCall 200": "_links _links.self _links.self.href uuid conversation_uuid to to.type to.number from status direction " +
		"rate price duration start_time end_time network",
	"getCall 401":    "type error_title",
	"getCall 404":    "type title",
	"getCalls 200":   "count page_size record_index _embedded _embedded.calls _links _links.self _links.first _links.last",
	"updateCall":     "action",
	"startTalk":      "text",
	"startTalk 200":  "message uuid",
	"startStream":    "stream_url stream_url.0",
	"startDTMF":      "digits",
	"subscribeDTMF":  "event_url",
	"stopTalk 200":   "message uuid",
	"stopStream 200": "message uuid",
	"startDTMF 200":  "message uuid",
	"ringing":        "headers from to uuid conversation_uuid status direction timestamp",
	"answered":       "from to uuid conversation_uuid status direction start_time rate network timestamp",
	"human":          "from to call_uuid conversation_uuid status timestamp",
	"machine":        "from to call_uuid conversation_uuid status timestamp",
	"busy":           "from to uuid conversation_uuid status direction sip_code timestamp",
	"failed":         "from to uuid status detail sip_code timestamp",
	"completed":      "from to uuid status direction start_time end_time duration rate price network timestamp",
	"disconnected":   "from to uuid conversation_uuid status timestamp",
	"transfer":       "conversation_uuid_from conversation_uuid_to type uuid timestamp",
	"input":          "from to uuid conversation_uuid timestamp dtmf dtmf.digits dtmf.timed_out speech",
	"notify":         "payload conversation_uuid timestamp",
	"record":         "recording_url recording_uuid size start_time end_time conversation_uuid timestamp",
	"error":          "reason conversation_uuid timestamp",
	"/answer":        "to from uuid conversation_uuid endpoint_type",
	"/fallback":      "to from uuid original_request.url original_request.type",
	"ncco":           "0.action 0.text",
}

// deepCopy copies a body.
func deepCopy(t testing.TB, body any) any {
	t.Helper()
	text, err := json.Marshal(body)
	require.NoError(t, err)
	return decode(t, text)
}

// withoutMember is a copy of the body without one member or element, named by its
// path.
func withoutMember(t testing.TB, body any, place string) any {
	t.Helper()
	changed := deepCopy(t, body)
	steps := strings.Split(place, ".")
	last := len(steps) - 1
	at := lookup(t, changed, steps[:last])
	if list, ok := at.([]any); ok && len(list) > 0 {
		list[0] = nil
		return changed
	}
	o, ok := at.(map[string]any)
	if _, found := o[steps[last]]; !ok || !found {
		t.Fatalf("there is no %s in %v", place, body)
	}
	delete(o, steps[last])
	return changed
}

func lookup(t testing.TB, at any, steps []string) any {
	t.Helper()
	for _, step := range steps {
		switch v := at.(type) {
		case map[string]any:
			at = v[step]
		case []any:
			at = v[0]
		default:
			t.Fatalf("no value at %s", strings.Join(steps, "."))
		}
	}
	return at
}

// misspell renames each member of a body in turn.
func (w *wire) misspell(kind string, body any) {
	w.t.Helper()
	o, ok := body.(map[string]any)
	if !ok {
		return
	}
	s := w.schemaOf(kind)
	for _, name := range slices.Sorted(maps.Keys(o)) {
		changed := deepCopy(w.t, body).(map[string]any)
		changed[name+"_"] = changed[name]
		delete(changed, name)
		if s.VisitJSON(changed) == nil {
			w.t.Errorf("%s: %s_ is allowed", kind, name)
		}
	}
}

// Most members of a request are optional for the schema. The coverage of the fields
// finds a missing one.
func TestDroppedOptionalFieldIsSeen(t *testing.T) {
	t.Parallel()
	doc := load(t, today)
	request := component(t, doc, "CallRequest")
	body, err := json.Marshal(voice.CallRequest{
		To: to("447700900101"), From: caller, AnswerURL: receiver + "/answer", AnswerMethod: http.MethodPost,
		EventURL: receiver + "/event", EventMethod: http.MethodPost, MachineDetection: "continue", LengthTimer: 600, RingingTimer: 45,
	})
	require.NoError(t, err)
	for _, name := range []string{"answer_method", "event_url", "event_method", "machine_detection", "length_timer", "ringing_timer"} {
		o := decode(t, body).(map[string]any)
		whole, less := newCoverage(doc), newCoverage(doc)
		whole.mark(request, o)
		delete(o, name)
		less.mark(request, o)
		place := "CallRequestMembers." + name
		if slices.Contains(whole.unseen(), place) || !slices.Contains(less.unseen(), place) {
			t.Errorf("%s may be missing", name)
		}
	}
}

// tolerated are values that the client never sends and Vonage accepts.
var tolerated = []string{"number = +447700900101", "from = +447700900001", "length_timer = 7201"}

// TestLimits tries values on both sides of each limit: the client, the document and
// the simulator must agree.
func TestLimits(t *testing.T) {
	t.Parallel()
	provider := newAccount(t, false)
	request := component(t, load(t, today), "CallRequest")
	for name, values := range map[string][]any{
		"length_timer":      {1, 7200, 7201, -1},
		"ringing_timer":     {1, 120, 121, -1},
		"answer_method":     {"GET", "POST", "PUT"},
		"event_method":      {"GET", "POST", "get"},
		"machine_detection": {"continue", "hangup", "detect"},
		"beep_timeout":      {45, 120, 44, 121},
		"mode":              {"default", "detect", "detect_beep", "beep"},
		"behavior":          {"continue", "hangup", "stop"},
		"number":            {"4477009", "447700", "447700900101234", "4477009001012345", "+447700900101", "44770090010a"},
		"dtmfAnswer":        {"p*123#", "12a"},
		"sip":               {"sip:a@b.test", strings.Repeat("s", 50), strings.Repeat("s", 51)},
		"content-type":      {voice.AudioL16Rate8000, voice.AudioL16Rate16000, voice.AudioL16Rate24000, "audio/l16;rate=44100"},
		"websocket":         {"wss://a.test", "ws://a.test", "https://a.test"},
		"extension":         {"12", "a"},
		"from":              {"447700900001", "sip:a@b.test", "4477", "+447700900001"},
		"answer_url":        {"https://a.test", "ftp://a.test"},
		"event_url":         {"http://a.test", "a.test"},
	} {
		for _, value := range values {
			r := requestWith(name, value)
			body, err := json.Marshal(r)
			require.NoError(t, err)
			refused, forbidden := r.Validate(), request.VisitJSON(decode(t, body))
			if (refused == nil) != (forbidden == nil) {
				t.Errorf("%s = %v: the client says %v, the document %v", name, value, refused, forbidden)
			}
			status, member, reason := provider.send("POST", "/v1/calls", string(body))
			wrong := refused != nil && !slices.Contains(tolerated, fmt.Sprintf("%s = %v", name, value))
			if wrong != (status == http.StatusBadRequest) {
				t.Errorf("%s = %v: the client says %v, the simulator %d, %s %s", name, value, refused, status, member, reason)
			}
		}
	}
}

// requestWith is a valid request with one value changed.
func requestWith(name string, value any) voice.CallRequest {
	r := voice.CallRequest{To: to("447700900101"), From: caller, AnswerURL: receiver + "/answer"}
	number, _ := value.(int)
	text := fmt.Sprint(value)
	switch name {
	case "length_timer":
		r.LengthTimer = number
	case "ringing_timer":
		r.RingingTimer = number
	case "answer_method":
		r.AnswerMethod = text
	case "event_method":
		r.EventMethod = text
	case "machine_detection":
		r.MachineDetection = text
	case "from":
		r.From = text
	case "answer_url":
		r.AnswerURL = text
	case "event_url":
		r.EventURL = text
	case "beep_timeout", "mode", "behavior":
		r.AdvancedMachineDetection = detection(name, text, number)
	default:
		r.To = []voice.Endpoint{endpointWith(name, text)}
	}
	return r
}

func detection(name, text string, number int) *voice.AdvancedMachineDetection {
	switch name {
	case "mode":
		return &voice.AdvancedMachineDetection{Mode: text}
	case "behavior":
		return &voice.AdvancedMachineDetection{Behavior: text}
	}
	return &voice.AdvancedMachineDetection{BeepTimeout: number}
}

func endpointWith(name, text string) voice.Endpoint {
	switch name {
	case "number":
		return voice.Phone{Number: text}
	case "dtmfAnswer":
		return voice.Phone{Number: "447700900101", DTMFAnswer: text}
	case "sip":
		return voice.SIP{URI: text}
	case "extension":
		return voice.VBC{Extension: text}
	case "content-type":
		return voice.Websocket{URI: "wss://a.test", ContentType: text}
	}
	return voice.Websocket{URI: text, ContentType: voice.AudioL16Rate8000}
}

// The client takes each voice of the contract and of today's API, and knows as many as
// the document has.
func TestVoiceNames(t *testing.T) {
	t.Parallel()
	doc := load(t, today)
	names := slices.Concat(component(t, doc, "ContractVoice").Enum, component(t, doc, "NewerVoice").Enum)
	for _, name := range names {
		if err := (voice.TalkRequest{Text: "Hello", VoiceName: name.(string)}).Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := voice.TalkRequest{Text: "Hello", VoiceName: "Nobody"}.Validate()
	if err == nil || len(names) != 96 || !strings.Contains(err.Error(), fmt.Sprintf("Vonage's %d voices", len(names))) {
		t.Errorf("%d names in the document; the client says %v", len(names), err)
	}
}
