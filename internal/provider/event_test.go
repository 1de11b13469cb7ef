package provider

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"dialer/campaign"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

// noon is the time of these tests.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

const (
	attempt      = "01931d4c-7b00-7000-8000-000000000001"
	leg          = "63f61863-4a51-4f6b-86e1-46edebcf9356"
	conversation = "CON-f972836a-550f-45fa-956c-12a2ab5b7d22"
	common       = `"to":"447700900001","from":"442079460000","uuid":"` + leg + `","conversation_uuid":"` + conversation + `","direction":"outbound","timestamp":"2026-11-20T11:59:58.123Z","headers":{}`
)

// evidence is the evidence in the common members.
func evidence(status string) campaign.Evidence {
	return campaign.Evidence{
		Source: campaign.FromEvent, CallUUID: leg, ConversationUUID: conversation, Status: status, Direction: "outbound",
		To: "447700900001", From: "442079460000", ToKind: campaign.PartyPhone, FromKind: campaign.PartyPhone,
		At: time.Date(2026, 11, 20, 11, 59, 58, 123e6, time.UTC), ObservedAt: noon,
	}
}

func edit(e campaign.Evidence, change func(*campaign.Evidence)) campaign.Evidence {
	change(&e)
	return e
}

func money(s string) decimal.NullDecimal {
	return decimal.NullDecimal{Decimal: decimal.RequireFromString(s), Valid: true}
}

func cost(change func(*campaign.Bill)) func(*campaign.Evidence) {
	return func(e *campaign.Evidence) {
		e.Bill = campaign.Bill{Source: campaign.FromEvent, ObservedAt: noon}
		change(&e.Bill)
	}
}

// events has every event that Vonage is known to send, in each form that was seen.
var events = []struct {
	name, body, kind string
	want             campaign.Evidence
}{
	{"started", `{"status":"started",` + common + `}`, "started", evidence("started")},
	{"ringing", `{"status":"ringing",` + common + `}`, "ringing", evidence("ringing")},
	{"answered", `{"status":"answered","start_time":null,"rate":null,"network":null,` + common + `}`, "answered", evidence("answered")},
	{
		"human, with call_uuid and no direction",
		`{"status":"human","call_uuid":"` + leg + `","conversation_uuid":"` + conversation + `","from":"442079460000","to":"447700900001","timestamp":"2026-11-20T11:59:58.123Z"}`,
		"human", edit(evidence("human"), func(e *campaign.Evidence) { e.Direction = "" }),
	},
	{
		"machine, with a beep", `{"status":"machine","sub_state":"beep_start","call_uuid":"` + leg + `","conversation_uuid":"` + conversation + `","from":"442079460000","to":"447700900001","timestamp":"2026-11-20T11:59:58.123Z"}`,
		"machine", edit(evidence("machine"), func(e *campaign.Evidence) { e.Direction = "" }),
	},
	{"busy", `{"status":"busy","sip_code":486,` + common + `}`, "busy", evidence("busy")},
	{"cancelled", `{"status":"cancelled",` + common + `}`, "cancelled", evidence("cancelled")},
	{"rejected", `{"status":"rejected","detail":"declined","sip_code":603,` + common + `}`, "rejected", evidence("rejected")},
	{"failed", `{"status":"failed","detail":"cannot_route","sip_code":"404",` + common + `}`, "failed", evidence("failed")},
	{"unanswered", `{"status":"unanswered","detail":"unavailable",` + common + `}`, "unanswered", evidence("unanswered")},
	{"timeout", `{"status":"timeout",` + common + `}`, "timeout", evidence("timeout")},
	{
		"completed, its numbers as text",
		`{"status":"completed","start_time":"2026-11-20T11:59:00.000Z","end_time":"2026-11-20T11:59:58.000Z","duration":"58","rate":"0.01270000","price":"0.01227667","network":"GB-FIXED","disconnected_by":"user",` + common + `}`,
		"completed", edit(evidence("completed"), cost(func(b *campaign.Bill) {
			b.Rate, b.Price, b.Duration, b.Network = money("0.0127"), money("0.01227667"), new(58), "GB-FIXED"
			b.StartTime = time.Date(2026, 11, 20, 11, 59, 0, 0, time.UTC)
			b.EndTime = time.Date(2026, 11, 20, 11, 59, 58, 0, time.UTC)
		})),
	},
	{
		"completed, its numbers as numbers", `{"status":"completed","duration":0,"rate":0.0127,"price":0,"network":"23420",` + common + `}`,
		"completed", edit(evidence("completed"), cost(func(b *campaign.Bill) {
			b.Rate, b.Price, b.Duration, b.Network = money("0.0127"), money("0"), new(0), "23420"
		})),
	},
	{
		"completed, its numbers not known", `{"status":"completed","duration":null,"rate":"","price":"1e-3","start_time":null,` + common + `}`,
		"completed", edit(evidence("completed"), cost(func(*campaign.Bill) {})),
	},
	{"in capitals", `{"status":"ANSWERED",` + common + `}`, "answered", evidence("answered")},
	{"disconnected", `{"status":"disconnected",` + common + `}`, "disconnected", evidence("disconnected")},
	{"an unknown word", `{"status":"levitating","new":{"deep":[1]},` + common + `}`, "levitating", evidence("levitating")},
	{
		"transfer", `{"conversation_uuid_from":"CON-1","conversation_uuid_to":"CON-2","type":"transfer","uuid":"` + leg + `","timestamp":"2026-11-20T11:59:58.123Z"}`,
		"transfer", campaign.Evidence{Source: campaign.FromEvent, CallUUID: leg, At: evidence("").At, ObservedAt: noon},
	},
	{
		"input", `{"dtmf":{"digits":"1","timed_out":false},"speech":{"error":"Speech was not enabled"},"to":"447700900001","from":"442079460000","uuid":"` + leg + `","conversation_uuid":"` + conversation + `","timestamp":"2026-11-20T11:59:58.123Z"}`,
		"input", edit(evidence(""), func(e *campaign.Evidence) { e.Direction = "" }),
	},
	{
		"input, the old form", `{"dtmf":"42","timed_out":true,"uuid":"` + leg + `"}`, "input",
		campaign.Evidence{Source: campaign.FromEvent, CallUUID: leg, ObservedAt: noon},
	},
	{
		"notify", `{"payload":{"x":1},"conversation_uuid":"` + conversation + `","timestamp":"2026-11-20T11:59:58.123Z"}`, "notify",
		campaign.Evidence{Source: campaign.FromEvent, ConversationUUID: conversation, At: evidence("").At, ObservedAt: noon},
	},
	{
		"record, whose times are the recording's",
		`{"recording_url":"https://example.com/r","recording_uuid":"r","size":1,"start_time":"2026-11-20T11:59:00Z","end_time":"2026-11-20T11:59:58Z","conversation_uuid":"` + conversation + `","timestamp":"2026-11-20T11:59:58.123Z"}`,
		"record", campaign.Evidence{Source: campaign.FromEvent, ConversationUUID: conversation, At: evidence("").At, ObservedAt: noon},
	},
	{
		"error", `{"reason":"Syntax error in NCCO. Invalid value type or action.","conversation_uuid":"` + conversation + `","timestamp":"2026-11-20T11:59:58.123Z"}`,
		"error", campaign.Evidence{Source: campaign.FromEvent, ConversationUUID: conversation, At: evidence("").At, ObservedAt: noon},
	},
	{
		"a leg to another party", `{"status":"answered","to":"sip:desk@example.com","from":"442079460000","uuid":"other"}`, "answered",
		campaign.Evidence{Source: campaign.FromEvent, CallUUID: "other", Status: "answered", ToKind: campaign.PartyOther, From: "442079460000", FromKind: campaign.PartyPhone, ObservedAt: noon},
	},
	{
		"a leg to a user by name", `{"status":"answered","to":"ann","from":"Unknown","uuid":"other"}`, "answered",
		campaign.Evidence{Source: campaign.FromEvent, CallUUID: "other", Status: "answered", ToKind: campaign.PartyUnreadable, FromKind: campaign.PartyUnreadable, ObservedAt: noon},
	},
	{"an empty object", `{}`, "unknown", campaign.Evidence{Source: campaign.FromEvent, ObservedAt: noon}},
	{"a list", `[1,2]`, "unknown", campaign.Evidence{}},
	{"a text", `"hello"`, "unknown", campaign.Evidence{}},
	{"null", `null`, "unknown", campaign.Evidence{}},
}

func TestInvalidNumber(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"status":"rejected","detail":"invalid_number"`:               "invalid_number",
		`{"status":"failed","detail":"number_out_of_service"`:          "number_out_of_service",
		`{"status":"failed","sip_code":404`:                            "sip_code 404",
		`{"status":"failed","sip_code":503`:                            "",
		`{"status":"failed","detail":"cannot_route","sip_code":404`:    "",
		`{"status":"rejected","detail":"declined","sip_code":603`:      "",
		`{"status":"completed","detail":"number_out_of_service"`:       "",
		`{"status":"unanswered","detail":"unavailable","sip_code":480`: "",
	} {
		got, err := ParseEvent(http.MethodPost, nil, []byte(body+`,`+common+`}`), noon)
		if err != nil || got.Invalid != want {
			t.Errorf("%s: %q, %v, want %q", body, got.Invalid, err, want)
		}
	}
}

func TestParseEvent(t *testing.T) {
	t.Parallel()
	for _, c := range events {
		got, err := ParseEvent(http.MethodPost, nil, []byte(c.body), noon)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		want := campaign.Received{
			Body: json.RawMessage(c.body), Kind: c.kind, Evidence: c.want,
			Pressed: map[string]string{"input": "1", "input, the old form": "42"}[c.name], Beeped: c.name == "machine, with a beep",
		}
		if c.kind == "record" {
			began := time.Date(2026, 11, 20, 11, 59, 0, 0, time.UTC)
			want.Recording = &campaign.Recording{URL: "https://example.com/r", ID: "r", StartedAt: began, EndedAt: began.Add(58 * time.Second), Bytes: new(1)}
		}
		if diff := cmp.Diff(want, got, sameMoney); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.name, diff)
		}
	}
}

var sameMoney = cmp.Comparer(func(a, b decimal.Decimal) bool { return a.Equal(b) })

func TestParseEventGet(t *testing.T) {
	t.Parallel()
	for _, c := range events {
		query := asQuery(t, c.body)
		if query == nil {
			continue
		}
		query.Set("attempt", attempt)
		got, err := ParseEvent(http.MethodGet, query, nil, noon)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(c.want, got.Evidence, sameMoney); diff != "" || got.Kind != c.kind {
			t.Errorf("%s: kind %q, want %q; (-want +got)\n%s", c.name, got.Kind, c.kind, diff)
		}
		var stored map[string]string
		if err := json.Unmarshal(got.Body, &stored); err != nil || stored["uuid"] != query.Get("uuid") {
			t.Errorf("%s: the stored document %s is not the query as an object (%v)", c.name, got.Body, err)
		}
	}
}

// asQuery is an event in Vonage's form for a GET: a nested object becomes its text, null
// becomes empty.
func asQuery(t *testing.T, body string) url.Values {
	t.Helper()
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(body), &members) != nil || members == nil {
		return nil
	}
	query := url.Values{}
	for name, raw := range members {
		var text string
		switch {
		case string(raw) == "null":
			query.Set(name, "")
		case json.Unmarshal(raw, &text) == nil:
			query.Set(name, text)
		default:
			query.Set(name, string(raw))
		}
	}
	return query
}

func TestParseEventNotJSON(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", " ", "hello", `{"status":"answered"`, `{"a":1}{"b":2}`, "{\"status\":\"an\x00swered\"}", "status=answered", strings.Repeat("[", 20_000)} {
		if got, err := ParseEvent(http.MethodPost, nil, []byte(body), noon); err == nil {
			t.Errorf("%.40q gave %+v, want an error", body, got)
		}
	}
}

func FuzzParseEvent(f *testing.F) {
	for _, c := range events {
		f.Add([]byte(c.body))
	}
	f.Add([]byte("{\"status\":\"a\\u0000b\",\"uuid\":\"\xff\"}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := ParseEvent(http.MethodPost, nil, body, noon)
		if err != nil {
			return
		}
		if !json.Valid(got.Body) {
			t.Errorf("the stored document is not JSON: %q", got.Body)
		}
		for _, text := range []string{got.Kind, got.Evidence.Status, got.Evidence.CallUUID, got.Evidence.ConversationUUID, got.Evidence.To, got.Evidence.From} {
			if strings.ContainsRune(text, 0) || strings.ToValidUTF8(text, "") != text {
				t.Errorf("%q cannot be stored as text", text)
			}
		}
	})
}
