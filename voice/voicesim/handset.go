package voicesim

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// Handset is the telephone of a person who takes the calls to one number themselves:
// they answer, hear what is said as it is said, press keys, speak and hang up. Set it
// in Config before New.
type Handset struct {
	Number string // digits
	// Hears gets what the person hears, in order. It must not wait for the simulator,
	// because the simulator waits for Hears.
	Hears func(Heard)

	sim  *Sim
	call *call // the call that rings or is up; nil: none
}

// Heard is one thing that a person with a handset hears.
type Heard struct {
	Kind HeardKind
	Text string // the word, the sound's address, or the number that calls
	Wait int    // of HeardAsks: seconds
	// Speech belongs to HeardAsks: the call also listens for words.
	Speech bool
}

// HeardKind says what kind of thing the person hears.
type HeardKind string

const (
	HeardRings     HeardKind = "rings"
	HeardWord      HeardKind = "word"     // of what is said
	HeardSound     HeardKind = "sound"    // is played, from its beginning
	HeardEnd       HeardKind = "end"      // of what was said or played
	HeardCut       HeardKind = "cut"      // a key has cut what was said
	HeardAsks      HeardKind = "asks"     // a key is waited for
	HeardRecords   HeardKind = "records"  // what the person says is recorded, until they press the key in Text
	HeardThrough   HeardKind = "through"  // the call is put through
	HeardHangsUp   HeardKind = "hangs_up" // the other side
	HeardNobody    HeardKind = "nobody"   // answered: it stopped ringing
	patienceOfHand           = 2 * time.Hour
)

// ErrNoCall means that there is no call at present.
var ErrNoCall = errors.New("there is no call")

func (h *Handset) hear(kind HeardKind, text string) {
	if h.Hears != nil {
		h.Hears(Heard{Kind: kind, Text: text})
	}
}

// with runs act under the lock, with the current call.
func (h *Handset) with(act func(*Sim, *call)) error {
	s := h.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || h.call == nil || !h.call.active() {
		return ErrNoCall
	}
	s.catchUp(h.call)
	act(s, h.call)
	return nil
}

// Answer takes the call that rings.
func (h *Handset) Answer() error {
	return h.with(func(s *Sim, c *call) {
		if !c.answered {
			s.answer(c)
		}
	})
}

// HangUp ends the call, or declines one that rings.
func (h *Handset) HangUp() error {
	return h.with(func(s *Sim, c *call) {
		if c.answered {
			s.hangUp(c, "user")
		} else {
			s.fail(c, rejected)
		}
	})
}

// Press presses a key: 0 to 9, * or #. A key that nothing listens for is lost.
func (h *Handset) Press(key string) error {
	return h.with(func(s *Sim, c *call) {
		l := c.live
		switch a := l.flow.current().(type) {
		case *talk:
			s.pressDuring(c, a.sound, key)
		case *stream:
			s.pressDuring(c, a.sound, key)
		case *input:
			if l.asks == a && a.listensFor("dtmf") {
				l.typed += key
				s.hearKeys(c, a)
			}
		case *record:
			if a.EndOnKey == key && len(l.recordings) > 0 {
				last := len(l.recordings) - 1
				r := l.recordings[last]
				l.recordings = slices.Delete(l.recordings, last, last+1)
				s.sendRecording(c, r)
				s.advance(c)
			}
		}
	})
}

// Say says something. If nothing listens, it is lost.
func (h *Handset) Say(words string) error {
	return h.with(func(s *Sim, c *call) {
		if a, ok := c.live.flow.current().(*input); ok && c.live.asks == a && a.listensFor("speech") {
			s.answerInput(c, a, "", false, words)
		}
	})
}

// pressDuring cuts words that a key may cut.
func (s *Sim) pressDuring(c *call, words sound, key string) {
	if bool(words.BargeIn) && c.live.flow.waitsForKeys() {
		s.cfg.Handset.hear(HeardCut, key)
		c.live.typed += key
		s.advance(c)
	}
}

// current is the action that runs; nil: none.
func (f *flow) current() action {
	if f.next == 0 || f.next > len(f.actions) {
		return nil
	}
	return f.actions[f.next-1]
}

// takes reports whether a person takes the calls to the number of c.
func (s *Sim) takes(c *call) bool {
	h := s.cfg.Handset
	return h != nil && c.toType == "phone" && c.to == h.Number && !c.inbound
}

// held is the handset that took the call; nil: none.
func (s *Sim) held(c *call) *Handset {
	if h := s.cfg.Handset; h != nil && h.call == c {
		return h
	}
	return nil
}

// ringHandset lets the handset ring until the call is answered.
func (s *Sim) ringHandset(c *call) {
	h := s.cfg.Handset
	if h.call != nil {
		s.later(c, time.Second, func() { s.fail(c, busy) })
		return
	}
	h.call = c
	h.hear(HeardRings, c.from)
	s.later(c, time.Duration(c.live.request.RingingTimer.or(60))*time.Second, func() {
		if !c.answered {
			s.fail(c, timeout)
		}
	})
}

// putDown ends the handset's part in a call.
func (s *Sim) putDown(c *call) {
	h := s.held(c)
	if h == nil {
		return
	}
	h.call = nil
	switch {
	case !c.answered:
		h.hear(HeardNobody, c.status)
	case c.endedBy == "user":
	default:
		h.hear(HeardHangsUp, "")
	}
}

// speakTo lets the person hear a sound: a text word by word as it is spoken.
func (s *Sim) speakTo(c *call, a action) {
	h := s.held(c)
	if h == nil {
		return
	}
	switch a := a.(type) {
	case *stream:
		h.hear(HeardSound, strings.Join(a.StreamURL, ""))
	case *talk:
		at := time.Duration(0)
		for _, word := range strings.Fields(tags.ReplaceAllString(a.Text, " ")) {
			s.laterInFlow(c, at, func() { h.hear(HeardWord, word) })
			at += speakingTime(word + " ")
		}
	}
}

// ask waits for keys and words of the person with the handset.
func (s *Sim) ask(c *call, a *input) {
	h, l := s.held(c), c.live
	l.asks = a
	if wait := a.keys().TimeOut.or(3); wait > 0 && h.Hears != nil {
		h.Hears(Heard{Kind: HeardAsks, Wait: wait, Speech: a.listensFor("speech")})
	}
	s.hearKeys(c, a)
}

// hearKeys continues with the keys that were pressed so far, or waits for more.
func (s *Sim) hearKeys(c *call, a *input) {
	digits, timedOut := a.keys().collect(c.live.typed)
	if !timedOut {
		s.answerInput(c, a, digits, false, "")
		return
	}
	wait := a.keys().TimeOut.or(3)
	if a.listensFor("speech") && a.Speech != nil {
		wait = max(wait, a.Speech.StartTimeout.or(10))
	}
	c.live.flow.version++ // the wait begins again with each key
	s.laterInFlow(c, time.Duration(wait)*time.Second, func() { s.answerInput(c, a, digits, true, "") })
}

// answerInput sends what was pressed and said.
func (s *Sim) answerInput(c *call, a *input, digits string, timedOut bool, words string) {
	c.live.flow.version++
	c.live.asks, c.live.typed = nil, ""
	c.press(digits)
	if words != "" {
		c.press(SaidMark + words)
	}
	s.report(c, a.callbackURL, s.inputEvent(c, a, digits, timedOut, words))
}
