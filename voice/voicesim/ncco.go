package voicesim

import (
	"encoding/json"
	"errors"
	"fmt"
)

// action is one action of an NCCO.
type action interface {
	// check returns what is wrong with the action.
	check() problems
	// run does the action, and makes the call advance afterwards.
	run(s *Sim, c *call)
}

// newAction makes an action by its name.
var newAction = map[string]func() action{
	"talk":         func() action { return &talk{} },
	"stream":       func() action { return &stream{} },
	"input":        func() action { return &input{} },
	"notify":       func() action { return &notify{} },
	"record":       func() action { return &record{} },
	"connect":      func() action { return &connect{} },
	"conversation": func() action { return &conversation{} },
	"wait":         func() action { return &wait{} },
	"transfer":     func() action { return &transfer{} },
}

// errSyntax is the service's error for every NCCO that it cannot read.
var errSyntax = errors.New("Syntax error in NCCO. Invalid value type or action.") //nolint:staticcheck // the service's words

func parseNCCO(body []byte) ([]action, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, errSyntax
	}
	return parseActions(raw)
}

func parseActions(raw []json.RawMessage) ([]action, error) {
	var actions []action
	for i, text := range raw {
		var kind struct {
			Action string `json:"action"`
		}
		if json.Unmarshal(text, &kind) != nil || newAction[kind.Action] == nil {
			return nil, errSyntax
		}
		a := newAction[kind.Action]()
		wrong, ok := readMembers(text, a)
		if !ok {
			return nil, errSyntax
		}
		if len(wrong) == 0 {
			wrong = a.check()
		}
		if len(wrong) > 0 {
			return nil, fmt.Errorf("action %d, %s: %s %s", i, kind.Action, wrong[0].Name, wrong[0].Reason)
		}
		actions = append(actions, a)
	}
	return actions, nil
}

// callbackURL is the address of an action's events.
type callbackURL struct {
	EventURL    []string `json:"eventUrl"`
	EventMethod string   `json:"eventMethod"`
}

// events checks the address of an action's events.
func (c *problems) events(g given, u callbackURL) {
	c.oneURL(g, "eventUrl", u.EventURL)
	c.word(g, "eventMethod", u.EventMethod, "GET", "POST")
}

// or is the action's address, or the call's if it has none.
func (u callbackURL) or(l *live) (url, method string) {
	if len(u.EventURL) == 1 {
		return u.EventURL[0], u.EventMethod
	}
	return l.eventURL, l.eventMethod
}

type notify struct {
	Given given `json:"-"`
	callbackURL
	Payload json.RawMessage `json:"payload"`
}

func (a *notify) check() (c problems) {
	c.require(isObject(a.Payload), "payload", "must be an object")
	c.require(a.Given["eventUrl"], "eventUrl", "is required")
	c.events(a.Given, a.callbackURL)
	return c
}

type conversation struct {
	Given         given          `json:"-"`
	Name          string         `json:"name"`
	MusicOnHold   []string       `json:"musicOnHoldUrl"`
	StartOnEnter  flexBool       `json:"startOnEnter"`
	EndOnExit     flexBool       `json:"endOnExit"`
	Record        flexBool       `json:"record"`
	CanSpeak      []string       `json:"canSpeak"`
	CanHear       []string       `json:"canHear"`
	Mute          flexBool       `json:"mute"`
	Transcription *transcription `json:"transcription"`
}

func (a *conversation) check() (c problems) {
	c.require(a.Name != "", "name", "is required")
	c.oneURL(a.Given, "musicOnHoldUrl", a.MusicOnHold)
	c.nested(a.Transcription.check())
	return c
}

type wait struct {
	Timeout *flexFloat `json:"timeout"`
}

func (a *wait) check() (c problems) {
	c.require(a.Timeout == nil || a.Timeout.within(0.1, 7200), "timeout", "must be between 0.1 and 7200")
	return c
}

type transfer struct {
	ConversationID string   `json:"conversationId"`
	CanSpeak       []string `json:"canSpeak"`
	CanHear        []string `json:"canHear"`
	Mute           flexBool `json:"mute"`
}

func (a *transfer) check() (c problems) {
	c.require(a.ConversationID != "", "conversationId", "is required")
	return c
}
