package voicesim

import (
	"net/http"
	"strconv"
	"time"
)

func (c *call) durationText() string { return strconv.Itoa(int(c.seconds)) }

// record is the call's record as GET shows it.
func (s *Sim) record(c *call, now time.Time) object {
	r := object{
		{"_links", object{{"self", object{{"href", s.path("/calls/" + c.uuid())}}}}},
		{"uuid", c.uuid()}, {"conversation_uuid", c.conversation()},
		{"to", s.recordParty(c.toType, c.to)}, {"from", s.recordParty(c.fromType, c.from)},
		{"status", c.status}, {"direction", "outbound"},
	}
	if c.endedAt == 0 {
		return append(r, nullMembers("rate", "price", "duration", "start_time", "end_time", "network")...)
	}
	start, end := s.span(c)
	bill := nullMembers("rate", "price")
	if c.priceShown(now) {
		rate := s.rate(c, now)
		bill[0].value, bill[1].value = rate.StringFixed(8), price(rate, c.seconds).StringFixed(8)
	}
	return append(append(r, bill...), object{
		{"duration", c.durationText()}, {"start_time", s.moment(start)},
		{"end_time", s.moment(end)}, {"network", c.tariff.network},
	}...)
}

// recordParty is an object in today's records and an array in the contract's.
func (s *Sim) recordParty(kind, address string) any {
	party := s.party(kind, address)
	if s.cfg.ContractShapes {
		return party
	}
	return party[0]
}

func (s *Sim) party(kind, address string) []object {
	name := "number"
	switch kind {
	case "sip", "websocket":
		name = "uri"
	case "vbc":
		name = "extension"
	case "app":
		name = "user"
	}
	return []object{{{"type", kind}, {name, address}}}
}

// path is a path for links. The contract's have no version.
func (s *Sim) path(rest string) string {
	if s.cfg.ContractShapes {
		return rest
	}
	return "/v1" + rest
}

// get serves GET /calls/{uuid}.
func (s *Sim) get(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	c := s.find(r.PathValue("uuid"))
	var body object
	if c != nil {
		body = s.record(c, s.now())
	}
	s.mu.Unlock()
	if c == nil {
		s.stats.refused(http.StatusNotFound)
		refuse(w, http.StatusNotFound)
		return
	}
	s.respondRead(w, body)
}

// respondRead answers a GET, with faults applied.
func (s *Sim) respondRead(w http.ResponseWriter, body object) {
	s.mu.Lock()
	s.reads++
	k := key{n: s.reads}
	s.mu.Unlock()
	if !s.hits(readFails, k) {
		reply(w, http.StatusOK, "application/json", body)
		return
	}
	switch int(4 * s.draw("how_read_fails", k)) {
	case 0:
		refuse(w, http.StatusInternalServerError)
	case 1:
		unavailable(w)
	case 2:
		abort()
	default:
		truncateResponse(w, http.StatusOK, body)
	}
}
