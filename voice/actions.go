package voice

import (
	"encoding/json"
	"strings"
)

// Stream plays an audio file, mp3 or 16-bit wav.
type Stream struct {
	StreamURL []string `json:"streamUrl"`         // exactly one
	Level     *float64 `json:"level,omitempty"`   // -1 to 1 in steps of 0.1; default 0
	BargeIn   *bool    `json:"bargeIn,omitempty"` // a key stops it; needs a later input
	Loop      *int     `json:"loop,omitempty"`    // default 1; 0 is endless
	Extra     Extra    `json:"-"`
}

func (a Stream) check() (p problems) {
	p.oneAddress("streamUrl", a.StreamURL, true)
	p.fraction("level", a.Level, -1, 1)
	p.loop("loop", a.Loop)
	return p
}

// MarshalJSON adds the action's name.
func (a Stream) MarshalJSON() ([]byte, error) {
	type members Stream
	return marshalTagged("action", "stream", members(a), a.Extra)
}

// UnmarshalJSON reads the action.
func (a *Stream) UnmarshalJSON(raw []byte) (err error) {
	type members Stream
	a.Extra, err = unmarshalTagged(raw, "action", (*members)(a))
	return err
}

// Record records the call. The next actions run meanwhile, unless EndOnSilence,
// EndOnKey or TimeOut is set.
type Record struct {
	Format        string         `json:"format,omitempty"`       // mp3 (default), wav or ogg
	Split         string         `json:"split,omitempty"`        // conversation: each side in a channel of its own
	Channels      *int           `json:"channels,omitempty"`     // 1 to 32
	EndOnSilence  *int           `json:"endOnSilence,omitempty"` // seconds, 3 to 10
	EndOnKey      string         `json:"endOnKey,omitempty"`     // one of 0-9, * and #
	TimeOut       *int           `json:"timeOut,omitempty"`      // seconds, 3 to 7200
	BeepStart     *bool          `json:"beepStart,omitempty"`
	EventURL      []string       `json:"eventUrl,omitempty"`
	EventMethod   string         `json:"eventMethod,omitempty"`
	Transcription *Transcription `json:"transcription,omitempty"`
	Extra         Extra          `json:"-"`
}

// Transcription turns a recording into text.
type Transcription struct {
	Language          string   `json:"language,omitempty"`
	EventURL          []string `json:"eventUrl,omitempty"`
	EventMethod       string   `json:"eventMethod,omitempty"`
	SentimentAnalysis *bool    `json:"sentimentAnalysis,omitempty"`
	Extra             Extra    `json:"-"`
}

func (a Record) check() (p problems) {
	p.oneOf("format", a.Format, "mp3", "wav", "ogg")
	p.oneOf("split", a.Split, "conversation")
	p.optional("channels", a.Channels, 1, 32)
	p.optional("endOnSilence", a.EndOnSilence, 3, 10)
	p.optional("timeOut", a.TimeOut, 3, 7200)
	p.oneOf("endOnKey", a.EndOnKey, strings.Split("0123456789*#", "")...)
	p.events(a.EventURL, a.EventMethod)
	if t := a.Transcription; t != nil {
		var part problems
		part.events(t.EventURL, t.EventMethod)
		p.within("transcription", part)
	}
	return p
}

// MarshalJSON adds the action's name.
func (a Record) MarshalJSON() ([]byte, error) {
	type members Record
	return marshalTagged("action", "record", members(a), a.Extra)
}

// UnmarshalJSON reads the action.
func (a *Record) UnmarshalJSON(raw []byte) (err error) {
	type members Record
	a.Extra, err = unmarshalTagged(raw, "action", (*members)(a))
	return err
}

// MarshalJSON also writes the members that are not known.
func (t Transcription) MarshalJSON() ([]byte, error) {
	type members Transcription
	return marshalTagged("", "", members(t), t.Extra)
}

// UnmarshalJSON keeps the members that are not known.
func (t *Transcription) UnmarshalJSON(raw []byte) (err error) {
	type members Transcription
	t.Extra, err = unmarshalTagged(raw, "", (*members)(t))
	return err
}

// Conversation moves the call into a named conversation. Later actions do not run.
type Conversation struct {
	Name           string         `json:"name"`
	MusicOnHoldURL []string       `json:"musicOnHoldUrl,omitempty"`
	StartOnEnter   *bool          `json:"startOnEnter,omitempty"`
	EndOnExit      *bool          `json:"endOnExit,omitempty"`
	Record         *bool          `json:"record,omitempty"`
	CanSpeak       []string       `json:"canSpeak,omitzero"` // uuids of legs; nil: all, empty: none
	CanHear        []string       `json:"canHear,omitzero"`
	Mute           *bool          `json:"mute,omitempty"`
	Transcription  *Transcription `json:"transcription,omitempty"`
	Extra          Extra          `json:"-"`
}

func (a Conversation) check() (p problems) {
	p.required("name", a.Name)
	p.oneAddress("musicOnHoldUrl", a.MusicOnHoldURL, false)
	return p
}

// MarshalJSON adds the action's name.
func (a Conversation) MarshalJSON() ([]byte, error) {
	type members Conversation
	return marshalTagged("action", "conversation", members(a), a.Extra)
}

// UnmarshalJSON reads the action.
func (a *Conversation) UnmarshalJSON(raw []byte) (err error) {
	type members Conversation
	a.Extra, err = unmarshalTagged(raw, "action", (*members)(a))
	return err
}

// Notify sends Payload, a JSON object, to EventURL. The response may be an NCCO
// that replaces the remaining actions.
type Notify struct {
	Payload     json.RawMessage `json:"payload"`
	EventURL    []string        `json:"eventUrl"`
	EventMethod string          `json:"eventMethod,omitempty"`
	Extra       Extra           `json:"-"`
}

func (a Notify) check() (p problems) {
	if _, err := parseObject(a.Payload); err != nil {
		p.add("payload", "must be a JSON object")
	}
	p.oneAddress("eventUrl", a.EventURL, true)
	p.oneOf("eventMethod", a.EventMethod, "GET", "POST")
	return p
}

// MarshalJSON adds the action's name.
func (a Notify) MarshalJSON() ([]byte, error) {
	type members Notify
	return marshalTagged("action", "notify", members(a), a.Extra)
}

// UnmarshalJSON reads the action.
func (a *Notify) UnmarshalJSON(raw []byte) (err error) {
	type members Notify
	a.Extra, err = unmarshalTagged(raw, "action", (*members)(a))
	return err
}

// Wait waits before the next action.
type Wait struct {
	Timeout *float64 `json:"timeout,omitempty"` // seconds, 0.1 to 7200; default 10
	Extra   Extra    `json:"-"`
}

func (a Wait) check() (p problems) {
	p.fraction("timeout", a.Timeout, 0.1, 7200)
	return p
}

// MarshalJSON adds the action's name.
func (a Wait) MarshalJSON() ([]byte, error) {
	type members Wait
	return marshalTagged("action", "wait", members(a), a.Extra)
}

// UnmarshalJSON reads the action.
func (a *Wait) UnmarshalJSON(raw []byte) (err error) {
	type members Wait
	a.Extra, err = unmarshalTagged(raw, "action", (*members)(a))
	return err
}

// Transfer moves the call into another conversation.
type Transfer struct {
	ConversationID string   `json:"conversationId"`
	CanHear        []string `json:"canHear,omitzero"` // uuids of legs; nil: all, empty: none
	CanSpeak       []string `json:"canSpeak,omitzero"`
	Mute           *bool    `json:"mute,omitempty"`
	Extra          Extra    `json:"-"`
}

func (a Transfer) check() (p problems) {
	p.required("conversationId", a.ConversationID)
	return p
}

// MarshalJSON adds the action's name.
func (a Transfer) MarshalJSON() ([]byte, error) {
	type members Transfer
	return marshalTagged("action", "transfer", members(a), a.Extra)
}

// UnmarshalJSON reads the action.
func (a *Transfer) UnmarshalJSON(raw []byte) (err error) {
	type members Transfer
	a.Extra, err = unmarshalTagged(raw, "action", (*members)(a))
	return err
}
