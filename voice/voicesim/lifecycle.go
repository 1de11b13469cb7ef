package voicesim

import (
	"cmp"
	"time"
)

// live is the state that only a call in progress needs.
type live struct {
	request     *createRequest
	plan        plan
	begun       time.Time     // by the computer's clock
	at          time.Duration // the call's time: since begun, times the speed
	answeredAt  time.Duration // in the call's time
	detection   string        // "", continue or hangup: what to do with a machine
	eventURL    string
	eventMethod string
	queue       *callbackQueue
	swapped     []callback    // an event that changes places with the next one
	events      int           // so far
	inputs      int           // input actions so far
	pressed     int           // of the plan's presses
	waited      time.Duration // since the last words, at inputs
	cuts        bool          // a key that comes now cuts the words
	flow        flow
	message     message
	recordings  []recording // recordings that end with the call
	room        *room
	asyncInput  *input // is active while the flow continues
	talks       int    // started by control so far
	streams     int    // the same
	leg         leg
	legs        []*call       // made by connect actions
	typed       string        // keys of the person with the handset, not collected yet
	asks        *input        // the input that waits for the person with the handset
	asked       int           // replies that the call waits for
	askedSince  time.Time     // by the computer's clock
	awaited     time.Duration // likewise, for replies that came
}

// plan is the course of the call without control requests, in the call's time.
type plan struct {
	outcome  string
	ring     time.Duration // from ringing to the answer or to the failure
	talk     time.Duration // from the answer until the person hangs up
	beep     time.Duration // from the machine's answer to its beep
	digits   []string
	speech   []string
	presses  []Press // nil: digits count
	ringBack time.Duration
}

// begin starts the call.
func (s *Sim) begin(c *call, o *createRequest) {
	c.live = &live{
		request: o, plan: s.planFor(c), begun: time.Now(), detection: o.detection(),
		eventMethod: o.EventMethod, queue: &callbackQueue{},
	}
	if len(o.EventURL) == 1 {
		c.live.eventURL = o.EventURL[0]
	}
	s.stats.count(func(m *Summary) { m.InProgress++ })
	s.later(c, s.between(0, 100*time.Millisecond, "start", c.key()), func() { s.start(c) })
}

func (s *Sim) planFor(c *call) plan {
	k := c.key()
	if c.inbound {
		return plan{outcome: answered}
	}
	if s.takes(c) {
		return plan{outcome: human, talk: patienceOfHand, presses: []Press{}}
	}
	p := plan{
		outcome: answered,
		ring:    s.between(3*time.Second, 8*time.Second, "ring", k),
		talk:    s.between(5*time.Second, 40*time.Second, "talk", k),
		beep:    s.between(2*time.Second, 6*time.Second, "beep", k),
	}
	if scripts := s.cfg.Outcomes.ByNumber[c.to]; len(scripts) > 0 {
		p.follow(scripts[min(k.n, len(scripts))-1])
	} else if c.toType == "phone" {
		p.outcome = cmp.Or(pick(s.draw("outcome", k)*s.total, s.weights), answered)
		p.digits = s.pressed(p.outcome, k)
		s.behave(&p, k)
	}
	return p
}

// mostInputs is how often a person presses keys in a call, unless a script says
// otherwise.
const mostInputs = 4

// pressed is what a person presses at each input.
func (s *Sim) pressed(outcome string, k key) (digits []string) {
	if len(s.keys) == 0 || outcome == machine {
		return nil
	}
	for k.sub = range mostInputs {
		digits = append(digits, pick(s.draw("keys", k)*s.keysTotal, s.keys))
	}
	return digits
}

func (p *plan) follow(script Script) {
	p.outcome = script.Outcome
	p.ring = cmp.Or(script.Ring, p.ring)
	p.talk = cmp.Or(script.Talk, p.talk)
	p.beep = cmp.Or(script.Beep, p.beep)
	p.digits, p.speech, p.presses, p.ringBack = script.Digits, script.Speech, script.Presses, script.RingBack
}

// later runs f after d of the call's time, if the call is still active then. f runs
// under s.mu.
func (s *Sim) later(c *call, d time.Duration, f func()) {
	due := c.live.at + d
	s.schedule.after(s.scaled(d), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.closed && c.active() {
			c.live.at = max(c.live.at, due)
			f()
		}
	})
}

// afterTalking is later for an action of a person or the service after d of a call. At a
// speed above 1 the application does not answer faster, so the time of a reply counts as
// at speed 1. A busy computer then ends no call.
func (s *Sim) afterTalking(c *call, d time.Duration, f func()) {
	before := c.live.awaiting()
	s.later(c, d, func() {
		if more := time.Duration(float64(c.live.awaiting()-before) * (s.cfg.Speed - 1)); more > time.Millisecond {
			s.afterTalking(c, more, f)
			return
		}
		f()
	})
}

// ask notes that the call waits for a reply; replied notes that the reply came.
func (l *live) ask() {
	if l.asked == 0 {
		l.askedSince = time.Now()
	}
	l.asked++
}

func (l *live) replied() {
	if l.asked--; l.asked == 0 {
		l.awaited += time.Since(l.askedSince)
	}
}

// awaiting is how long the call has waited for replies so far, by the computer's clock.
func (l *live) awaiting() time.Duration {
	if l.asked > 0 {
		return l.awaited + time.Since(l.askedSince)
	}
	return l.awaited
}

func (s *Sim) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / s.cfg.Speed)
}

// catchUp sets the call's time to now, before a request or a reply acts on it.
func (s *Sim) catchUp(c *call) {
	passed := time.Duration(float64(time.Since(c.live.begun)) * s.cfg.Speed)
	c.live.at = max(c.live.at, passed)
}

// active says whether the call has not ended.
func (c *call) active() bool { return c.live != nil && c.endedAt == 0 }

func (s *Sim) start(c *call) {
	s.emit(c, s.statusEvent(c, started), nil)
	k := c.key()
	if c.inbound {
		s.answer(c)
		return
	}
	switch c.live.plan.outcome {
	case rejected:
		s.later(c, s.between(200*time.Millisecond, time.Second, "reject", k), func() { s.fail(c, rejected) })
	case failed:
		s.later(c, s.between(500*time.Millisecond, 2*time.Second, "fail", k), func() { s.fail(c, failed) })
	default:
		s.later(c, s.between(200*time.Millisecond, time.Second, "ringing", k), func() { s.ring(c) })
	}
}

func (s *Sim) ring(c *call) {
	c.status = ringing
	s.emit(c, s.statusEvent(c, ringing), nil)
	if s.takes(c) {
		s.ringHandset(c)
		return
	}
	p, limit := c.live.plan, time.Duration(c.live.request.RingingTimer.or(60))*time.Second
	switch {
	case p.outcome == timeout || p.ring >= limit:
		s.later(c, limit, func() { s.fail(c, timeout) })
	case p.outcome == answered || p.outcome == human || p.outcome == machine:
		s.later(c, p.ring, func() { s.answer(c) })
	default:
		s.later(c, p.ring, func() { s.fail(c, p.outcome) })
	}
}

// hangUp ends a call, answered or not. by is user or platform.
func (s *Sim) hangUp(c *call, by string) {
	if !c.answered {
		s.fail(c, cancelled)
		return
	}
	if c.toType == "websocket" && by == "user" && s.tells(disconnected) {
		s.emit(c, s.statusEvent(c, disconnected), s.runReply(c.live.leg.parent))
	}
	c.status, c.endedBy = completed, by
	c.seconds = int32((c.live.at - c.live.answeredAt + time.Second - 1) / time.Second)
	s.end(c)
	s.complete(c, by)
}

// fail ends a call that was not answered.
func (s *Sim) fail(c *call, status string) {
	c.status, c.outcome = status, status
	if !s.tells(status) {
		c.live.leg.onFailure = nil // it would wait for a reply to an event that was never sent
	}
	s.end(c)
	if s.tells(status) {
		s.emit(c, s.statusEvent(c, status, failureDetail(status)...), c.live.leg.onFailure)
	}
	if status == rejected || s.hits(noCompleted, c.key()) { // no further event
		s.finish(c)
		return
	}
	s.schedule.after(s.scaled(100*time.Millisecond), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.closed {
			s.complete(c, "platform")
		}
	})
}

// failureDetail is the extra members of the event of a failure.
func failureDetail(status string) []member {
	switch status {
	case busy:
		return []member{{"sip_code", 486}}
	case unanswered:
		return []member{{"detail", "unavailable"}, {"sip_code", 480}}
	case failed:
		return []member{{"detail", "cannot_route"}, {"sip_code", 503}}
	case rejected:
		return []member{{"detail", "declined"}, {"sip_code", 603}}
	}
	return nil
}

// end closes the record, decides when its price appears, and ends the call's
// recordings, conversation and legs.
func (s *Sim) end(c *call) {
	now := s.now()
	c.endedAt = stampOf(now)
	lag := s.cfg.PriceLag
	if c.answered {
		c.correct = s.hits(correction, c.key())
		if s.hits(nullPrice, c.key()) {
			lag += s.cfg.Faults.NullFor
		}
	}
	c.pricedAt = stampOf(now.Add(lag))
	for _, r := range c.live.recordings {
		s.sendRecording(c, r)
	}
	s.putDown(c)
	s.ringsBack(c)
	s.leaveRoom(c)
	s.endLegs(c)
}

// complete sends the last event.
func (s *Sim) complete(c *call, by string) {
	s.emit(c, s.statusEvent(c, completed, s.completedMembers(c, by)...), nil)
	s.finish(c)
}

// finish drops the state that only a call in progress needs.
func (s *Sim) finish(c *call) {
	s.callbacks.enqueue(c.live.queue, c.live.swapped...)
	c.live = nil
	s.stats.count(func(m *Summary) { m.InProgress-- })
}
