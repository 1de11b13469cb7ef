package voicesim

import (
	"encoding/json"
	"slices"
	"time"
)

// statusEvent is the event of a call that reaches a status.
func (s *Sim) statusEvent(c *call, status string, more ...member) object {
	id := "uuid"
	amd := status == human || status == machine
	if amd && !s.cfg.ContractShapes {
		id = "call_uuid"
	}
	e := object{
		{"headers", object{}}, {"from", s.eventParty(c.fromType, c.from, "")}, {"to", s.eventParty(c.toType, c.to, "")},
		{id, c.uuid()}, {"conversation_uuid", c.conversation()}, {"status", status},
	}
	if !amd && status != disconnected {
		e = append(e, member{"direction", c.direction()})
	}
	return s.shaped(append(append(e, more...), member{"timestamp", s.eventTime(c, status)}))
}

// contractStatuses are the statuses that an event can have in the contract.
var contractStatuses = []string{
	started, ringing, answered, machine, completed, timeout, failed, rejected, cancelled, busy,
}

// tells says whether a status has an event.
func (s *Sim) tells(status string) bool {
	return !s.cfg.ContractShapes || slices.Contains(contractStatuses, status)
}

// eventParty is a string in today's events and an array in the contract's. It is ""
// where the number is missing.
func (s *Sim) eventParty(kind, address string, number form) any {
	if s.cfg.ContractShapes {
		return s.recordParty(kind, address, number, asArray)
	}
	address, _ = number.written(address)
	return address
}

// eventTime is now. Some ringing events have the time of the started event, as seen in
// real ones.
func (s *Sim) eventTime(c *call, status string) string {
	at := s.now()
	if status == ringing && s.draw("same_time", c.key()) < 0.1 {
		at = c.placedAt.time()
	}
	if status == started {
		at = c.placedAt.time()
	}
	return at.Format(millis)
}

// completedMembers are the extra members of the completed event. They are null for
// a call that was not answered.
func (s *Sim) completedMembers(c *call, by string) []member {
	if !c.answered {
		return nullMembers("start_time", "end_time", "duration", "rate", "price", "network")
	}
	start, end := s.span(c)
	m := []member{
		{"start_time", s.moment(start)}, {"end_time", s.moment(end)}, {"duration", c.durationText()},
		{"rate", nil}, {"price", nil}, {"network", c.tariff.name}, {"disconnected_by", by}, {"sip_code", 200},
	}
	if s.draw(string(nullPrice), c.key()) >= s.cfg.Faults.NullPrice {
		m[3].value = c.tariff.rate.StringFixed(8)
		m[4].value = price(c.tariff.rate, c.seconds).StringFixed(8)
	}
	return m
}

func nullMembers(names ...string) []member {
	var m []member
	for _, name := range names {
		m = append(m, member{name, nil})
	}
	return m
}

// emit sends an event to the call's event URL. onReply may be nil.
func (s *Sim) emit(c *call, e object, onReply func(callbackReply)) {
	s.send(c, c.live.eventURL, c.live.eventMethod, e, onReply)
}

// send puts an event into the call's queue, with faults applied. An event whose
// reply matters arrives once and in order.
func (s *Sim) send(c *call, url, method string, e object, onReply func(callbackReply)) {
	if url == "" {
		return
	}
	l := c.live
	l.events++
	k := c.key()
	k.sub = l.events
	kind := kindOf(e)
	e = s.reword(c, e, k)
	body, err := json.Marshal(e)
	if err != nil {
		s.cfg.Logger.Error("event cannot be marshalled", "err", err)
		return
	}
	cb := callback{
		call: c, kind: kind, url: url, method: method, event: e, body: body, timeout: eventTimeout, onReply: onReply,
	}
	if onReply == nil && s.hits(eventLost, k) {
		return
	}
	if kind == "input" && onReply != nil && s.inputFault(c, cb, k) {
		return
	}
	copies := s.withTokenFaults(cb, k)
	if onReply != nil {
		s.deliver(c, copies...)
		return
	}
	s.sendWithFaults(c, k, copies)
}

// inputFault applies a fault to an event whose reply the call waits for. It says whether
// the fault replaces the normal sending.
func (s *Sim) inputFault(c *call, cb callback, k key) bool {
	noReply := func() { cb.onReply(callbackReply{}) }
	again := cb
	again.onReply = nil
	switch {
	case s.hits(inputLost, k):
		s.schedule.after(s.scaled(eventTimeout), noReply)
		return true
	case s.hits(inputLate, k):
		s.schedule.after(s.scaled(eventTimeout), noReply)
		s.schedule.after(s.scaled(eventTimeout)+s.between(0, s.cfg.Faults.LateFor, "late_for", k), func() {
			s.callbacks.enqueue(&callbackQueue{}, again)
		})
		return true
	case s.hits(inputDoubled, k):
		s.deliver(c, cb, again)
		return true
	}
	return false
}

// sendWithFaults sends copies of an event whose reply does not matter.
func (s *Sim) sendWithFaults(c *call, k key, copies []callback) {
	l := c.live
	copies[0].unsigned = s.hits(eventUnsigned, k)
	if s.hits(eventDoubled, k) {
		copies = append(copies, copies[0])
	}
	switch {
	case s.hits(eventLate, k):
		delay := s.between(0, s.cfg.Faults.LateFor, "late_for", k)
		s.schedule.after(delay, func() { s.callbacks.enqueue(&callbackQueue{}, copies...) })
	case l.swapped == nil && c.endedAt == 0 && s.hits(eventShuffled, k):
		l.swapped = copies
	default:
		s.deliver(c, copies...)
	}
}

// deliver enqueues callbacks, and after them the callback that changes places with them.
func (s *Sim) deliver(c *call, callbacks ...callback) {
	s.callbacks.enqueue(c.live.queue, append(callbacks, c.live.swapped...)...)
	c.live.swapped = nil
}

// span is the start and the end of a call on its record. The end follows from the
// duration, also at a speed above 1.
func (s *Sim) span(c *call) (start, end time.Time) {
	if c.answered {
		start = c.answeredAt.time().Truncate(time.Second)
	} else {
		start = c.placedAt.time().Truncate(time.Second)
	}
	return start, start.Add(time.Duration(c.seconds) * time.Second)
}
