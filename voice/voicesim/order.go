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

// order is the body of a POST to /calls.
type order struct {
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

	actions []action // of NCCO
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

// advanced machine detection, which overrides the plain one.
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

// check lists what is wrong with the order, in the service's words.
func (o *order) check(contract bool) []invalidParameter {
	var c complaints
	c.parties(o, contract)
	c.unless((len(o.NCCO) > 0) != (len(o.AnswerURL) > 0), "ncco", "exactly one of ncco and answer_url is required")
	var err error
	o.actions, err = parseActions(o.NCCO)
	c.unless(err == nil, "ncco", fmt.Sprint(err))
	c.urls("answer_url", o.AnswerURL)
	c.urls("event_url", o.EventURL)
	c.unless(!contract || len(o.EventURL) > 0, "event_url", "is required")
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

type complaints []invalidParameter

func (c *complaints) unless(ok bool, name, reason string) {
	if !ok {
		*c = append(*c, invalidParameter{name, reason})
	}
}

func (c *complaints) parties(o *order, contract bool) {
	c.unless(len(o.To) == 1, "to", "exactly one endpoint is required")
	for _, e := range o.To {
		c.endpoint(e)
		c.unless(!contract || e.Type != "vbc" && e.Type != "app", "type", "is not known")
	}
	c.unless((o.From != nil) != bool(o.RandomFrom), "from", "exactly one of from and random_from_number is required")
	c.unless(!contract || o.From != nil, "from", "is required")
	if o.From != nil && o.From.Type == "phone" {
		sip := !contract && sipAddress.MatchString(o.From.Number)
		c.unless(sip || e164.MatchString(o.From.Number), "number", "can contain up to 15 digits prefixed with +")
	}
}

func (c *complaints) endpoint(e endpoint) {
	switch e.Type {
	case "phone":
		c.unless(e164.MatchString(e.Number), "number", "can contain up to 15 digits prefixed with +")
		c.unless(dtmfDigits.MatchString(e.DTMFAnswer), "dtmfAnswer", "can contain digits, *, # and p")
	case "sip", "websocket":
		c.unless(e.URI != "", "uri", "is required")
		c.unless(e.Type == "sip" || strings.HasPrefix(e.ContentType, "audio/l16;rate="), "content-type", "is not supported")
	case "vbc":
		c.unless(e.Extension != "", "extension", "is required")
	case "app":
		c.unless(e.User != "", "user", "is required")
	default:
		c.unless(false, "type", "is not a type of endpoint")
	}
}

func (c *complaints) urls(name string, urls []string) {
	c.unless(len(urls) <= 1, name, "can contain one URL")
	for _, text := range urls {
		u, err := url.Parse(text)
		c.unless(err == nil && u.IsAbs() && u.Host != "", name, "is not an absolute URL")
	}
}

func (c *complaints) oneOf(name, value string, allowed ...string) {
	c.unless(value == "" || slices.Contains(allowed, value), name, "must be one of "+strings.Join(allowed, ", "))
}

func (c *complaints) within(name string, value flexInt, low, high int) {
	ok := !value.set || low <= value.v && value.v <= high
	c.unless(ok, name, fmt.Sprintf("must be between %d and %d", low, high))
}

// address is what identifies the endpoint, as records show it.
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

// attempt is the caller's own id for the call: ?attempt= in the event URL.
func (o *order) attempt() string {
	for _, urls := range [][]string{o.EventURL, o.AnswerURL} {
		if len(urls) == 1 {
			if u, err := url.Parse(urls[0]); err == nil && u.Query().Has("attempt") {
				return strings.Clone(u.Query().Get("attempt")) // and not the whole URL
			}
		}
	}
	return ""
}

// detection is what is to happen when a machine answers: "", continue or
// hangup.
func (o *order) detection() string {
	if o.Advanced == nil {
		return o.Machine
	}
	if o.Advanced.Behavior == "" {
		return "continue"
	}
	return o.Advanced.Behavior
}

// mode is that of advanced detection, "" without it.
func (a *advanced) mode() string {
	if a == nil {
		return ""
	}
	return cmp.Or(a.Mode, "detect")
}
