package voicesim

import (
	"slices"
	"strings"
	"time"
)

// input waits for keys and speech. It also reads the old form, with the settings at
// the top level.
type input struct {
	Given given `json:"-"`
	callbackURL
	Type   flexList     `json:"type"`
	Mode   string       `json:"mode"`
	DTMF   *dtmfInput   `json:"dtmf"`
	Speech *speechInput `json:"speech"`
	dtmfMembers
}

type dtmfMembers struct {
	TimeOut      flexInt  `json:"timeOut"`
	MaxDigits    flexInt  `json:"maxDigits"`
	SubmitOnHash flexBool `json:"submitOnHash"`
}

type dtmfInput struct {
	dtmfMembers

	wrong problems
}

type speechInput struct {
	UUID         []string   `json:"uuid"`
	EndOnSilence *flexFloat `json:"endOnSilence"`
	Language     string     `json:"language"`
	Context      []string   `json:"context"`
	StartTimeout flexInt    `json:"startTimeout"`
	MaxDuration  flexInt    `json:"maxDuration"`
	SaveAudio    flexBool   `json:"saveAudio"`
	Sensitivity  flexInt    `json:"sensitivity"`

	wrong problems
}

func (a *dtmfInput) UnmarshalJSON(raw []byte) error   { return readPart(raw, a, &a.wrong) }
func (a *speechInput) UnmarshalJSON(raw []byte) error { return readPart(raw, a, &a.wrong) }

func (a *input) check() (c problems) {
	c.require(!a.Given["type"] || len(a.Type) > 0, "type", "is empty")
	for _, kind := range a.Type {
		c.require(kind == "dtmf" || kind == "speech", "type", "is neither dtmf nor speech")
	}
	c.word(a.Given, "mode", a.Mode, "synchronous", "asynchronous")
	c.require(a.Mode != "asynchronous" || a.DTMF == nil, "dtmf", "has no settings in asynchronous mode")
	keys := a.keys()
	if a.DTMF != nil {
		c.nested(a.DTMF.wrong)
	}
	c.within("timeOut", keys.TimeOut, 0, 10)
	c.within("maxDigits", keys.MaxDigits, 1, 20)
	if a.Speech != nil {
		c.nested(a.Speech.check())
	}
	c.events(a.Given, a.callbackURL)
	return c
}

func (a *speechInput) check() problems {
	c := a.wrong
	c.require(len(a.UUID) <= 1, "uuid", "has more than one")
	c.require(a.EndOnSilence == nil || a.EndOnSilence.within(0.4, 10), "endOnSilence", "is not from 0.4 to 10")
	c.within("startTimeout", a.StartTimeout, 1, 60)
	c.within("maxDuration", a.MaxDuration, 1, 60)
	c.within("sensitivity", a.Sensitivity, 10, 100)
	return c
}

// keys are the settings for keys, from either form.
func (a *input) keys() dtmfMembers {
	if a.DTMF != nil {
		return a.DTMF.dtmfMembers
	}
	return a.dtmfMembers
}

// listensFor says whether the action has this type.
func (a *input) listensFor(kind string) bool {
	return slices.Contains(a.Type, kind) || len(a.Type) == 0 && kind == "dtmf"
}

const keyTime = 500 * time.Millisecond // from one key to the next

func (a *input) run(s *Sim, c *call) {
	l := c.live
	l.inputs++
	if s.held(c) != nil && a.Mode != "asynchronous" {
		s.ask(c, a)
		return
	}
	pressed, words, after := nth(l.plan.digits, l.inputs), nth(l.plan.speech, l.inputs), time.Duration(0)
	if l.plan.presses != nil {
		pressed, words, after = l.listens(a)
	}
	if a.Mode == "asynchronous" {
		l.asyncInput = a
		s.sendKeys(c, pressed)
		s.advance(c)
		return
	}
	digits, timedOut := "", true
	if a.listensFor("dtmf") {
		digits, timedOut = a.keys().collect(pressed)
		if after == 0 {
			c.press(digits)
		}
	}
	if !a.listensFor("speech") {
		words = ""
	}
	took := after + time.Duration(len(digits))*keyTime
	if timedOut {
		took += time.Duration(a.keys().TimeOut.or(3)) * time.Second
	}
	if words != "" {
		took = after + speakingTime(words) + 2*time.Second
	}
	s.laterInFlow(c, took, func() {
		if after > 0 {
			c.press(digits)
		}
		if words != "" {
			c.press(SaidMark + words)
		}
		s.report(c, a.callbackURL, s.inputEvent(c, a, digits, timedOut, words))
	})
}

// collect returns the keys that the service takes, and whether it timed out waiting
// for more.
func (k dtmfMembers) collect(pressed string) (digits string, timedOut bool) {
	if k.SubmitOnHash {
		if before, _, found := strings.Cut(pressed, "#"); found {
			return before, false
		}
	}
	if most := k.MaxDigits.or(4); len(pressed) >= most {
		return pressed[:most], false
	}
	return pressed, true
}

// SaidMark marks spoken words among the keys that were pressed.
const SaidMark = "say:"

// press notes keys that were pressed.
func (c *call) press(keys string) {
	if keys != "" {
		c.keys = append(c.keys, keys)
	}
}

// nth is the n-th element, counted from 1, or "" after the end.
func nth(list []string, n int) string {
	if n > len(list) {
		return ""
	}
	return list[n-1]
}

// pressesKeyNext says whether the next action is an input at which the person will
// press keys.
func (s *Sim) pressesKeyNext(c *call) bool {
	f := c.live.flow
	if c.live.plan.presses != nil || f.next >= len(f.actions) {
		return false
	}
	_, isInput := f.actions[f.next].(*input)
	return isInput && nth(c.live.plan.digits, c.live.inputs+1) != ""
}

func (s *Sim) inputEvent(c *call, a *input, digits string, timedOut bool, words string) object {
	e := object{
		{"from", c.from}, {"to", c.to}, {"uuid", c.uuid()}, {"conversation_uuid", c.conversation()},
		{"timestamp", s.now().Format(millis)},
	}
	if s.cfg.ContractShapes {
		return append(e, member{"dtmf", digits}, member{"timed_out", timedOut})
	}
	keys := object{{"digits", digits}, {"timed_out", timedOut}}
	if !a.listensFor("dtmf") {
		keys = object{{"digits", nil}, {"timed_out", false}}
	}
	return append(e, member{"dtmf", keys}, member{"speech", speechResult(a, words)})
}

func speechResult(a *input, words string) object {
	switch {
	case !a.listensFor("speech"):
		return object{{"error", "Speech was not enabled"}}
	case words == "":
		return object{{"timeout_reason", "start_timeout"}, {"results", []object{}}}
	}
	return object{{"timeout_reason", "end_on_silence_timeout"}, {"results", []object{{{"text", words}, {"confidence", "0.9405097"}}}}}
}

// sendKeys sends each key as one event while the flow continues, until the
// subscription ends.
func (s *Sim) sendKeys(c *call, pressed string) {
	for i := range len(pressed) {
		s.later(c, time.Duration(i+1)*keyTime, func() {
			if c.live.asyncInput == nil {
				return
			}
			c.press(pressed[i : i+1])
			url, method := c.live.asyncInput.or(c.live)
			s.send(c, url, method, s.inputEvent(c, &input{}, pressed[i:i+1], false, ""), nil)
		})
	}
}
