package voice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Call is Vonage's record of one leg. What is known only once it has
// ended is zero or nil before.
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

// CallParty is one end of a call. Number is set for phones, in E.164 digits;
// the others for the other kinds of endpoint.
type CallParty struct {
	Type      string
	Number    string
	URI       string
	User      string
	Extension string
}

// GetCall reads one call. A call that Vonage does not have (any more) is
// an ErrNotFound. See https://developer.vonage.com/en/api/voice#getCall.
func (c *Client) GetCall(ctx context.Context, uuid string) (Call, error) {
	const op = "get call"
	if err := checkUUID(uuid); err != nil {
		return Call{}, unsent(op, err)
	}
	rep, err := c.do(ctx, request{op: op, method: http.MethodGet, path: callPath(uuid), repeat: repeatFreely})
	if err != nil {
		return Call{}, err
	}
	call, err := parseCall(rep.body)
	if err != nil {
		return Call{}, rep.unreadable(op, err)
	}
	if call.UUID != uuid {
		return Call{}, rep.unreadable(op, errors.New("the response is about another call"))
	}
	return call, nil
}

// checkUUID refuses what would address something else than one call.
func checkUUID(uuid string) error {
	if uuid == "" || uuid == "." || uuid == ".." || len(uuid) > maxID {
		return fmt.Errorf("%w: uuid is empty or not one of a call", ErrInvalid)
	}
	return nil
}

// parseCall reads a record in the contract's form or today's. One without a
// uuid is an error: it could be any call.
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

// parseParty reads an endpoint: an object, an array with one in it, as in the
// contract, or a bare number or address, as in webhooks.
func parseParty(raw json.RawMessage) CallParty {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil && len(list) > 0 {
		raw = list[0]
	}
	o, err := parseObject(raw)
	if err != nil {
		return bareParty(clean(scalar(raw)))
	}
	return CallParty{
		Type: o.word("type"), Number: bareDigits(o.text("number")),
		URI: o.text("uri"), User: o.text("user"), Extension: o.text("extension"),
	}
}

func bareParty(s string) CallParty {
	if number := bareDigits(s); isDigits(number) {
		return CallParty{Number: number}
	}
	return CallParty{URI: s}
}

// bareDigits takes the plus sign off a number.
func bareDigits(s string) string {
	if digits := strings.TrimPrefix(s, "+"); isDigits(digits) {
		return digits
	}
	return s
}

// address is what the party is reached by, whatever its kind.
func (p CallParty) address() string {
	for _, s := range []string{p.Number, p.URI, p.User, p.Extension} {
		if s != "" {
			return s
		}
	}
	return ""
}
