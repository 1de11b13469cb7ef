package voicesim

import (
	"encoding/json"
	"strings"
	"time"
)

type talkRequest struct {
	Text  string    `json:"text"`
	Loop  flexInt   `json:"loop"`
	Level flexFloat `json:"level"`
}

type streamRequest struct {
	StreamURL []string  `json:"stream_url"`
	Loop      flexInt   `json:"loop"`
	Level     flexFloat `json:"level"`
}

// startTalk serves PUT /calls/{uuid}/talk.
func (s *Sim) startTalk(c *call, body []byte) controlResult {
	var o talkRequest
	if json.Unmarshal(body, &o) != nil {
		return badRequest("text", "cannot be read")
	}
	a := talk{sound: sound{Loop: o.Loop, Level: o.Level}, Text: o.Text}
	if err := a.check(); err != nil {
		return badRequest("text", err.Error())
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
	if json.Unmarshal(body, &o) != nil {
		return badRequest("stream_url", "cannot be read")
	}
	a := stream{sound: sound{Loop: o.Loop, Level: o.Level}, StreamURL: o.StreamURL}
	if err := a.check(); err != nil {
		return badRequest("stream_url", err.Error())
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
	s.afterSound(c, a.sound, streamTime, func() { k.Streaming = k.Streaming && c.live.streams != this })
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
	if json.Unmarshal(body, &o) != nil || o.Digits == "" || !dtmfDigits.MatchString(o.Digits) {
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
		EventURL []string `json:"event_url"`
	}
	if json.Unmarshal(body, &o) != nil || len(o.EventURL) != 1 {
		return badRequest("event_url", "must have one URL")
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
