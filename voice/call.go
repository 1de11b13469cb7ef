package voice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Call is Vonage's record of one call. Members that are known only after the call's end
// are zero or nil before that.
type Call struct {
	UUID             string // opaque
	ConversationUUID string
	Status           string // Vonage's word, lower case
	Direction        string // outbound or inbound
	To, From         CallParty
	Rate             decimal.NullDecimal // a minute
	Price            decimal.NullDecimal
	Duration         *int // seconds
	StartTime        time.Time
	EndTime          time.Time
	Network          string
}

// CallParty is one end of a call. For a phone it has a Number, in E.164 digits;
// for other types of endpoint one of the other members.
type CallParty struct {
	Type      string
	Number    string
	URI       string
	User      string
	Extension string
}

// GetCall reads one call. If Vonage does not have it, or no longer has it, the error is
// an ErrNotFound. See https://developer.vonage.com/en/api/voice#getCall.
func (c *Client) GetCall(ctx context.Context, uuid string) (Call, error) {
	const op = "get call"
	if err := checkUUID(uuid); err != nil {
		return Call{}, unsent(op, err)
	}
	rep, err := c.do(ctx, request{op: op, method: http.MethodGet, path: callPath(uuid), retry: retryAlways})
	if err != nil {
		return Call{}, err
	}
	call, err := parseCall(rep.body)
	if err != nil {
		return Call{}, rep.unreadable(op, err)
	}
	if !sameUUID(call.UUID, uuid) {
		return Call{}, rep.unreadable(op, errors.New("the response is about another call"))
	}
	call.UUID = uuid // Vonage accepts a uuid only as it first wrote it
	return call, nil
}

// uuidForm finds a uuid at the end of a call's name, with or without dashes.
var uuidForm = regexp.MustCompile(`^(?:.*[^0-9A-Za-z])?([0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12})}?$`)

// sameUUID reports whether two names mean the same call. A uuid may be written in upper
// case, without dashes, in braces, or after a prefix.
func sameUUID(a, b string) bool {
	first, second := uuidForm.FindStringSubmatch(a), uuidForm.FindStringSubmatch(b)
	if first == nil || second == nil {
		return a == b
	}
	return strings.EqualFold(strings.ReplaceAll(first[1], "-", ""), strings.ReplaceAll(second[1], "-", ""))
}

// checkUUID refuses a uuid that would address anything but one call.
func checkUUID(uuid string) error {
	if uuid == "" || uuid == "." || uuid == ".." || len(uuid) > maxID {
		return fmt.Errorf("%w: uuid is empty or not one of a call", ErrInvalid)
	}
	return nil
}

// parseCall reads a record in the contract's form or today's. A record without a
// uuid is an error, because it could be any call.
func parseCall(raw json.RawMessage) (Call, error) {
	o, err := parseObject(raw)
	if err != nil {
		return Call{}, err
	}
	call := Call{
		UUID: o.id("uuid"), ConversationUUID: o.id("conversation_uuid"),
		Status: o.word("status"), Direction: o.word("direction"),
		To: parseParty(o["to"]), From: parseParty(o["from"]),
		Rate: o.decimal("rate"), Price: o.decimal("price"), Duration: o.whole("duration"),
		StartTime: o.time("start_time"), EndTime: o.time("end_time"), Network: o.text("network"),
	}
	if call.UUID == "" {
		return Call{}, errors.New("a call has no uuid")
	}
	return call, nil
}

// parseParty reads an endpoint: an object, an array that contains one (the
// contract's form), or only a number or an address (in webhooks). An array of several
// endpoints does not name one party, so it is read as none.
func parseParty(raw json.RawMessage) CallParty {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		if len(list) != 1 {
			return CallParty{}
		}
		raw = list[0]
	}
	o, err := parseObject(raw)
	if err != nil {
		return parseTextParty(clean(scalar(raw)))
	}
	return CallParty{
		Type: o.word("type"), Number: trimPlus(o.text("number")),
		URI: o.text("uri"), User: o.text("user"), Extension: o.text("extension"),
	}
}

func parseTextParty(s string) CallParty {
	if number := trimPlus(s); isDigits(number) {
		return CallParty{Number: number}
	}
	return CallParty{URI: s}
}

// trimPlus removes the plus sign from a number.
func trimPlus(s string) string {
	if digits := strings.TrimPrefix(s, "+"); isDigits(digits) {
		return digits
	}
	return s
}

// address is the party's number or address, whatever its type.
func (p CallParty) address() string {
	for _, s := range []string{p.Number, p.URI, p.User, p.Extension} {
		if s != "" {
			return s
		}
	}
	return ""
}
