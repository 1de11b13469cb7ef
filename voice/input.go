package voice

import (
	"slices"
)

// Input waits for keys, for speech, or for both, and sends the result to
// EventURL. The response may be an NCCO that replaces the remaining actions.
type Input struct {
	Type        []string       `json:"type"` // dtmf, speech or both
	DTMF        *DTMFSettings  `json:"dtmf,omitempty"`
	Speech      *SpeechOptions `json:"speech,omitempty"`
	EventURL    []string       `json:"eventUrl,omitempty"`
	EventMethod string         `json:"eventMethod,omitempty"`
	// Mode is synchronous (default) or asynchronous. If asynchronous, each key
	// is one event, the next actions run meanwhile, and DTMF is not allowed.
	Mode  string `json:"mode,omitempty"`
	Extra Extra  `json:"-"`
}

// DTMFSettings say when the keys are complete.
type DTMFSettings struct {
	TimeOut      *int  `json:"timeOut,omitempty"`   // seconds after the last key, 0 to 10; default 3
	MaxDigits    *int  `json:"maxDigits,omitempty"` // 1 to 20; default 4
	SubmitOnHash *bool `json:"submitOnHash,omitempty"`
	Extra        Extra `json:"-"`
}

// SpeechOptions configure the recognition of speech.
type SpeechOptions struct {
	UUID         []string `json:"uuid,omitempty"`         // the leg to listen to, one
	EndOnSilence *float64 `json:"endOnSilence,omitempty"` // seconds, 0.4 to 10; default 2
	Language     string   `json:"language,omitempty"`     // BCP 47; default en-US
	Context      []string `json:"context,omitempty"`      // words to expect
	StartTimeout *int     `json:"startTimeout,omitempty"` // seconds, 1 to 60; default 10
	MaxDuration  *int     `json:"maxDuration,omitempty"`  // seconds, 1 to 60; default 60
	SaveAudio    *bool    `json:"saveAudio,omitempty"`
	Sensitivity  *int     `json:"sensitivity,omitempty"` // 10 to 100; default 90
	Extra        Extra    `json:"-"`
}

// WithInputURL returns a copy in which each input without an EventURL gets address.
func (n NCCO) WithInputURL(address string) NCCO {
	n = slices.Clone(n)
	for i, action := range n {
		if input, ok := action.(Input); ok && len(input.EventURL) == 0 {
			input.EventURL = oneURL(address)
			n[i] = input
		}
	}
	return n
}

// WithLegURL returns a copy in which each connect without an EventURL gets address, so
// that the events of its leg go there. A connect whose events need an answer stays as it
// is.
func (n NCCO) WithLegURL(address string) NCCO {
	n = slices.Clone(n)
	for i, action := range n {
		if connect, ok := action.(Connect); ok && len(connect.EventURL) == 0 && connect.EventType == "" {
			connect.EventURL, connect.EventMethod = oneURL(address), "POST"
			n[i] = connect
		}
	}
	return n
}

func (a Input) check() (p problems) {
	if len(a.Type) == 0 {
		p.add("type", "must have dtmf, speech or both")
	}
	for _, kind := range a.Type {
		if !slices.Contains([]string{"dtmf", "speech"}, kind) {
			p.add("type", "may hold only dtmf and speech")
		}
	}
	p.oneOf("mode", a.Mode, "synchronous", "asynchronous")
	if a.DTMF != nil {
		p.within("dtmf", a.DTMF.check())
		if a.Mode == "asynchronous" {
			p.add("dtmf", "has no settings in asynchronous mode")
		}
	}
	if a.Speech != nil {
		p.within("speech", a.Speech.check())
	}
	p.events(a.EventURL, a.EventMethod)
	return p
}

func (s DTMFSettings) check() (p problems) {
	p.optional("timeOut", s.TimeOut, 0, 10)
	p.optional("maxDigits", s.MaxDigits, 1, 20)
	return p
}

func (s SpeechOptions) check() (p problems) {
	if len(s.UUID) > 1 {
		p.add("uuid", "has %d entries, must have at most 1", len(s.UUID))
	}
	p.fraction("endOnSilence", s.EndOnSilence, 0.4, 10)
	p.optional("startTimeout", s.StartTimeout, 1, 60)
	p.optional("maxDuration", s.MaxDuration, 1, 60)
	p.optional("sensitivity", s.Sensitivity, 10, 100)
	return p
}

// MarshalJSON adds the action's name.
func (a Input) MarshalJSON() ([]byte, error) {
	type members Input
	return marshalTagged("action", "input", members(a), a.Extra)
}

// UnmarshalJSON reads the action.
func (a *Input) UnmarshalJSON(raw []byte) (err error) {
	type members Input
	a.Extra, err = unmarshalTagged(raw, "action", (*members)(a))
	return err
}

// MarshalJSON also writes the members that are not known.
func (s DTMFSettings) MarshalJSON() ([]byte, error) {
	type members DTMFSettings
	return marshalTagged("", "", members(s), s.Extra)
}

// UnmarshalJSON keeps the members that are not known.
func (s *DTMFSettings) UnmarshalJSON(raw []byte) (err error) {
	type members DTMFSettings
	s.Extra, err = unmarshalTagged(raw, "", (*members)(s))
	return err
}

// MarshalJSON also writes the members that are not known.
func (s SpeechOptions) MarshalJSON() ([]byte, error) {
	type members SpeechOptions
	return marshalTagged("", "", members(s), s.Extra)
}

// UnmarshalJSON keeps the members that are not known.
func (s *SpeechOptions) UnmarshalJSON(raw []byte) (err error) {
	type members SpeechOptions
	s.Extra, err = unmarshalTagged(raw, "", (*members)(s))
	return err
}
