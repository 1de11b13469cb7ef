package voicesim

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// createRequest is the body of POST /calls.
type createRequest struct {
	Given        given             `json:"-"`
	To           []endpoint        `json:"to"`
	From         *endpoint         `json:"from"`
	RandomFrom   flexBool          `json:"random_from_number"`
	NCCO         []json.RawMessage `json:"ncco"`
	AnswerURL    []string          `json:"answer_url"`
	AnswerMethod string            `json:"answer_method"`
	EventURL     []string          `json:"event_url"`
	EventMethod  string            `json:"event_method"`
	Machine      string            `json:"machine_detection"`
	Advanced     *advanced         `json:"advanced_machine_detection"`
	LengthTimer  flexInt           `json:"length_timer"`
	RingingTimer flexInt           `json:"ringing_timer"`

	actions []action // parsed from NCCO
}

// notInContract are the members of a createRequest that the contract does not have.
// Its form of the service does not look at them.
var notInContract = []string{"random_from_number", "advanced_machine_detection"}

// readCreateRequest reads a body and lists what is wrong with it. ok is false if the body
// is not an object.
func readCreateRequest(body []byte, contract bool) (o createRequest, wrong problems, ok bool) {
	var ignored []string
	if contract {
		ignored = notInContract
	}
	if wrong, ok = readMembers(body, &o, ignored...); !ok || len(wrong) > 0 {
		return o, wrong, ok
	}
	return o, o.check(contract), true
}

var (
	e164       = regexp.MustCompile(`^\+?[0-9]{7,15}$`)
	sipAddress = regexp.MustCompile(`^sips?:.`)
	dtmfDigits = regexp.MustCompile(`^[0-9*#p]*$`)
)

// check lists what is wrong with the request, in the service's words.
func (o *createRequest) check(contract bool) problems {
	var c problems
	c.parties(o, contract)
	c.require((len(o.NCCO) > 0) != (len(o.AnswerURL) > 0), "ncco", "exactly one of ncco and answer_url is required")
	c.require(!o.Given["ncco"] || len(o.NCCO) > 0, "ncco", "must have an action")
	var err error
	o.actions, err = parseActions(o.NCCO)
	c.require(err == nil, "ncco", fmt.Sprint(err))
	c.oneURL(o.Given, "answer_url", o.AnswerURL)
	c.oneURL(o.Given, "event_url", o.EventURL)
	c.require(!contract || len(o.EventURL) > 0, "event_url", "is required")
	c.word(o.Given, "answer_method", o.AnswerMethod, "GET", "POST")
	c.word(o.Given, "event_method", o.EventMethod, "GET", "POST")
	c.word(o.Given, "machine_detection", o.Machine, "continue", "hangup")
	longest := 86400
	if contract {
		longest = 7200
	}
	c.within("length_timer", o.LengthTimer, 1, longest)
	c.within("ringing_timer", o.RingingTimer, 1, 120)
	c.nested(o.Advanced.check())
	return c
}

type problems []invalidParameter

func (c *problems) require(ok bool, name, reason string) {
	if !ok {
		*c = append(*c, invalidParameter{name, reason})
	}
}

func (c *problems) parties(o *createRequest, contract bool) {
	c.require(len(o.To) == 1, "to", "exactly one endpoint is required")
	for _, e := range o.To {
		c.nested(e.check())
		if contract {
			c.nested(e.checkContract())
		}
	}
	c.require((o.From != nil) != bool(o.RandomFrom), "from", "exactly one of from and random_from_number is required")
	c.require(!contract || o.From != nil, "from", "is required")
	if o.From != nil {
		c.require(o.From.Type == "phone", "type", "must be phone")
		c.caller("number", o.From.Number, contract)
	}
}

// caller checks the number that a call comes from. In today's API it may be a SIP
// address.
func (c *problems) caller(name, number string, contract bool) {
	sip := !contract && sipAddress.MatchString(number)
	c.require(sip || e164.MatchString(number), name, "can contain up to 15 digits prefixed with +")
}

// oneURL checks an optional array with one URL.
func (c *problems) oneURL(g given, name string, urls []string) {
	c.require(!g[name] || len(urls) == 1, name, "must contain one URL")
	for _, text := range urls {
		c.url(name, text, "http", "https")
	}
}

// url checks a URL.
func (c *problems) url(name, text string, schemes ...string) {
	u, err := url.Parse(text)
	ok := err == nil && u.Host != "" && slices.Contains(schemes, u.Scheme)
	c.require(ok, name, "is not an absolute URL of "+strings.Join(schemes, " or "))
}

func (c *problems) within(name string, value flexInt, low, high int) {
	ok := !value.set || low <= value.v && value.v <= high
	c.require(ok, name, fmt.Sprintf("must be between %d and %d", low, high))
}

// attemptID is the client's id for the call: ?attempt= in the event URL.
func (o *createRequest) attemptID() string {
	for _, urls := range [][]string{o.EventURL, o.AnswerURL} {
		if len(urls) == 1 {
			if id := attemptOf(urls[0]); id != "" {
				return id
			}
		}
	}
	return ""
}

// detection is what to do when a machine answers: "", continue or hangup.
func (o *createRequest) detection() string {
	if o.Advanced == nil {
		return o.Machine
	}
	if o.Advanced.Behavior == "" {
		return "continue"
	}
	return o.Advanced.Behavior
}
