package voice

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Event is a webhook from Vonage. A member that the webhook does not have is zero.
type Event struct {
	// Kind is the status, or, for an event without one, input, transfer,
	// notify, record, error or unknown.
	Kind   string
	Status string // Vonage's word, lower case; may be one we do not know
	// UUID is the call's uuid, from the member uuid or call_uuid.
	UUID             string
	ConversationUUID string
	Direction        string
	To, From         string // numbers in E.164 digits, or addresses
	ToType, FromType string // for example phone or sip; "" if there is only a number or an address
	Timestamp        time.Time
	Detail           string // why the call failed
	SubState         string // of machine: beep_start or beep_timeout
	Reason           string // for an error event, or a fallback
	SIPCode          *int
	DisconnectedBy   string // platform or user

	Rate      decimal.NullDecimal // a minute
	Price     decimal.NullDecimal
	Duration  *int // seconds
	StartTime time.Time
	EndTime   time.Time
	Network   string

	DTMF      *DTMF
	Speech    *Speech
	Recording *Recording
	Payload   json.RawMessage // of notify, unchanged
	// ConversationFrom and ConversationTo are those of a transfer.
	ConversationFrom string
	ConversationTo   string

	// Body is the whole event: the JSON of a POST, or the query of a GET as a
	// JSON object.
	Body json.RawMessage
}

// DTMF is the keys that were pressed.
type DTMF struct {
	Digits   string
	TimedOut bool
}

// Speech is what the person said. Error is set if it was not understood.
type Speech struct {
	Results       []SpeechResult // best first
	Error         string
	TimeoutReason string
	RecordingURL  string
}

// SpeechResult is one interpretation of what was said.
type SpeechResult struct {
	Text       string
	Confidence float64 // 0 to 1
}

// Recording says where a recording can be downloaded.
type Recording struct {
	URL  string
	UUID string
	Size *int // bytes
}

// ParseEvent reads a webhook in its POST form, a JSON body, or in its GET form, a
// query. It is lenient: only a body that is not a JSON object is an error. Verify the
// webhook first.
func ParseEvent(method string, query url.Values, body []byte) (Event, error) {
	if method == http.MethodGet {
		flat, err := flatten(query)
		if err != nil {
			return Event{}, err
		}
		body = flat
	}
	o, err := parseObject(body)
	if err != nil {
		return Event{}, fmt.Errorf("read webhook: %w", err)
	}
	e := Event{Body: body}
	e.readCommon(o)
	e.readBill(o)
	e.readInput(o)
	e.readOthers(o)
	e.setKind(o)
	return e, nil
}

// flatten turns a query into a JSON object of strings.
func flatten(query url.Values) ([]byte, error) {
	first := make(map[string]string, len(query))
	for key := range query {
		first[key] = query.Get(key)
	}
	return encodeBody(first)
}

func (e *Event) readCommon(o object) {
	e.Status = o.word("status")
	e.UUID = o.id("uuid")
	if e.UUID == "" {
		e.UUID = o.id("call_uuid")
	}
	e.ConversationUUID = o.id("conversation_uuid")
	e.Direction = o.word("direction")
	to, from := parseParty(o["to"]), parseParty(o["from"])
	e.To, e.ToType, e.From, e.FromType = to.address(), to.Type, from.address(), from.Type
	if e.From == "" {
		e.From = o.text("from_user")
	}
	e.Timestamp = o.time("timestamp")
	e.Detail, e.SubState, e.Reason = o.text("detail"), o.word("sub_state"), o.text("reason")
	e.SIPCode, e.DisconnectedBy = o.whole("sip_code"), o.word("disconnected_by")
}

func (e *Event) readBill(o object) {
	e.Rate, e.Price, e.Duration = o.decimal("rate"), o.decimal("price"), o.whole("duration")
	e.StartTime, e.EndTime = o.time("start_time"), o.time("end_time")
	e.Network = o.text("network")
}

func (e *Event) readInput(o object) {
	e.DTMF = parseDTMF(o)
	if s, ok := o.nested("speech"); ok {
		e.Speech = &Speech{
			Results: parseResults(s["results"]), Error: s.text("error"),
			TimeoutReason: s.text("timeout_reason"), RecordingURL: s.text("recording_url"),
		}
	}
}

// parseDTMF reads today's form, an object, or the old form, in which the digits and
// timed_out are members of the event.
func parseDTMF(o object) *DTMF {
	if d, ok := o.nested("dtmf"); ok {
		return &DTMF{Digits: d.text("digits"), TimedOut: d.flag("timed_out")}
	}
	if !o.has("dtmf") {
		return nil
	}
	return &DTMF{Digits: o.text("dtmf"), TimedOut: o.flag("timed_out")}
}

func parseResults(raw json.RawMessage) []SpeechResult {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	var results []SpeechResult
	for _, item := range list {
		if o, err := parseObject(item); err == nil {
			confidence, _ := strconv.ParseFloat(scalar(o["confidence"]), 64)
			results = append(results, SpeechResult{Text: o.text("text"), Confidence: confidence})
		}
	}
	return results
}

func (e *Event) readOthers(o object) {
	if url := o.text("recording_url"); url != "" {
		e.Recording = &Recording{URL: url, UUID: o.id("recording_uuid"), Size: o.whole("size")}
	}
	if o.has("payload") {
		e.Payload = unwrapped(o["payload"])
	}
	e.ConversationFrom = o.id("conversation_uuid_from")
	e.ConversationTo = o.id("conversation_uuid_to")
}

// unwrapped returns the JSON inside a text, as a GET has it, or raw itself otherwise.
func unwrapped(raw json.RawMessage) json.RawMessage {
	if text := scalar(raw); strings.HasPrefix(text, "{") && json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	return raw
}

// withoutStatus are words that Vonage has sent as a status but that are not states of a
// call.
var withoutStatus = []string{"input", "transfer", "notify", "record", "error"}

// setKind sets the kind, and clears a status that is not one.
func (e *Event) setKind(o object) {
	e.Kind = e.Status
	if slices.Contains(withoutStatus, e.Status) {
		e.Status = ""
	}
	if e.Kind == "" {
		e.Kind = e.infer(o)
	}
}

// infer finds the kind of an event without a status from its members.
func (e *Event) infer(o object) string {
	switch {
	case o.word("type") == "transfer", e.ConversationFrom != "":
		return "transfer"
	case e.Recording != nil:
		return "record"
	case e.DTMF != nil, e.Speech != nil:
		return "input"
	case e.Payload != nil:
		return "notify"
	case e.Reason != "" && !o.has("original_request"):
		return "error"
	}
	return "unknown"
}
