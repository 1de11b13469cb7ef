package voicesim

import (
	"cmp"
	"slices"
	"time"
)

// Press is what a person does at a request for keys.
type Press struct {
	Keys  string        // "": nothing
	Words string        // what is said in place of keys, if the call listens for it
	Early bool          // in the middle of the words before, if a key can cut them
	After time.Duration // after the words; 0: 2 s. A key that is too late is pressed during the next words
}

// Habits are the ways in which people react when they are asked to press a key.
// Outcomes.Habits gives them weights.
const (
	habitPrompt = "prompt" // presses a key of Outcomes.Keys two seconds after the words
	habitEarly  = "early"  // presses it while they are spoken
	habitLate   = "late"   // presses it when the call no longer waits for it
	habitWrong  = "wrong"  // presses a key that Outcomes.Keys does not have, and then one that it has
	habitSilent = "silent" // presses nothing
	habitLeaves = "leaves" // hangs up in the middle of a sentence
	habitRings  = "rings"  // does not answer, and rings back half a minute later
	allKeys     = "1234567890*#"
)

var habits = []string{habitPrompt, habitEarly, habitLate, habitWrong, habitSilent, habitLeaves, habitRings}

const (
	reaction    = 2 * time.Second // from the last word to the key
	tooLate     = 15 * time.Second
	ringsBackIn = 30 * time.Second
)

// behave gives a person of the plan the drawn habit.
func (s *Sim) behave(p *plan, k key) {
	if p.outcome == machine || len(s.habits) == 0 {
		return
	}
	pressed := pick(s.draw("keys", k)*s.keysTotal, s.keys)
	switch pick(s.draw("habit", k)*s.habitsTotal, s.habits) {
	case habitPrompt:
		p.presses = []Press{{Keys: pressed}}
	case habitEarly:
		p.presses = []Press{{Keys: pressed, Early: true}}
	case habitLate:
		p.presses = []Press{{Keys: pressed, After: tooLate}}
	case habitWrong:
		p.presses = []Press{{Keys: s.wrongKey(k)}, {Keys: pressed}}
	case habitSilent:
		p.presses = []Press{}
	case habitLeaves:
		p.presses, p.talk = []Press{}, s.between(200*time.Millisecond, 3*time.Second, "leaves", k)
	case habitRings:
		p.outcome, p.ringBack = unanswered, cmp.Or(p.ringBack, ringsBackIn)
	}
}

// wrongKey is a key that Outcomes.Keys does not have.
func (s *Sim) wrongKey(k key) string {
	var others []string
	for _, key := range allKeys {
		if s.cfg.Outcomes.Keys[string(key)] == 0 {
			others = append(others, string(key))
		}
	}
	if len(others) == 0 {
		return ""
	}
	return others[s.choose("wrong_key", k, len(others))]
}

// next is what the person presses next; nil: nothing more.
func (l *live) nextPress() *Press {
	if l.pressed >= len(l.plan.presses) {
		return nil
	}
	return &l.plan.presses[l.pressed]
}

// listens is what a person presses at an input, and how long after its beginning.
// A person who needs longer presses later, or during the next words.
func (l *live) listens(a *input) (keys, words string, after time.Duration) {
	wait := time.Duration(a.keys().TimeOut.or(3)) * time.Second
	p := l.nextPress()
	switch {
	case p == nil:
		return "", "", 0
	case p.Words != "":
		if !a.listensFor("speech") {
			return "", "", 0
		}
		l.pressed, l.waited = l.pressed+1, 0
		return "", p.Words, cmp.Or(p.After, reaction)
	case !a.listensFor("dtmf"):
		return "", "", 0
	case p.Keys == "":
		if wait > time.Second { // a shorter one is part of the same question
			l.pressed++
		}
		return "", "", 0
	case p.Early || l.cuts:
		l.pressed++
		l.cuts = false
		return p.Keys, "", 0
	}
	if after = cmp.Or(p.After, reaction) - l.waited; after < wait {
		l.pressed, l.waited = l.pressed+1, 0
		return p.Keys, "", max(after, 0)
	}
	l.waited += wait
	return "", "", 0
}

// hears is called when words begin. It says whether the person cuts them with a key,
// either early or because an earlier, late key comes now. A key that cuts nothing is
// lost.
func (l *live) hears(mayCut bool) (cuts bool) {
	p := l.nextPress()
	late := p != nil && !p.Early && p.Keys != "" && l.waited > reaction
	l.waited = 0
	switch {
	case p == nil || !late && !p.Early || p.Keys == "":
	case mayCut:
		cuts, l.cuts = true, true
	case late:
		l.pressed++
	}
	return cuts
}

// waitsForKeys says whether the action after the words that begin is an input for
// keys.
func (f *flow) waitsForKeys() bool {
	if f.next >= len(f.actions) {
		return false
	}
	a, isInput := f.actions[f.next].(*input)
	return isInput && a.listensFor("dtmf")
}

// validHabits refuses names that are not habits.
func validHabits(weights map[string]float64) (wrong string) {
	for name, weight := range weights {
		if !slices.Contains(habits, name) || weight < 0 {
			return name
		}
	}
	return ""
}

// RingIn makes a person call one of the application's numbers and press the keys
// given. Without Config.AnswerURL nobody answers.
func (s *Sim) RingIn(from, to string, presses ...Press) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ringIn(from, to, presses)
}

func (s *Sim) ringIn(from, to string, presses []Press) {
	if s.closed || s.cfg.AnswerURL == "" {
		return
	}
	o := &createRequest{
		To: []endpoint{{Type: "phone", Number: to}}, From: &endpoint{Type: "phone", Number: from},
		AnswerURL: []string{s.cfg.AnswerURL}, AnswerMethod: "POST", EventMethod: "POST",
	}
	if s.cfg.EventURL != "" {
		o.EventURL = []string{s.cfg.EventURL}
	}
	s.stats.count(func(m *Summary) { m.Inbound++ })
	c := s.newCall(o, s.nextTry(to), s.now())
	c.inbound = true
	s.begin(c, o)
	c.live.plan = plan{outcome: answered, talk: 2 * time.Minute, presses: append([]Press{}, presses...)}
}

// ringsBack lets the person of a call that has ended ring back, if the plan says so.
func (s *Sim) ringsBack(c *call) {
	p := c.live.plan
	if p.ringBack == 0 || c.inbound || c.parent != nil {
		return
	}
	from, to := c.to, c.from
	s.schedule.after(s.scaled(p.ringBack), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ringIn(from, to, p.presses)
	})
}
