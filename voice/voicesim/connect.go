package voicesim

import (
	"cmp"
	"errors"
	"time"
)

// connect adds a leg to the conversation. The flow continues when the leg ends.
type connect struct {
	Given given `json:"-"`
	callbackURL
	Endpoint     []endpoint `json:"endpoint"`
	From         string     `json:"from"`
	RandomFrom   flexBool   `json:"randomFromNumber"`
	Timeout      flexInt    `json:"timeout"`
	Limit        flexInt    `json:"limit"`
	EventType    string     `json:"eventType"`
	Machine      string     `json:"machineDetection"`
	Advanced     *advanced  `json:"advancedMachineDetection"`
	RingbackTone string     `json:"ringbackTone"`
}

// leg is the extra state of a call that a connect action made.
type leg struct {
	parent      *call
	flowVersion int                 // of the parent's flow, at the connect action
	began       time.Duration       // in the parent's call time
	onFailure   func(callbackReply) // takes the reply to the event of its failure
}

func (a *connect) check() (c problems) {
	c.require(len(a.Endpoint) == 1, "endpoint", "has not exactly one element")
	for _, e := range a.Endpoint {
		c.nested(e.check())
	}
	if a.Given["from"] {
		c.caller("from", a.From, false)
		c.require(!bool(a.RandomFrom), "from", "and randomFromNumber exclude each other")
	}
	c.within("timeout", a.Timeout, 1, 7200)
	c.within("limit", a.Limit, 1, 7200)
	c.word(a.Given, "eventType", a.EventType, "synchronous")
	c.word(a.Given, "machineDetection", a.Machine, "continue", "hangup")
	c.nested(a.Advanced.check())
	c.events(a.Given, a.callbackURL)
	if a.Given["ringbackTone"] {
		c.url("ringbackTone", a.RingbackTone, "http", "https")
	}
	return c
}

var errThrottled = errors.New("Throttled. Too many outgoing calls per second.") //nolint:staticcheck // the service's words

// run makes the call. It counts in the account's limit; above that there is an
// error event and no leg.
func (a *connect) run(s *Sim, c *call) {
	now := s.cfg.Now()
	if !s.createLimit.allow(now) {
		s.stats.count(func(m *Summary) { m.Throttled++ })
		s.sendErrorEvent(c, errThrottled)
		s.advance(c)
		return
	}
	s.stats.placements.add(now)
	if h := s.held(c); h != nil && len(a.Endpoint) == 1 {
		h.hear(HeardThrough, a.Endpoint[0].address())
	}
	added := s.addLeg(c, a.createRequest(c))
	added.live.leg.flowVersion = c.live.flow.version
	if a.EventType == "synchronous" && added.live.eventURL != "" {
		added.live.leg.onFailure = s.onLegFailure(c)
	}
}

// addLeg calls another party for the call's conversation.
func (s *Sim) addLeg(c *call, o *createRequest) *call {
	s.stats.count(func(m *Summary) { m.Legs++ })
	added := s.newCall(o, s.nextTry(o.To[0].address()), s.now())
	added.conv, added.parent = c.conv, c
	s.begin(added, o)
	added.live.leg = leg{parent: c, flowVersion: noFlow, began: c.live.at}
	c.live.legs = append(c.live.legs, added)
	return added
}

// noFlow means that no action of the parent waits for the leg.
const noFlow = -1

// extraParties are the numbers that an extra leg calls.
var extraParties = []endpoint{
	{Type: "phone", Number: "442079460999"}, {Type: "sip", URI: "sip:agent@example.com"},
	{Type: "websocket", URI: "wss://example.com/socket", ContentType: "audio/l16;rate=16000"},
	{Type: "vbc", Extension: "4410"}, {Type: "app", User: "agent"},
}

// addExtraLeg lets another party join an answered call, if the fault says so.
func (s *Sim) addExtraLeg(c *call) {
	k := c.key()
	if c.live.leg.parent != nil || !s.hits(extraLeg, k) {
		return
	}
	to := extraParties[s.choose("extra_leg_to", k, len(extraParties))]
	s.later(c, s.between(0, 5*time.Second, "extra_leg_at", k), func() {
		a := connect{Endpoint: []endpoint{to}}
		s.addLeg(c, a.createRequest(c))
	})
}

// createRequest is the leg as a POST would request it.
func (a *connect) createRequest(c *call) *createRequest {
	url, method := a.or(c.live)
	from := endpoint{Type: "phone", Number: cmp.Or(a.From, c.from)}
	if a.RandomFrom {
		from.Number = randomFrom
	}
	o := &createRequest{
		To: a.Endpoint, From: &from, EventMethod: method, Machine: a.Machine, Advanced: a.Advanced,
		RingingTimer: a.Timeout, LengthTimer: a.Limit,
	}
	if url != "" {
		o.EventURL = []string{url}
	}
	return o
}

// onLegFailure lets the reply to the leg's failure decide how the parent continues.
func (s *Sim) onLegFailure(c *call) func(callbackReply) {
	version := c.live.flow.version
	return s.whileActive(c, func(reply callbackReply) {
		if c.live.flow.version == version {
			s.resume(c, reply)
		}
	})
}

// runReply makes the call run the NCCO in a reply, if there is one.
func (s *Sim) runReply(c *call) func(callbackReply) {
	if c == nil {
		return nil
	}
	return s.whileActive(c, func(reply callbackReply) {
		if actions, ok := reply.flow(); ok {
			s.run(c, actions)
		}
	})
}

// endLegs ends the legs of a call that has ended or leaves its flow. If the call
// is a leg itself and has ended, its parent continues.
func (s *Sim) endLegs(c *call) {
	legs := c.live.legs
	c.live.legs = nil
	for _, added := range legs {
		if added.active() {
			added.live.at = max(added.live.at, c.live.at-added.live.leg.began)
			s.hangUp(added, "platform")
		}
	}
	if !c.active() {
		s.resumeParent(c)
	}
}

// resumeParent lets the parent of a leg that has ended continue, unless the reply
// to the leg's failure decides that.
func (s *Sim) resumeParent(c *call) {
	l := c.live.leg
	if l.parent == nil || !l.parent.active() || l.parent.live.flow.version != l.flowVersion {
		return
	}
	if c.answered || l.onFailure == nil {
		l.parent.live.at = max(l.parent.live.at, l.began+c.live.at)
		s.advance(l.parent)
	}
}
