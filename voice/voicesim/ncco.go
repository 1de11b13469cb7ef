package voicesim

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"
)

// action is one action of an NCCO.
type action interface {
	// check returns what is wrong with it.
	check() error
	// run does it, and makes the call advance when it is done.
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
		if json.Unmarshal(text, a) != nil {
			return nil, errSyntax
		}
		if err := a.check(); err != nil {
			return nil, fmt.Errorf("action %d, %s: %w", i, kind.Action, err)
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

// or is the action's address, or the call's if it has none.
func (u callbackURL) or(l *live) (url, method string) {
	if len(u.EventURL) == 1 {
		return u.EventURL[0], u.EventMethod
	}
	return l.eventURL, l.eventMethod
}

// sound is the common part of talk and stream.
type sound struct {
	Loop    flexInt   `json:"loop"`
	Level   flexFloat `json:"level"`
	BargeIn flexBool  `json:"bargeIn"`
}

func (a sound) check() error {
	switch {
	case a.Loop.or(1) < 0:
		return errors.New("loop is negative")
	case a.Level < -1 || a.Level > 1:
		return errors.New("level is not from -1 to 1")
	}
	return nil
}

// duration is how long it plays; endless is true for loop 0.
func (a sound) duration(once time.Duration) (total time.Duration, endless bool) {
	loops := a.Loop.or(1)
	return time.Duration(loops) * once, loops == 0
}

type talk struct {
	sound
	Text string `json:"text"`
}

const maxText = 1500

var tags = regexp.MustCompile(`<[^>]*>`)

func (a *talk) check() error {
	if n := spoken(a.Text); n == 0 || n > maxText {
		return fmt.Errorf("text has %d characters, not 1 to %d", n, maxText)
	}
	return a.sound.check()
}

// spoken counts the characters that are spoken.
func spoken(text string) int { return utf8.RuneCountInString(tags.ReplaceAllString(text, "")) }

// speakingTime is how long a text takes: 15 characters per second.
func speakingTime(text string) time.Duration {
	return time.Duration(spoken(text)) * time.Second / 15
}

type stream struct {
	sound
	StreamURL []string `json:"streamUrl"`
}

// streamTime is how long every sound file plays: the simulator does not download
// them.
const streamTime = 10 * time.Second

func (a *stream) check() error {
	if len(a.StreamURL) != 1 {
		return errors.New("streamUrl has not exactly one URL")
	}
	return a.sound.check()
}

type notify struct {
	callbackURL
	Payload json.RawMessage `json:"payload"`
}

func (a *notify) check() error {
	if len(a.Payload) == 0 || len(a.EventURL) != 1 {
		return errors.New("payload and eventUrl are required")
	}
	return nil
}

type conversation struct {
	Name      string   `json:"name"`
	EndOnExit flexBool `json:"endOnExit"`
}

func (a *conversation) check() error {
	if a.Name == "" {
		return errors.New("name is required")
	}
	return nil
}

type wait struct {
	Timeout *flexFloat `json:"timeout"`
}

func (a *wait) check() error {
	if a.Timeout != nil && (*a.Timeout < 0.1 || *a.Timeout > 7200) {
		return errors.New("timeout is not from 0.1 to 7200")
	}
	return nil
}

type transfer struct {
	ConversationID string `json:"conversationId"`
}

func (a *transfer) check() error {
	if a.ConversationID == "" {
		return errors.New("conversationId is required")
	}
	return nil
}
