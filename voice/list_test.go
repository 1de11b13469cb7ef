package voice

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

// capturedPage is what today's API sends.
const capturedPage = `{"count":3,"page_size":2,"record_index":0,"_embedded":{"calls":[
 {"uuid":"63f61863-4a51-4f6b-86e1-46edebcf9356","conversation_uuid":"CON-f972836a","status":"completed","direction":"outbound",
  "to":{"type":"phone","number":"447700900123"},"from":{"type":"phone","number":"+447700900000"},
  "rate":"0.10000000","price":"0.00333333","duration":"2","start_time":"2024-04-19T01:34:18.000Z","end_time":"2024-04-19T01:34:20.000Z",
  "network":"23420","_links":{"self":{"href":"/v1/calls/63f61863"}},"later":{"a":[1]}},
 {"uuid":"ABCDEF0123456789abcdef0123456789","status":"Started","direction":"outbound","to":{"type":"sip","uri":"sip:me@example.com"},
  "from":null,"rate":null,"price":null,"duration":null,"start_time":null,"end_time":null,"network":null}]},
 "_links":{"self":{"href":"/v1/calls?page_size=2"},"next":{"href":"/v1/calls?page_size=2&record_index=2"}}}`

// contractPage is the form of the contract of 2018.
const contractPage = `{"count":1,"page_size":10,"record_index":0,"_links":{"self":{"href":"/calls?page_size=10"}},"_embedded":{"calls":[
 {"uuid":"u-1","conversation_uuid":"CON-1","status":"completed","direction":"inbound","to":[{"type":"phone","number":"447700900123"}],
  "from":[{"type":"phone","number":"447700900000"}],"rate":0.39,"price":23.40,"duration":60,
  "start_time":"2020-01-01 12:00:00","end_time":"2020-01-01 12:01:00","network":"65512"}]}}`

func money(s string) decimal.NullDecimal {
	return decimal.NullDecimal{Decimal: decimal.RequireFromString(s), Valid: true}
}

func TestListPageForms(t *testing.T) {
	t.Parallel()
	at := func(s string) time.Time {
		parsed, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	today := CallPage{Count: 3, PageSize: 2, More: true, Calls: []Call{
		{UUID: "63f61863-4a51-4f6b-86e1-46edebcf9356", ConversationUUID: "CON-f972836a", Status: "completed", Direction: "outbound",
			To: CallParty{Type: "phone", Number: "447700900123"}, From: CallParty{Type: "phone", Number: "447700900000"},
			Rate: money("0.1"), Price: money("0.00333333"), Duration: new(2),
			StartTime: at("2024-04-19T01:34:18Z"), EndTime: at("2024-04-19T01:34:20Z"), Network: "23420"},
		{UUID: "ABCDEF0123456789abcdef0123456789", Status: "started", Direction: "outbound", To: CallParty{Type: "sip", URI: "sip:me@example.com"}},
	}}
	contract := CallPage{Count: 1, PageSize: 10, Calls: []Call{
		{UUID: "u-1", ConversationUUID: "CON-1", Status: "completed", Direction: "inbound",
			To: CallParty{Type: "phone", Number: "447700900123"}, From: CallParty{Type: "phone", Number: "447700900000"},
			Rate: money("0.39"), Price: money("23.4"), Duration: new(60),
			StartTime: at("2020-01-01T12:00:00Z"), EndTime: at("2020-01-01T12:01:00Z"), Network: "65512"},
	}}
	for text, want := range map[string]CallPage{capturedPage: today, contractPage: contract} {
		c := newFakeClient(t, (&script{answers: []func(http.ResponseWriter){body(text)}}).handle)
		got, err := c.ListCalls(t.Context(), ListFilter{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

// Absence is proved from lists, so a page that could hide a call is an error.
func TestIncompletePagesAreErrors(t *testing.T) {
	t.Parallel()
	pages := map[string]string{
		"empty object":     `{}`,
		"not an object":    `[]`,
		"no body":          ``,
		"an error":         `{"type":"UNAUTHORIZED","error_title":"Unauthorized"}`,
		"no count":         `{"_embedded":{"calls":[]}}`,
		"no calls":         `{"count":4}`,
		"calls not a list": `{"count":0,"_embedded":{"calls":{}}}`,
		"other page":       `{"count":1,"record_index":10,"_embedded":{"calls":[{"uuid":"u"}]}}`,
		"cut":              capturedPage[:len(capturedPage)-1],
	}
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newFakeClient(t, (&script{answers: []func(http.ResponseWriter){body(page)}}).handle)
				_, err := c.ListCalls(t.Context(), ListFilter{})
				wantError(t, err, VerdictUnknown, 200)
				for _, err := range c.Calls(t.Context(), ListFilter{}, 10) {
					wantError(t, err, VerdictUnknown, 200)
				}
			})
		})
	}
}

// A row that cannot be read may be any call. It is returned as a call without a uuid, and
// hides none of the others.
func TestUnreadableRows(t *testing.T) {
	t.Parallel()
	for _, row := range []string{`{"status":"started"}`, `null`, `{"uuid":7}`, `{"uuid":""}`, `"u"`} {
		synctest.Test(t, func(t *testing.T) {
			page := body(`{"count":3,"_embedded":{"calls":[{"uuid":"a"},` + row + `,{"uuid":"b"}]}}`)
			c := newFakeClient(t, (&script{answers: []func(http.ResponseWriter){page}}).handle)
			var got []string
			for call, err := range c.Calls(t.Context(), ListFilter{}, 2) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, call.UUID)
			}
			if diff := cmp.Diff([]string{"a", "", "b"}, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", row, diff)
			}
		})
	}
}

func TestEmptyList(t *testing.T) {
	t.Parallel()
	for _, page := range []string{`{"count":0}`, `{"count":"0","_embedded":{"calls":[]}}`, `{"count":0,"_embedded":{"calls":null}}`} {
		c := newFakeClient(t, (&script{answers: []func(http.ResponseWriter){body(page)}}).handle)
		for call, err := range c.Calls(t.Context(), ListFilter{}, 10) {
			t.Errorf("%s: got %v, %v, want nothing", page, call, err)
		}
	}
}

func TestListFilterOnTheWire(t *testing.T) {
	t.Parallel()
	var got url.Values
	c := newFakeClient(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.URL.Query()
		body(`{"count":0}`)(w)
	})
	berlin := time.FixedZone("CET", 3600)
	filter := ListFilter{
		Status: "completed", DateStart: time.Date(2026, 11, 22, 9, 0, 0, 999, berlin), DateEnd: time.Date(2026, 11, 22, 10, 0, 0, 1, berlin),
		PageSize: 50, RecordIndex: 100, Order: "desc", ConversationUUID: "CON-1&x",
	}
	if _, err := c.ListCalls(t.Context(), filter); err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"status": {"completed"}, "date_start": {"2026-11-22T08:00:00Z"}, "date_end": {"2026-11-22T09:00:01Z"},
		"page_size": {"50"}, "record_index": {"100"}, "order": {"desc"}, "conversation_uuid": {"CON-1&x"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := c.ListCalls(t.Context(), ListFilter{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(url.Values{"order": {"asc"}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestListFilterLimits(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, f := range []ListFilter{
		{Status: "human"}, {PageSize: 101}, {PageSize: -1}, {RecordIndex: -1}, {Order: "up"},
		{DateStart: now, DateEnd: now.Add(-time.Second)},
	} {
		c := newFakeClient(t, func(http.ResponseWriter, *http.Request) { t.Errorf("%+v was sent", f) })
		if _, err := c.ListCalls(t.Context(), f); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: got %v, want ErrInvalid", f, err)
		}
	}
}

func TestGetCallPath(t *testing.T) {
	t.Parallel()
	const odd = "0A0000000123ABCD1/../x?y=1 %"
	var path string
	c := newFakeClient(t, func(w http.ResponseWriter, r *http.Request) {
		path = r.URL.EscapedPath()
		body(`{"uuid":"0A0000000123ABCD1/../x?y=1 %","status":"busy"}`)(w)
	})
	call, err := c.GetCall(t.Context(), odd)
	if err != nil || call.UUID != odd || call.Status != "busy" {
		t.Errorf("got %+v, %v", call, err)
	}
	if want := "/v1/calls/0A0000000123ABCD1%2F..%2Fx%3Fy=1%20%25"; path != want {
		t.Errorf("got %s, want %s", path, want)
	}
	if _, err = c.GetCall(t.Context(), "0a0000000123abcd1"); !errors.As(err, new(*Error)) {
		t.Errorf("another call's record was taken: %v", err)
	}
	for _, uuid := range []string{"", ".", ".."} {
		if _, err := c.GetCall(t.Context(), uuid); !errors.Is(err, ErrInvalid) {
			t.Errorf("uuid %q: got %v, want ErrInvalid", uuid, err)
		}
	}
}

// Vonage may write the uuid differently than we asked for it. The next request uses the
// first form again.
func TestCallInAnotherWording(t *testing.T) {
	t.Parallel()
	const asked = "63f61863-4a51-4f6b-86e1-46edebcf9356"
	said := ""
	c := newFakeClient(t, func(w http.ResponseWriter, _ *http.Request) { body(`{"uuid":"` + said + `","status":"busy"}`)(w) })
	for _, said = range []string{strings.ToUpper(asked), strings.ReplaceAll(asked, "-", ""), "CALL-" + asked, "{" + asked + "}"} {
		if call, err := c.GetCall(t.Context(), asked); err != nil || call.UUID != asked || call.Status != "busy" {
			t.Errorf("answered as %q: got %+v, %v", said, call, err)
		}
	}
	for _, said = range []string{asked[:35] + "7", asked + "0", "a" + strings.ReplaceAll(asked, "-", "")} {
		if _, err := c.GetCall(t.Context(), asked); !errors.As(err, new(*Error)) {
			t.Errorf("the record of %q was taken for that of %q: %v", said, asked, err)
		}
	}
}

func TestMissingCallIsNotFound(t *testing.T) {
	t.Parallel()
	c := newFakeClient(t, (&script{answers: []func(http.ResponseWriter){status(404)}}).handle)
	if _, err := c.GetCall(t.Context(), "u-1"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}
