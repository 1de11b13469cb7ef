package voice

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func eventTime(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at.UTC()
}

// TestParseEvent reads every event of Vonage, in its POST form.
func TestParseEvent(t *testing.T) {
	t.Parallel()
	const ids = `"uuid":"u-1","conversation_uuid":"CON-1","from":"447700900000","to":"447700900123","timestamp":"2026-11-22T12:00:00.123Z"`
	at := eventTime(t, "2026-11-22T12:00:00.123Z")
	common := func(e Event) Event {
		e.UUID, e.ConversationUUID, e.From, e.To, e.Timestamp = "u-1", "CON-1", "447700900000", "447700900123", at
		return e
	}
	outbound := func(status string) Event {
		return common(Event{Kind: status, Status: status, Direction: "outbound"})
	}
	with := func(e Event, edit func(*Event)) Event { edit(&e); return e }
	tests := map[string]struct {
		body string
		want Event
	}{
		"started":  {`{` + ids + `,"headers":{},"status":"started","direction":"outbound"}`, outbound("started")},
		"answered": {`{` + ids + `,"status":"answered","direction":"outbound","start_time":null,"rate":null,"network":null}`, outbound("answered")},
		"upper":    {`{` + ids + `,"status":" Ringing","direction":"Outbound"}`, outbound("ringing")},
		"machine with call_uuid": {`{"call_uuid":"u-1","conversation_uuid":"CON-1","from":"447700900000","to":"+447700900123","timestamp":"2026-11-22T12:00:00.123Z","status":"machine","sub_state":"beep_start"}`,
			common(Event{Kind: "machine", Status: "machine", SubState: "beep_start"})},
		"rejected": {`{` + ids + `,"status":"rejected","direction":"outbound","detail":"declined","sip_code":603}`,
			with(outbound("rejected"), func(e *Event) { e.Detail, e.SIPCode = "declined", new(603) })},
		"completed": {`{` + ids + `,"status":"completed","direction":"outbound","start_time":"2026-11-22T11:59:00.000Z","end_time":"2026-11-22T12:00:01.000Z",
			"duration":"61","rate":"0.01270000","price":"0.01291167","network":"GB-FIXED","disconnected_by":"user"}`,
			with(outbound("completed"), func(e *Event) {
				e.StartTime, e.EndTime = eventTime(t, "2026-11-22T11:59:00Z"), eventTime(t, "2026-11-22T12:00:01Z")
				e.Duration, e.Rate, e.Price, e.Network, e.DisconnectedBy = new(61), money("0.0127"), money("0.01291167"), "GB-FIXED", "user"
			})},
		"completed with numbers": {`{` + ids + `,"status":"completed","duration":61,"price":0.01291167}`,
			with(common(Event{Kind: "completed", Status: "completed"}), func(e *Event) { e.Duration, e.Price = new(61), money("0.01291167") })},
		"an unknown word": {`{` + ids + `,"status":"pondering"}`, common(Event{Kind: "pondering", Status: "pondering"})},
		"parties of the contract": {`{"uuid":"u-1","conversation_uuid":"CON-1","timestamp":"2026-11-22T12:00:00.123Z","status":"busy",
			"from":[{"type":"phone","number":"447700900000"}],"to":{"type":"phone","number":"447700900123"}}`, common(Event{Kind: "busy", Status: "busy", ToType: "phone", FromType: "phone"})},
		"disconnected": {`{"uuid":"u-1","conversation_uuid":"CON-1","status":"disconnected","to":"wss://example.com/socket","from":"me","timestamp":"2026-11-22T12:00:00.123Z"}`,
			Event{Kind: "disconnected", Status: "disconnected", UUID: "u-1", ConversationUUID: "CON-1", To: "wss://example.com/socket", From: "me", Timestamp: at}},
		"transfer": {`{"conversation_uuid_from":"CON-1","conversation_uuid_to":"CON-2","type":"transfer","uuid":"u-1","timestamp":"2026-11-22T12:00:00.123Z"}`,
			Event{Kind: "transfer", UUID: "u-1", ConversationFrom: "CON-1", ConversationTo: "CON-2", Timestamp: at}},
		"input": {`{` + ids + `,"dtmf":{"digits":"042","timed_out":false},"speech":{"error":"Speech was not enabled"}}`,
			common(Event{Kind: "input", DTMF: &DTMF{Digits: "042"}, Speech: &Speech{Error: "Speech was not enabled"}})},
		"speech": {`{` + ids + `,"dtmf":{"digits":null,"timed_out":true},"speech":{"timeout_reason":"end_on_silence_timeout","recording_url":"https://r.example/1",
			"results":[{"text":"yes","confidence":"0.95"},{"text":"yeah","confidence":0.5},7]}}`,
			common(Event{Kind: "input", DTMF: &DTMF{TimedOut: true}, Speech: &Speech{TimeoutReason: "end_on_silence_timeout", RecordingURL: "https://r.example/1",
				Results: []SpeechResult{{"yes", 0.95}, {"yeah", 0.5}}}})},
		"old input": {`{"uuid":"u-1","conversation_uuid":"CON-1","dtmf":"42","timed_out":true}`,
			Event{Kind: "input", UUID: "u-1", ConversationUUID: "CON-1", DTMF: &DTMF{Digits: "42", TimedOut: true}}},
		"notify": {`{"conversation_uuid":"CON-1","timestamp":"2026-11-22T12:00:00.123Z","payload":{"a":1}}`,
			Event{Kind: "notify", ConversationUUID: "CON-1", Timestamp: at, Payload: json.RawMessage(`{"a":1}`)}},
		"record": {`{"conversation_uuid":"CON-1","timestamp":"2026-11-22T12:00:00.123Z","recording_url":"https://r.example/1","recording_uuid":"r-1","size":12222,
			"start_time":"2026-11-22T11:59:00Z","end_time":"2026-11-22T12:00:01Z"}`,
			Event{Kind: "record", ConversationUUID: "CON-1", Timestamp: at, Recording: &Recording{URL: "https://r.example/1", UUID: "r-1", Size: new(12222)},
				StartTime: eventTime(t, "2026-11-22T11:59:00Z"), EndTime: eventTime(t, "2026-11-22T12:00:01Z")}},
		"error": {`{"conversation_uuid":"CON-1","timestamp":"2026-11-22T12:00:00.123Z","reason":"Syntax error in NCCO. Invalid value type or action."}`,
			Event{Kind: "error", ConversationUUID: "CON-1", Timestamp: at, Reason: "Syntax error in NCCO. Invalid value type or action."}},
		"transfer as a status": {`{"uuid":"u-1","status":"transfer"}`, Event{Kind: "transfer", UUID: "u-1"}},
		"nothing":              {`{}`, Event{Kind: "unknown"}},
		"wrong kinds": {`{"status":["completed"],"uuid":7,"to":{},"from":false,"timestamp":"soon","duration":"1.5","price":"1e9","rate":"-1","dtmf":null,"speech":"x","payload":null,"sip_code":"x"}`,
			Event{Kind: "unknown", From: "false"}},
		"control characters": {`{"status":"bu\u0000sy\n","uuid":"u\u0000-1"}`, Event{Kind: "busy", Status: "busy"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseEvent(http.MethodPost, url.Values{"attempt": {"7"}}, []byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Body = json.RawMessage(tt.body)
			if diff := cmp.Diff(tt.want, got, cmp.Comparer(sameJSON)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	return string(a) == string(b) || json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && cmp.Equal(x, y)
}

func TestParseEventGet(t *testing.T) {
	t.Parallel()
	tests := []struct {
		query string
		want  Event
		body  string
	}{
		{"attempt=7&uuid=u-1&status=answered&rate=&network=&start_time=&to=%2B447700900123",
			Event{Kind: "answered", Status: "answered", UUID: "u-1", To: "447700900123"},
			`{"attempt":"7","network":"","rate":"","start_time":"","status":"answered","to":"+447700900123","uuid":"u-1"}`},
		{"uuid=u-1&dtmf=%7B%22digits%22%3A%2212%22%2C%22timed_out%22%3Atrue%7D",
			Event{Kind: "input", UUID: "u-1", DTMF: &DTMF{Digits: "12", TimedOut: true}},
			`{"dtmf":"{\"digits\":\"12\",\"timed_out\":true}","uuid":"u-1"}`},
		{"uuid=u-1&dtmf=042&timed_out=true", Event{Kind: "input", UUID: "u-1", DTMF: &DTMF{Digits: "042", TimedOut: true}},
			`{"dtmf":"042","timed_out":"true","uuid":"u-1"}`},
		{"conversation_uuid=CON-1&payload=%7B%22a%22%3A1%7D", Event{Kind: "notify", ConversationUUID: "CON-1", Payload: json.RawMessage(`{"a":1}`)},
			`{"conversation_uuid":"CON-1","payload":"{\"a\":1}"}`},
		{"uuid=u-1&status=completed&price=0.5&duration=61&start_time=2020-01-01%2012:00:00",
			Event{Kind: "completed", Status: "completed", UUID: "u-1", Price: money("0.5"), Duration: new(61), StartTime: time.Date(2020, 1, 1, 12, 0, 0, 0, time.UTC)},
			`{"duration":"61","price":"0.5","start_time":"2020-01-01 12:00:00","status":"completed","uuid":"u-1"}`},
		{"", Event{Kind: "unknown"}, `{}`},
	}
	for _, tt := range tests {
		query, err := url.ParseQuery(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseEvent(http.MethodGet, query, nil)
		if err != nil {
			t.Fatal(err)
		}
		tt.want.Body = json.RawMessage(tt.body)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.query, diff)
		}
	}
}

func TestParseEventNotObject(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "[]", "null", "7", `{"a":1`, `{"a":1}{}`, "uuid=u-1"} {
		if e, err := ParseEvent(http.MethodPost, url.Values{"uuid": {"u-1"}}, []byte(text)); err == nil {
			t.Errorf("%q: taken as %+v", text, e)
		}
	}
}

func TestDecimals(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"0", "2", "0.10000000", "0.00333333", "23.40", "123456789012345678901234", "1234567890.12345678901234"} {
		if got := parseDecimal(s); !got.Valid || !got.Decimal.Equal(money(s).Decimal) {
			t.Errorf("%q: got %+v", s, got)
		}
	}
	for _, s := range []string{"", ".", ".5", "5.", "-1", "+1", "1e9", "1E999999999", "NaN", "Inf", "0x1", "1,5", " 1", "1 ", "1_0", "٣",
		"1234567890123456789012345", "1.2.3"} {
		if got := parseDecimal(s); got.Valid {
			t.Errorf("%q: taken as %s", s, got.Decimal)
		}
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, s := range []string{"2026-11-22T12:00:00Z", "2026-11-22T12:00:00.000Z", "2026-11-22 12:00:00", "2026-11-22T12:00:00",
		"2026-11-22T13:00:00+01:00", "2026-11-22T13:00:00.000+0100", "2026-11-22 13:00:00+01:00"} {
		o := object{"t": json.RawMessage(`"` + s + `"`)}
		if got := o.time("t"); !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%s: got %s", s, got)
		}
	}
	for _, s := range []string{"", "now", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00", "0000-00-00 00:00:00", "2026-13-01T00:00:00Z"} {
		o := object{"t": json.RawMessage(`"` + s + `"`)}
		if got := o.time("t"); !got.IsZero() {
			t.Errorf("%s: got %s, want none", s, got)
		}
	}
}
