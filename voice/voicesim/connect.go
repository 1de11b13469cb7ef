package voicesim

import (
	"cmp"
	"errors"
	"time"
)

// connect adds a leg to the conversation. The flow goes on when that is over.
type connect struct {
	callbackURL
	Endpoint   []endpoint `json:"endpoint"`
	From       string     `json:"from"`
	RandomFrom flexBool   `json:"randomFromNumber"`
	Timeout    flexInt    `json:"timeout"`
	Limit      flexInt    `json:"limit"`
	EventType  string     `json:"eventType"`
	Machine    string     `json:"machineDetection"`
	Advanced   *advanced  `json:"advancedMachineDetection"`
}

// leg is what a call has that a connect action made.
type leg struct {
	parent *call
	turn   int            // of the parent's flow, at the connect action
	began  time.Duration  // in the parent's own time
	failed func(received) // takes the reply to the event that says that it failed
}

func (a *connect) check() error {
	if len(a.Endpoint) != 1 {
		return errors.New("endpoint has not exactly one element")
	}
	var c complaints
	c.endpoint(a.Endpoint[0])
	c.unless(a.From == "" || !bool(a.RandomFrom), "from", "and randomFromNumber exclude each other")
	if len(c) > 0 {
		return errors.New(c[0].Name + " " + c[0].Reason)
	}
	return nil
}

var errThrottled = errors.New("Throttled. Too many outgoing calls per second.") //nolint:staticcheck // as the service would say it

// run dials. It counts as a new call to the account's limit, above which there
// is an error event and no leg.
func (a *connect) run(s *Sim, c *call) {
	now := s.now()
	if !s.creates.allow(now) {
		s.tellOfError(c, errThrottled)
		s.advance(c)
		return
	}
	o := a.order(c)
	s.stats.placements.add(now)
	s.stats.count(func(m *Summary) { m.Legs++ })
	added := s.newCall(o, s.nextTry(o.To[0].address()), now)
	added.conv, added.parent = c.conv, c
	s.begin(added, o)
	added.live.leg = leg{parent: c, turn: c.live.flow.turn, began: c.live.at}
	if a.EventType == "synchronous" && added.live.eventURL != "" {
		added.live.leg.failed = s.whenFailed(c)
	}
	c.live.legs = append(c.live.legs, added)
}

// order is what a POST for the leg would have asked for.
func (a *connect) order(c *call) *order {
	url, method := a.or(c.live)
	from := endpoint{Type: "phone", Number: cmp.Or(a.From, c.from)}
	if a.RandomFrom {
		from.Number = randomFrom
	}
	o := &order{
		To: a.Endpoint, From: &from, EventMethod: method, Machine: a.Machine, Advanced: a.Advanced,
		RingingTimer: a.Timeout, LengthTimer: a.Limit,
	}
	if url != "" {
		o.EventURL = []string{url}
	}
	return o
}

// whenFailed has the parent go on as the reply to the leg's failure says.
func (s *Sim) whenFailed(c *call) func(received) {
	turn := c.live.flow.turn
	return s.whenBack(c, func(got received) {
		if c.live.flow.turn == turn {
			s.resume(c, got)
		}
	})
}

// redirected has the call run the flow that a reply brings, if it brings one.
func (s *Sim) redirected(c *call) func(received) {
	if c == nil {
		return nil
	}
	return s.whenBack(c, func(got received) {
		if actions, ok := got.flow(); ok {
			s.run(c, actions)
		}
	})
}

// release ends the legs of a call that is over or does something else now, and
// if it is a leg itself, lets its parent go on.
func (s *Sim) release(c *call) {
	legs := c.live.legs
	c.live.legs = nil
	for _, added := range legs {
		if added.goesOn() {
			added.live.at = max(added.live.at, c.live.at-added.live.leg.began)
			s.hangUp(added, "platform")
		}
	}
	if !c.goesOn() {
		s.giveBack(c)
	}
}

// giveBack lets the parent of a leg that is over go on, unless the reply to
// the leg's failure decides how.
func (s *Sim) giveBack(c *call) {
	l := c.live.leg
	if l.parent == nil || !l.parent.goesOn() || l.parent.live.flow.turn != l.turn {
		return
	}
	if c.answered || l.failed == nil {
		l.parent.live.at = max(l.parent.live.at, l.began+c.live.at)
		s.advance(l.parent)
	}
}
