package voicesim

import (
	"encoding/json"
	"net/http"
	"time"
)

// answer lets a person or a machine answer the call.
func (s *Sim) answer(c *call) {
	l := c.live
	c.status, c.outcome = answered, answered
	now := s.now()
	c.answered, c.answeredAt, l.answeredAt = true, stampOf(now), l.at
	event := s.statusEvent(c, answered, nullMembers("start_time", "rate", "network")...)
	s.emit(c, event.with("timestamp", now.Format(millis)), nil) // the same moment, however busy the machine
	s.afterTalking(c, l.plan.talk, func() { s.hangUp(c, "user") })
	s.afterTalking(c, time.Duration(l.request.LengthTimer.or(7200))*time.Second, func() { s.hangUp(c, "platform") })
	s.addExtraLeg(c)
	l.flow.waits = s.startDetection(c)
	switch {
	case l.leg.parent != nil: // it is in its parent's conversation and has no flow
	case len(l.request.AnswerURL) == 1:
		s.fetchNCCO(c, l.request.AnswerURL[0], l.request.AnswerMethod)
	default:
		s.runWhenDetected(c, l.request.actions)
	}
}

// runWhenDetected runs a flow now, or after the detection if the flow has to wait for
// that.
func (s *Sim) runWhenDetected(c *call, actions []action) {
	if c.live.flow.waits {
		c.live.flow.actions = actions
		return
	}
	s.run(c, actions)
}

// startDetection starts the detection of machines if the request asked for it, and
// says whether the flow has to wait for the result.
func (s *Sim) startDetection(c *call) (waits bool) {
	l := c.live
	if l.detection == "" || l.plan.outcome == answered {
		return false
	}
	s.later(c, s.between(time.Second, 4*time.Second, "detect", c.key()), func() { s.detect(c) })
	return l.request.Advanced.mode() == "detect" || l.request.Advanced.mode() == "detect_beep"
}

// detect sends the result of the detection.
func (s *Sim) detect(c *call) {
	l, mode := c.live, c.live.request.Advanced.mode()
	c.outcome = l.plan.outcome
	if c.outcome == human {
		s.sendDetection(c, s.statusEvent(c, human), true)
		return
	}
	c.status = machine
	beeps := mode == "default" || mode == "detect_beep"
	s.sendDetection(c, s.statusEvent(c, machine), !beeps)
	switch {
	case l.detection == "hangup":
		s.hangUp(c, "platform")
	case beeps:
		s.awaitBeep(c)
	}
}

// awaitBeep sends the event of the machine's beep, or of its timeout.
func (s *Sim) awaitBeep(c *call) {
	limit := time.Duration(c.live.request.Advanced.BeepTimeout.or(45)) * time.Second
	state, wait := "beep_start", c.live.plan.beep
	if wait >= limit {
		state, wait = "beep_timeout", limit
	}
	s.later(c, wait, func() { s.sendDetection(c, s.statusEvent(c, machine, member{"sub_state", state}), true) })
}

// sendDetection sends an event of the detection. With the advanced detection the
// reply may be another NCCO. After the last such event a waiting flow starts.
func (s *Sim) sendDetection(c *call, e object, last bool) {
	l := c.live
	if l.request.Advanced == nil || l.eventURL == "" {
		if s.tells(c.outcome) {
			s.emit(c, e, nil)
		}
		if last {
			s.runWaitingFlow(c)
		}
		return
	}
	s.emit(c, e, s.awaited(c, func(reply callbackReply) {
		if actions, ok := reply.flow(); ok {
			s.run(c, actions)
		} else if last {
			s.runWaitingFlow(c)
		}
	}))
}

// runWaitingFlow starts a flow that waited for the detection.
func (s *Sim) runWaitingFlow(c *call) {
	f := &c.live.flow
	if f.waits && f.actions != nil {
		s.run(c, f.actions)
	}
	f.waits = false
}

// awaited is whileActive for the reply to a request that is sent now: the call waits for
// it.
func (s *Sim) awaited(c *call, act func(callbackReply)) func(callbackReply) {
	c.live.ask()
	return s.whileActive(c, func(reply callbackReply) {
		c.live.replied()
		act(reply)
	})
}

// whileActive wraps the handler of a reply: it runs under s.mu, and only while the
// call is in progress.
func (s *Sim) whileActive(c *call, act func(callbackReply)) func(callbackReply) {
	return func(reply callbackReply) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.closed && c.active() {
			s.catchUp(c)
			act(reply)
		}
	}
}

// fetchNCCO fetches the NCCO of an answered call. If that fails twice it asks the
// application's fallback; if that fails too, the call ends.
func (s *Sim) fetchNCCO(c *call, url, method string) {
	accept := func(reply callbackReply) bool { return reply.ok() && s.acceptNCCO(c, reply.body) }
	params := object{
		{"to", c.to}, {"from", c.from}, {"uuid", c.uuid()}, {"conversation_uuid", c.conversation()},
		{"endpoint_type", c.toType},
	}
	if method == "" {
		method = http.MethodGet
	}
	s.requestNCCO(c, url, method, params, func(reply callbackReply) {
		switch {
		case accept(reply):
		case s.cfg.FallbackAnswerURL == "":
			s.hangUp(c, "platform")
		default:
			params = append(params, member{"reason", reply.problem()},
				member{"original_request", object{{"url", url}, {"type", "answer"}}})
			s.requestNCCO(c, s.cfg.FallbackAnswerURL, method, params, func(reply callbackReply) {
				if !accept(reply) {
					s.hangUp(c, "platform")
				}
			})
		}
	})
}

// requestNCCO sends a request whose reply should be an NCCO. The reply is ignored if the
// call runs another flow when it arrives.
func (s *Sim) requestNCCO(c *call, url, method string, params object, onReply func(callbackReply)) {
	body, err := json.Marshal(params)
	if err != nil {
		s.cfg.Logger.Error("request for an NCCO cannot be marshalled", "err", err)
		return
	}
	version := c.live.flow.version
	back := s.awaited(c, func(r callbackReply) {
		if c.live.flow.version == version {
			onReply(r)
		}
	})
	cb := callback{
		call: c, kind: "answer", url: url, method: method, event: params, body: body, timeout: answerTimeout, onReply: back,
	}
	s.callbacks.enqueue(&callbackQueue{}, cb)
	if s.hits(answerTwice, c.key()) {
		cb.onReply = nil
		s.callbacks.enqueue(&callbackQueue{}, cb)
	}
}

// acceptNCCO takes a fetched NCCO. An NCCO that cannot be read causes an error event
// and ends the call.
func (s *Sim) acceptNCCO(c *call, body []byte) bool {
	actions, err := parseNCCO(body)
	if err != nil {
		s.sendErrorEvent(c, err)
		s.hangUp(c, "platform")
		return true
	}
	s.runWhenDetected(c, actions)
	return true
}
