package voicesim

import (
	"encoding/json"
	"net/http"
	"time"
)

// answer is the moment in which somebody, or something, picks up.
func (s *Sim) answer(c *call) {
	l := c.live
	c.status, c.outcome = answered, answered
	c.answered, c.answeredAt, l.answeredAt = true, stampOf(s.now()), l.at
	s.emit(c, s.event(c, answered, nullMembers("start_time", "rate", "network")...), nil)
	s.later(c, l.plan.talk, func() { s.hangUp(c, "user") })
	s.later(c, time.Duration(l.order.LengthTimer.or(7200))*time.Second, func() { s.hangUp(c, "platform") })
	l.flow.waits = s.listen(c)
	switch {
	case l.leg.parent != nil: // is in its parent's conversation, and has no flow of its own
	case len(l.order.AnswerURL) == 1:
		s.askForFlow(c, l.order.AnswerURL[0], l.order.AnswerMethod)
	default:
		s.offer(c, l.order.actions)
	}
}

// offer runs a flow, now or when it is known who answered.
func (s *Sim) offer(c *call, actions []action) {
	if c.live.flow.waits {
		c.live.flow.actions = actions
		return
	}
	s.run(c, actions)
}

// listen has the call find out who answered, if it was asked to, and says
// whether the flow is to wait for that.
func (s *Sim) listen(c *call) (waits bool) {
	l := c.live
	if l.detection == "" || l.plan.outcome == answered {
		return false
	}
	s.later(c, s.between(time.Second, 4*time.Second, "detect", c.key()), func() { s.detect(c) })
	return l.order.Advanced.mode() == "detect" || l.order.Advanced.mode() == "detect_beep"
}

// detect says who has answered.
func (s *Sim) detect(c *call) {
	l, mode := c.live, c.live.order.Advanced.mode()
	c.outcome = l.plan.outcome
	if c.outcome == human {
		s.tellWho(c, s.event(c, human), true)
		return
	}
	c.status = machine
	beeps := mode == "default" || mode == "detect_beep"
	s.tellWho(c, s.event(c, machine), !beeps)
	switch {
	case l.detection == "hangup":
		s.hangUp(c, "platform")
	case beeps:
		s.awaitBeep(c)
	}
}

// awaitBeep tells of the machine's beep, or that none came in time.
func (s *Sim) awaitBeep(c *call) {
	limit := time.Duration(c.live.order.Advanced.BeepTimeout.or(45)) * time.Second
	state, wait := "beep_start", c.live.plan.beep
	if wait >= limit {
		state, wait = "beep_timeout", limit
	}
	s.later(c, wait, func() { s.tellWho(c, s.event(c, machine, member{"sub_state", state}), true) })
}

// tellWho sends an event of the detection. With the advanced one the reply may
// bring another flow. When it was the last such event, a flow that waited for
// it proceeds.
func (s *Sim) tellWho(c *call, e object, last bool) {
	l := c.live
	if l.order.Advanced == nil || l.eventURL == "" {
		if c.outcome == machine || !s.cfg.ContractShapes { // which knows no human event
			s.emit(c, e, nil)
		}
		if last {
			s.proceed(c)
		}
		return
	}
	s.emit(c, e, s.whenBack(c, func(got received) {
		if actions, ok := got.flow(); ok {
			s.run(c, actions)
		} else if last {
			s.proceed(c)
		}
	}))
}

// proceed starts a flow that waited to know who answered.
func (s *Sim) proceed(c *call) {
	f := &c.live.flow
	if f.waits && f.actions != nil {
		s.run(c, f.actions)
	}
	f.waits = false
}

// whenBack wraps what acts on a call once a callback was answered.
func (s *Sim) whenBack(c *call, act func(received)) func(received) {
	return func(got received) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.closed && c.goesOn() {
			s.catchUp(c)
			act(got)
		}
	}
}

// askForFlow fetches the NCCO of an answered call. When that fails twice, the
// application's fallback is asked; when nobody has one, the call ends.
func (s *Sim) askForFlow(c *call, url, method string) {
	accept := func(got received) bool { return got.ok() && s.accept(c, got.body) }
	question := object{
		{"to", c.to}, {"from", c.from}, {"uuid", c.uuid()}, {"conversation_uuid", c.conversation()},
		{"endpoint_type", c.toType},
	}
	if method == "" {
		method = http.MethodGet
	}
	s.ask(c, url, method, question, func(got received) {
		switch {
		case accept(got):
		case s.cfg.FallbackAnswerURL == "":
			s.hangUp(c, "platform")
		default:
			question = append(question, member{"reason", got.problem()},
				member{"original_request", object{{"url", url}, {"type", "answer"}}})
			s.ask(c, s.cfg.FallbackAnswerURL, method, question, func(got received) {
				if !accept(got) {
					s.hangUp(c, "platform")
				}
			})
		}
	})
}

// ask sends a question that an NCCO is to answer, unless the call has found
// another flow by then.
func (s *Sim) ask(c *call, url, method string, question object, got func(received)) {
	body, err := json.Marshal(question)
	if err != nil {
		s.cfg.Logger.Error("a question cannot be written", "err", err)
		return
	}
	turn := c.live.flow.turn
	back := s.whenBack(c, func(r received) {
		if c.live.flow.turn == turn {
			got(r)
		}
	})
	s.post.put(&mailbox{}, letter{
		url: url, method: method, event: question, body: body, waits: answerPatience, got: back,
	})
}

// accept takes a fetched NCCO. One that cannot be read is told of in an error
// event and ends the call.
func (s *Sim) accept(c *call, body []byte) bool {
	actions, err := parseNCCO(body)
	if err != nil {
		s.tellOfError(c, err)
		s.hangUp(c, "platform")
		return true
	}
	s.offer(c, actions)
	return true
}
