package voice

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Connect calls another party and joins the two calls. It counts as a new call
// in the account's limit.
type Connect struct {
	Endpoint                 endpoints                 `json:"endpoint"` // exactly one
	From                     string                    `json:"from,omitempty"`
	RandomFromNumber         *bool                     `json:"randomFromNumber,omitempty"`
	EventType                string                    `json:"eventType,omitempty"` // synchronous: the reply to its events may be an NCCO
	Timeout                  *int                      `json:"timeout,omitempty"`   // seconds of ringing; default 60
	Limit                    *int                      `json:"limit,omitempty"`     // seconds of talking, 1 to 7200 (default)
	MachineDetection         string                    `json:"machineDetection,omitempty"`
	AdvancedMachineDetection *AdvancedMachineDetection `json:"advancedMachineDetection,omitempty"`
	EventURL                 []string                  `json:"eventUrl,omitempty"`
	EventMethod              string                    `json:"eventMethod,omitempty"`
	RingbackTone             string                    `json:"ringbackTone,omitempty"` // URL of what the caller hears meanwhile
	Extra                    Extra                     `json:"-"`
}

func (a Connect) check() (p problems) {
	if len(a.Endpoint) != 1 || a.Endpoint[0] == nil {
		p.add("endpoint", "must have exactly one")
	} else {
		p.within("endpoint[0]", a.Endpoint[0].check())
	}
	if a.From != "" && a.RandomFromNumber != nil && *a.RandomFromNumber {
		p.add("from", "must not be given with randomFromNumber")
	}
	p.callerOf("from", strings.TrimPrefix(a.From, "+"))
	p.oneOf("eventType", a.EventType, "synchronous")
	p.optional("timeout", a.Timeout, 1, 7200)
	p.optional("limit", a.Limit, 1, 7200)
	p.oneOf("machineDetection", a.MachineDetection, "continue", "hangup")
	if a.AdvancedMachineDetection != nil {
		p.within("advancedMachineDetection", a.AdvancedMachineDetection.check())
	}
	p.events(a.EventURL, a.EventMethod)
	p.address("ringbackTone", a.RingbackTone, "http", "https")
	return p
}

// MarshalJSON adds the action's name.
func (a Connect) MarshalJSON() ([]byte, error) {
	type members Connect
	return marshalTagged("action", "connect", members(a), a.Extra)
}

// UnmarshalJSON reads the action.
func (a *Connect) UnmarshalJSON(raw []byte) (err error) {
	type members Connect
	a.Extra, err = unmarshalTagged(raw, "action", (*members)(a))
	return err
}

// endpoints are the endpoints of an NCCO, where a SIP endpoint has another form.
type endpoints []Endpoint

// MarshalJSON writes the NCCO's form.
func (list endpoints) MarshalJSON() ([]byte, error) {
	out := make([]Endpoint, len(list))
	for i, e := range list {
		if sip, ok := e.(SIP); ok {
			e = nccoSIP(sip)
		}
		out[i] = e
	}
	return encodeBody(out)
}

// UnmarshalJSON reads each endpoint into its own type.
func (list *endpoints) UnmarshalJSON(raw []byte) error {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return errors.New("endpoint: must be an array")
	}
	*list = make(endpoints, 0, len(items))
	for i, item := range items {
		e, err := parseEndpoint(item)
		if err != nil {
			return fmt.Errorf("endpoint %d: %w", i, err)
		}
		*list = append(*list, e)
	}
	return nil
}

func parseEndpoint(raw []byte) (Endpoint, error) {
	o, err := parseObject(raw)
	if err != nil {
		return nil, err
	}
	switch name := scalar(o["type"]); name {
	case "phone":
		return readEndpoint[Phone](raw)
	case "sip":
		e, err := readEndpoint[nccoSIP](raw)
		return SIP(e), err
	case "websocket":
		return readEndpoint[Websocket](raw)
	case "vbc":
		return readEndpoint[VBC](raw)
	case "app":
		return readEndpoint[App](raw)
	default:
		return unknownEndpoint{name, o.without("type")}, nil
	}
}

func readEndpoint[E Endpoint](raw []byte) (e E, err error) {
	err = json.Unmarshal(raw, &e)
	return e, err
}

// nccoSIP is a SIP endpoint with the NCCO's name for its standard headers.
type nccoSIP struct {
	URI             string            `json:"uri"`
	Headers         map[string]string `json:"headers,omitempty"`
	StandardHeaders map[string]string `json:"standardHeaders,omitempty"`
	Extra           Extra             `json:"-"`
}

func (e nccoSIP) check() problems { return SIP(e).check() }

// MarshalJSON adds the type.
func (e nccoSIP) MarshalJSON() ([]byte, error) {
	type members nccoSIP
	return marshalTagged("type", "sip", members(e), e.Extra)
}

// UnmarshalJSON reads the endpoint.
func (e *nccoSIP) UnmarshalJSON(raw []byte) (err error) {
	type members nccoSIP
	e.Extra, err = unmarshalTagged(raw, "type", (*members)(e))
	return err
}

// unknownEndpoint has a type that this package does not know. It is written as it
// was read.
type unknownEndpoint struct {
	kind  string
	extra Extra
}

func (e unknownEndpoint) check() problems { return nil }

// MarshalJSON writes the endpoint as it was read.
func (e unknownEndpoint) MarshalJSON() ([]byte, error) {
	return marshalTagged("type", e.kind, struct{}{}, e.extra)
}
