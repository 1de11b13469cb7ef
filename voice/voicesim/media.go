package voicesim

import (
	"strings"
	"time"
)

type talkRequest struct {
	Given     given     `json:"-"`
	Text      string    `json:"text"`
	Language  string    `json:"language"`
	Style     flexInt   `json:"style"`
	Premium   flexBool  `json:"premium"`
	VoiceName string    `json:"voice_name"`
	Loop      flexInt   `json:"loop"`
	Level     flexFloat `json:"level"`
}

type streamRequest struct {
	Given     given     `json:"-"`
	StreamURL []string  `json:"stream_url"`
	Loop      flexInt   `json:"loop"`
	Level     flexFloat `json:"level"`
}

// notInContractTalk are the members that the contract does not have.
var notInContractTalk = []string{"language", "style", "premium"}

// startTalk serves PUT /calls/{uuid}/talk.
func (s *Sim) startTalk(c *call, body []byte) controlResult {
	var o talkRequest
	var ignored []string
	if s.cfg.ContractShapes {
		ignored = notInContractTalk
	}
	wrong, ok := readMembers(body, &o, ignored...)
	if !ok {
		return badRequest("text", "is required")
	}
	a := talk{
		Given: o.Given, sound: sound{Loop: o.Loop, Level: o.Level},
		Text: o.Text, Language: o.Language, Style: o.Style, Premium: o.Premium,
	}
	wrong.nested(a.check())
	wrong.inTenths(o.Level)
	wrong.voice(o.Given, "voice_name", o.VoiceName, s.cfg.ContractShapes)
	if len(wrong) > 0 {
		return invalid(wrong)
	}
	if refusal, ok := answeredOnly(c); !ok {
		return refusal
	}
	k := c.control
	if k.Talking {
		return badRequest("text", "a talk is already in progress")
	}
	k.Talking = true
	c.live.talks++
	this := c.live.talks
	s.afterSound(c, a.sound, speakingTime(a.Text), func() { k.Talking = k.Talking && c.live.talks != this })
	return acknowledge(c, "Talk started")
}

// stopTalk serves DELETE /calls/{uuid}/talk.
func (s *Sim) stopTalk(c *call, _ []byte) controlResult {
	c.control.Talking = false
	return acknowledge(c, "Talk stopped")
}

// startStream serves PUT /calls/{uuid}/stream.
func (s *Sim) startStream(c *call, body []byte) controlResult {
	var o streamRequest
	wrong, ok := readMembers(body, &o)
	if !ok {
		return badRequest("stream_url", "is required")
	}
	a := sound{Loop: o.Loop, Level: o.Level}
	wrong.nested(a.check())
	wrong.inTenths(o.Level)
	wrong.require(o.Given["stream_url"], "stream_url", "is required")
	wrong.oneURL(o.Given, "stream_url", o.StreamURL)
	if len(wrong) > 0 {
		return invalid(wrong)
	}
	if refusal, ok := answeredOnly(c); !ok {
		return refusal
	}
	k := c.control
	if k.Streaming {
		return badRequest("stream_url", "a stream is already in progress")
	}
	k.Streaming = true
	c.live.streams++
	this := c.live.streams
	s.afterSound(c, a, streamTime, func() { k.Streaming = k.Streaming && c.live.streams != this })
	return acknowledge(c, "Stream started")
}

// stopStream serves DELETE /calls/{uuid}/stream.
func (s *Sim) stopStream(c *call, _ []byte) controlResult {
	c.control.Streaming = false
	return acknowledge(c, "Stream stopped")
}

// afterSound runs f when a sound that was started by control ends by itself.
func (s *Sim) afterSound(c *call, a sound, once time.Duration, f func()) {
	if lasts, endless := a.duration(once); !endless {
		s.later(c, lasts, f)
	}
}

// sendDTMF serves PUT /calls/{uuid}/dtmf.
func (s *Sim) sendDTMF(c *call, body []byte) controlResult {
	var o struct {
		Digits string `json:"digits"`
	}
	if wrong, ok := readMembers(body, &o); !ok || len(wrong) > 0 || o.Digits == "" || !dtmfDigits.MatchString(o.Digits) {
		return badRequest("digits", "must be digits, *, # and p")
	}
	if refusal, ok := answeredOnly(c); !ok {
		return refusal
	}
	c.control.DTMF += strings.ReplaceAll(o.Digits, "p", "")
	return acknowledge(c, "DTMF sent")
}

// subscribe serves PUT /calls/{uuid}/input/dtmf: it sets the address for the keys of
// an asynchronous input.
func (s *Sim) subscribe(c *call, body []byte) controlResult {
	var o struct {
		Given    given    `json:"-"`
		EventURL []string `json:"event_url"`
	}
	wrong, ok := readMembers(body, &o)
	if !ok || !o.Given["event_url"] {
		return badRequest("event_url", "is required")
	}
	if wrong.oneURL(o.Given, "event_url", o.EventURL); len(wrong) > 0 {
		return invalid(wrong)
	}
	if c.live.asyncInput == nil {
		return badRequest("uuid", "call has no asynchronous input")
	}
	c.live.asyncInput.EventURL = o.EventURL
	return acknowledge(c, "DTMF subscribed")
}

// unsubscribe serves DELETE /calls/{uuid}/input/dtmf.
func (s *Sim) unsubscribe(c *call, _ []byte) controlResult {
	if c.live.asyncInput == nil {
		return badRequest("uuid", "call has no asynchronous input")
	}
	c.live.asyncInput = nil
	return acknowledge(c, "DTMF unsubscribed")
}
