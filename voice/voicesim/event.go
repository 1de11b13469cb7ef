package voicesim

import (
	"encoding/json"
	"time"
)

// event is what Vonage says when the call reaches a status.
func (s *Sim) event(c *call, status string, more ...member) object {
	id := "uuid"
	amd := status == human || status == machine
	if amd && !s.cfg.ContractShapes {
		id = "call_uuid"
	}
	e := object{
		{"headers", object{}}, {"from", s.eventParty(c.fromType, c.from)}, {"to", s.eventParty(c.toType, c.to)},
		{id, c.uuid()}, {"conversation_uuid", c.conversation()}, {"status", status},
	}
	if !amd && status != disconnected {
		e = append(e, member{"direction", "outbound"})
	}
	return append(append(e, more...), member{"timestamp", s.eventTime(c, status)})
}

// eventParty is a bare string in today's events; the contract has an array.
func (s *Sim) eventParty(kind, address string) any {
	if s.cfg.ContractShapes {
		return s.party(kind, address)
	}
	return address
}

// eventTime is now, but for a ringing event that carries the time of started,
// as real ones have been seen to.
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

// closing is what the completed event says beyond the rest. A call that was
// never answered has nothing to say.
func (s *Sim) closing(c *call, by string) []member {
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

// emit sends an event to the call's event URL. got, if there is one, takes the
// reply.
func (s *Sim) emit(c *call, e object, got func(received)) {
	s.send(c, c.live.eventURL, c.live.eventMethod, e, got)
}

// send puts an event into the call's mailbox, unless a fault befalls it. None
// befalls an event whose reply matters.
func (s *Sim) send(c *call, url, method string, e object, got func(received)) {
	if url == "" {
		return
	}
	body, err := json.Marshal(e)
	if err != nil {
		s.cfg.Logger.Error("an event cannot be written", "err", err)
		return
	}
	mail := letter{url: url, method: method, event: e, body: body, waits: eventPatience, got: got}
	if got != nil {
		s.deliver(c, mail)
		return
	}
	l := c.live
	l.events++
	k := c.key()
	k.sub = l.events
	if s.hits(eventLost, k) {
		return
	}
	mail.unsigned = s.hits(eventUnsigned, k)
	copies := []letter{mail}
	if s.hits(eventDoubled, k) {
		copies = append(copies, mail)
	}
	switch {
	case s.hits(eventLate, k):
		delay := s.between(0, s.cfg.Faults.LateFor, "late_for", k)
		s.schedule.after(delay, func() { s.post.put(&mailbox{}, copies...) })
	case l.held == nil && c.endedAt == 0 && s.hits(eventShuffled, k):
		l.held = copies
	default:
		s.deliver(c, copies...)
	}
}

// deliver hands letters over, and after them one that waited for that.
func (s *Sim) deliver(c *call, letters ...letter) {
	s.post.put(c.live.box, append(letters, c.live.held...)...)
	c.live.held = nil
}

// span is when an answered call began and ended, as records tell it. At more
// than real speed the end is the one that the duration calls for.
func (s *Sim) span(c *call) (start, end time.Time) {
	if c.answered {
		start = c.answeredAt.time().Truncate(time.Second)
	} else {
		start = c.placedAt.time().Truncate(time.Second)
	}
	return start, start.Add(time.Duration(c.seconds) * time.Second)
}
