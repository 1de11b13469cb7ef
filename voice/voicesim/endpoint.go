package voicesim

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"
)

// endpoint is a party that can be called. In an NCCO it also has the members whose
// names are written in one word.
type endpoint struct {
	Given         given                      `json:"-"`
	Type          string                     `json:"type"`
	Number        string                     `json:"number"`
	DTMFAnswer    string                     `json:"dtmfAnswer"`
	Shaken        string                     `json:"shaken"`
	OnAnswer      *onAnswer                  `json:"onAnswer"`
	URI           string                     `json:"uri"`
	ContentType   string                     `json:"content-type"`
	Headers       json.RawMessage            `json:"headers"`
	SIPHeaders    map[string]json.RawMessage `json:"standard_headers"`
	NCCOHeaders   map[string]json.RawMessage `json:"standardHeaders"`
	Authorization *authorization             `json:"authorization"`
	Extension     string                     `json:"extension"`
	User          string                     `json:"user"`

	wrong problems // found while it was read
}

// onAnswer is what the callee of a connect action hears first.
type onAnswer struct {
	Given        given  `json:"-"`
	URL          string `json:"url"`
	RingbackTone string `json:"ringbackTone"`

	wrong problems
}

// authorization is how the service identifies itself to a websocket.
type authorization struct {
	Given given  `json:"-"`
	Type  string `json:"type"`
	Value string `json:"value"`

	wrong problems
}

// advanced is the advanced machine detection, which overrides the simple one.
type advanced struct {
	Given       given   `json:"-"`
	Behavior    string  `json:"behavior"`
	Mode        string  `json:"mode"`
	BeepTimeout flexInt `json:"beep_timeout"`

	wrong problems
}

var errNoObject = errors.New("is not an object")

// readPart reads a part of a body. It returns an error only if the part is not an object.
// The other problems go to wrong, so that each names its member.
func readPart(raw []byte, v any, wrong *problems) error {
	found, ok := readMembers(raw, v)
	if !ok {
		return errNoObject
	}
	*wrong = found
	return nil
}

func (e *endpoint) UnmarshalJSON(raw []byte) error      { return readPart(raw, e, &e.wrong) }
func (a *onAnswer) UnmarshalJSON(raw []byte) error      { return readPart(raw, a, &a.wrong) }
func (a *authorization) UnmarshalJSON(raw []byte) error { return readPart(raw, a, &a.wrong) }
func (a *advanced) UnmarshalJSON(raw []byte) error      { return readPart(raw, a, &a.wrong) }

var extensionDigits = regexp.MustCompile(`^[0-9]+$`)

// The limits of an endpoint's address and headers.
const (
	longestSIP        = 50
	longestContract   = 50 // of a websocket, in the contract only
	longestHeaders    = 512
	audioFormat       = "audio/l16;rate="
	rates             = "8000 16000 24000"
	ratesContract     = "8000 16000"
	notSupported      = "is not supported"
	numberExplanation = "can contain up to 15 digits prefixed with +"
)

func (e endpoint) check() problems {
	c := e.wrong
	switch e.Type {
	case "phone":
		c.require(e164.MatchString(e.Number), "number", numberExplanation)
		c.require(dtmfDigits.MatchString(e.DTMFAnswer), "dtmfAnswer", "can contain digits, *, # and p")
		c.nested(e.OnAnswer.check())
	case "sip":
		n := utf8.RuneCountInString(e.URI)
		c.require(1 <= n && n <= longestSIP, "uri", "must have 1 to 50 characters")
		c.require(!e.Given["headers"] || isObject(e.Headers), "headers", "must be an object")
	case "websocket":
		c.websocket(e)
	case "vbc":
		c.require(extensionDigits.MatchString(e.Extension), "extension", "is required")
	case "app":
		c.require(e.User != "", "user", "is required")
	default:
		c.require(false, "type", "is not a type of endpoint")
	}
	return c
}

func (c *problems) websocket(e endpoint) {
	c.url("uri", e.URI, "ws", "wss")
	c.require(isRate(e.ContentType, rates), "content-type", notSupported)
	if e.Given["headers"] {
		var short bytes.Buffer
		c.require(isObject(e.Headers) && json.Compact(&short, e.Headers) == nil && short.Len() <= longestHeaders, "headers",
			"must be an object of at most 512 bytes")
	}
	if a := e.Authorization; a != nil {
		c.nested(a.wrong)
		c.word(a.Given, "type", a.Type, "vonage", "custom")
		c.require(a.Type != "custom" || a.Value != "", "value", "is required")
	}
}

// checkContract finds members that only today's API takes.
func (e endpoint) checkContract() (c problems) {
	c.require(e.Type != "vbc" && e.Type != "app", "type", "is not known")
	if e.Type == "websocket" {
		c.require(utf8.RuneCountInString(e.URI) <= longestContract, "uri", "must have 1 to 50 characters")
		c.require(isRate(e.ContentType, ratesContract), "content-type", notSupported)
	}
	return c
}

func isRate(contentType, rates string) bool {
	rate, found := strings.CutPrefix(contentType, audioFormat)
	for known := range strings.FieldsSeq(rates) {
		if found && rate == known {
			return true
		}
	}
	return false
}

func isObject(raw []byte) bool {
	var o map[string]json.RawMessage
	return json.Unmarshal(raw, &o) == nil && o != nil
}

func (a *onAnswer) check() problems {
	if a == nil {
		return nil
	}
	c := a.wrong
	c.url("url", a.URL, "http", "https")
	if a.Given["ringbackTone"] {
		c.url("ringbackTone", a.RingbackTone, "http", "https")
	}
	return c
}

func (a *advanced) check() problems {
	if a == nil {
		return nil
	}
	c := a.wrong
	c.word(a.Given, "behavior", a.Behavior, "continue", "hangup")
	c.word(a.Given, "mode", a.Mode, "default", "detect", "detect_beep")
	c.within("beep_timeout", a.BeepTimeout, 45, 120)
	return c
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

// mode is the mode of the advanced detection, "" without it.
func (a *advanced) mode() string {
	if a == nil {
		return ""
	}
	return cmp.Or(a.Mode, "detect")
}
