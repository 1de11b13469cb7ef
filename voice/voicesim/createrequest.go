package voicesim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// createRequest is the body of POST /calls.
type createRequest struct {
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

type endpoint struct {
	Type        string `json:"type"`
	Number      string `json:"number"`
	URI         string `json:"uri"`
	ContentType string `json:"content-type"`
	Extension   string `json:"extension"`
	User        string `json:"user"`
	DTMFAnswer  string `json:"dtmfAnswer"`
}

// advanced is the advanced machine detection, which overrides the simple one.
type advanced struct {
	Behavior    string  `json:"behavior"`
	Mode        string  `json:"mode"`
	BeepTimeout flexInt `json:"beep_timeout"`
}

var (
	e164       = regexp.MustCompile(`^\+?\d{7,15}$`)
	sipAddress = regexp.MustCompile(`^sips?:.`)
	dtmfDigits = regexp.MustCompile(`^[0-9*#p]*$`)
)

// check lists what is wrong with the request, in the service's words.
func (o *createRequest) check(contract bool) []invalidParameter {
	var c problems
	c.parties(o, contract)
	c.require((len(o.NCCO) > 0) != (len(o.AnswerURL) > 0), "ncco", "exactly one of ncco and answer_url is required")
	var err error
	o.actions, err = parseActions(o.NCCO)
	c.require(err == nil, "ncco", fmt.Sprint(err))
	c.urls("answer_url", o.AnswerURL)
	c.urls("event_url", o.EventURL)
	c.require(!contract || len(o.EventURL) > 0, "event_url", "is required")
	c.oneOf("answer_method", o.AnswerMethod, "GET", "POST")
	c.oneOf("event_method", o.EventMethod, "GET", "POST")
	c.oneOf("machine_detection", o.Machine, "continue", "hangup")
	longest := 86400
	if contract {
		longest = 7200
	}
	c.within("length_timer", o.LengthTimer, 1, longest)
	c.within("ringing_timer", o.RingingTimer, 1, 120)
	if o.Advanced != nil {
		c.oneOf("behavior", o.Advanced.Behavior, "continue", "hangup")
		c.oneOf("mode", o.Advanced.Mode, "default", "detect", "detect_beep")
		c.within("beep_timeout", o.Advanced.BeepTimeout, 45, 120)
	}
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
		c.endpoint(e)
		c.require(!contract || e.Type != "vbc" && e.Type != "app", "type", "is not known")
	}
	c.require((o.From != nil) != bool(o.RandomFrom), "from", "exactly one of from and random_from_number is required")
	c.require(!contract || o.From != nil, "from", "is required")
	if o.From != nil && o.From.Type == "phone" {
		sip := !contract && sipAddress.MatchString(o.From.Number)
		c.require(sip || e164.MatchString(o.From.Number), "number", "can contain up to 15 digits prefixed with +")
	}
}

func (c *problems) endpoint(e endpoint) {
	switch e.Type {
	case "phone":
		c.require(e164.MatchString(e.Number), "number", "can contain up to 15 digits prefixed with +")
		c.require(dtmfDigits.MatchString(e.DTMFAnswer), "dtmfAnswer", "can contain digits, *, # and p")
	case "sip", "websocket":
		c.require(e.URI != "", "uri", "is required")
		c.require(e.Type == "sip" || strings.HasPrefix(e.ContentType, "audio/l16;rate="), "content-type", "is not supported")
	case "vbc":
		c.require(e.Extension != "", "extension", "is required")
	case "app":
		c.require(e.User != "", "user", "is required")
	default:
		c.require(false, "type", "is not a type of endpoint")
	}
}

func (c *problems) urls(name string, urls []string) {
	c.require(len(urls) <= 1, name, "can contain one URL")
	for _, text := range urls {
		u, err := url.Parse(text)
		c.require(err == nil && u.IsAbs() && u.Host != "", name, "is not an absolute URL")
	}
}

func (c *problems) oneOf(name, value string, allowed ...string) {
	c.require(value == "" || slices.Contains(allowed, value), name, "must be one of "+strings.Join(allowed, ", "))
}

func (c *problems) within(name string, value flexInt, low, high int) {
	ok := !value.set || low <= value.v && value.v <= high
	c.require(ok, name, fmt.Sprintf("must be between %d and %d", low, high))
}

// address is the number or address of the endpoint, as records show it.
func (e endpoint) address() string {
	switch e.Type {
	case "phone":
		return strings.TrimPrefix(e.Number, "+")
	case "vbc":
		return e.Extension
	case "app":
		return e.User
	}
	return e.URI
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

// mode is the mode of the advanced detection, "" without it.
func (a *advanced) mode() string {
	if a == nil {
		return ""
	}
	return cmp.Or(a.Mode, "detect")
}
