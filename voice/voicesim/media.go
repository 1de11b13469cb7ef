package voicesim

import (
	"encoding/json"
	"strings"
	"time"
)

type talkOrder struct {
	Text  string    `json:"text"`
	Loop  flexInt   `json:"loop"`
	Level flexFloat `json:"level"`
}

type streamOrder struct {
	StreamURL []string  `json:"stream_url"`
	Loop      flexInt   `json:"loop"`
	Level     flexFloat `json:"level"`
}

// startTalk serves PUT /calls/{uuid}/talk.
func (s *Sim) startTalk(c *call, body []byte) ruling {
	var o talkOrder
	if json.Unmarshal(body, &o) != nil {
		return wrong("text", "cannot be read")
	}
	a := talk{sound: sound{Loop: o.Loop, Level: o.Level}, Text: o.Text}
	if err := a.check(); err != nil {
		return wrong("text", err.Error())
	}
	if refusal, ok := inProgress(c); !ok {
		return refusal
	}
	k := c.control
	if k.Talking {
		return wrong("text", "a talk is in progress already")
	}
	k.Talking = true
	c.live.talks++
	this := c.live.talks
	s.afterSound(c, a.sound, speakingTime(a.Text), func() { k.Talking = k.Talking && c.live.talks != this })
	return done(c, "Talk started")
}

// stopTalk serves DELETE /calls/{uuid}/talk.
func (s *Sim) stopTalk(c *call, _ []byte) ruling {
	c.control.Talking = false
	return done(c, "Talk stopped")
}

// startStream serves PUT /calls/{uuid}/stream.
func (s *Sim) startStream(c *call, body []byte) ruling {
	var o streamOrder
	if json.Unmarshal(body, &o) != nil {
		return wrong("stream_url", "cannot be read")
	}
	a := stream{sound: sound{Loop: o.Loop, Level: o.Level}, StreamURL: o.StreamURL}
	if err := a.check(); err != nil {
		return wrong("stream_url", err.Error())
	}
	if refusal, ok := inProgress(c); !ok {
		return refusal
	}
	k := c.control
	if k.Streaming {
		return wrong("stream_url", "a stream is in progress already")
	}
	k.Streaming = true
	c.live.streams++
	this := c.live.streams
	s.afterSound(c, a.sound, streamTime, func() { k.Streaming = k.Streaming && c.live.streams != this })
	return done(c, "Stream started")
}

// stopStream serves DELETE /calls/{uuid}/stream.
func (s *Sim) stopStream(c *call, _ []byte) ruling {
	c.control.Streaming = false
	return done(c, "Stream stopped")
}

// afterSound runs f when a sound by control is over by itself.
func (s *Sim) afterSound(c *call, a sound, once time.Duration, f func()) {
	if lasts, endless := a.lasts(once); !endless {
		s.later(c, lasts, f)
	}
}

// sendDTMF serves PUT /calls/{uuid}/dtmf.
func (s *Sim) sendDTMF(c *call, body []byte) ruling {
	var o struct {
		Digits string `json:"digits"`
	}
	if json.Unmarshal(body, &o) != nil || o.Digits == "" || !dtmfDigits.MatchString(o.Digits) {
		return wrong("digits", "must be digits, *, # and p")
	}
	if refusal, ok := inProgress(c); !ok {
		return refusal
	}
	c.control.DTMF += strings.ReplaceAll(o.Digits, "p", "")
	return done(c, "DTMF sent")
}

// subscribe serves PUT /calls/{uuid}/input/dtmf: the keys of an asynchronous
// input go to another address from now on.
func (s *Sim) subscribe(c *call, body []byte) ruling {
	var o struct {
		EventURL []string `json:"event_url"`
	}
	if json.Unmarshal(body, &o) != nil || len(o.EventURL) != 1 {
		return wrong("event_url", "must have one URL")
	}
	if c.live.async == nil {
		return wrong("uuid", "call has no asynchronous input")
	}
	c.live.async.EventURL = o.EventURL
	return done(c, "DTMF subscribed")
}

// unsubscribe serves DELETE /calls/{uuid}/input/dtmf.
func (s *Sim) unsubscribe(c *call, _ []byte) ruling {
	if c.live.async == nil {
		return wrong("uuid", "call has no asynchronous input")
	}
	c.live.async = nil
	return done(c, "DTMF unsubscribed")
}
