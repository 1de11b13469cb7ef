package voicesim

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// input waits for keys and speech. It also reads the old form, with the settings at
// the top level.
type input struct {
	callbackURL
	Type flexList  `json:"type"`
	Mode string    `json:"mode"`
	DTMF dtmfInput `json:"dtmf"`
	dtmfInput
}

type dtmfInput struct {
	TimeOut      flexInt  `json:"timeOut"`
	MaxDigits    flexInt  `json:"maxDigits"`
	SubmitOnHash flexBool `json:"submitOnHash"`
}

func (a *input) check() error {
	for _, kind := range a.Type {
		if kind != "dtmf" && kind != "speech" {
			return errors.New("type is neither dtmf nor speech")
		}
	}
	keys := a.keys()
	switch {
	case keys.TimeOut.or(3) < 0 || keys.TimeOut.or(3) > 10:
		return errors.New("timeOut is not from 0 to 10")
	case keys.MaxDigits.or(4) < 1 || keys.MaxDigits.or(4) > 20:
		return errors.New("maxDigits is not from 1 to 20")
	}
	return nil
}

// keys are the settings for keys, from either form.
func (a *input) keys() dtmfInput {
	keys := a.DTMF
	if len(a.Type) == 0 {
		keys = a.dtmfInput
	}
	return keys
}

// listensFor says whether the action has this type.
func (a *input) listensFor(kind string) bool {
	return slices.Contains(a.Type, kind) || len(a.Type) == 0 && kind == "dtmf"
}

const keyTime = 500 * time.Millisecond // from one key to the next

func (a *input) run(s *Sim, c *call) {
	l := c.live
	l.inputs++
	pressed := nth(l.plan.digits, l.inputs)
	if a.Mode == "asynchronous" {
		l.asyncInput = a
		s.sendKeys(c, pressed)
		s.advance(c)
		return
	}
	digits, timedOut := "", true
	if a.listensFor("dtmf") {
		digits, timedOut = a.keys().collect(pressed)
		c.press(digits)
	}
	words := ""
	if a.listensFor("speech") {
		words = nth(l.plan.speech, l.inputs)
	}
	took := time.Duration(len(digits)) * keyTime
	if timedOut {
		took += time.Duration(a.keys().TimeOut.or(3)) * time.Second
	}
	if words != "" {
		took = speakingTime(words) + 2*time.Second
	}
	s.laterInFlow(c, took, func() { s.report(c, a.callbackURL, s.inputEvent(c, a, digits, timedOut, words)) })
}

// collect returns the keys that the service takes, and whether it timed out waiting
// for more.
func (k dtmfInput) collect(pressed string) (digits string, timedOut bool) {
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
	if f.next >= len(f.actions) {
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
