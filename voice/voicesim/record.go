package voicesim

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

func (c *call) durationText() string { return strconv.Itoa(int(c.seconds)) }

// record is the call's record as GET shows it, with this uuid; "": without one.
func (s *Sim) record(c *call, uuid string, now time.Time) object {
	w := s.wordingOf(c)
	r := object{{"_links", object{{"self", object{{"href", s.path("/calls/" + uuid)}}}}}, {"uuid", uuid}}
	if uuid == "" {
		r = r[:1]
	}
	r = append(r, object{
		{"conversation_uuid", c.writtenConversation(w.conversation)},
		{"to", s.recordParty(c.toType, c.to, w.to, w.party)}, {"from", s.recordParty(c.fromType, c.from, w.from, w.party)},
		{"status", c.status},
	}...)
	r = append(append(r, directionMembers(c, w.direction)...), s.bill(c, now)...)
	return s.shaped(r.without(string(w.missing)))
}

// shaped leaves out null members, in the contract's form only: there they are texts or
// are not sent.
func (s *Sim) shaped(o object) object {
	if !s.cfg.ContractShapes {
		return o
	}
	return slices.DeleteFunc(o, func(m member) bool { return m.value == nil })
}

// bill is the members of a record that are null before the call's end.
func (s *Sim) bill(c *call, now time.Time) []member {
	if c.endedAt == 0 {
		return nullMembers("rate", "price", "duration", "start_time", "end_time", "network")
	}
	start, end := s.span(c)
	if s.cfg.ContractShapes && c.status != completed { // what else there is "is only sent if status is completed"
		return []member{{"start_time", s.moment(start)}, {"network", c.tariff.network}}
	}
	bill := nullMembers("rate", "price")
	if s.priceShown(c, now) {
		rate := s.rate(c, now)
		bill[0].value, bill[1].value = rate.StringFixed(8), price(rate, c.seconds).StringFixed(8)
	}
	return append(bill, object{
		{"duration", c.durationText()}, {"start_time", s.moment(start)},
		{"end_time", s.moment(end)}, {"network", c.tariff.network},
	}...)
}

// recordParty is an object in today's records and an array in the contract's,
// unless the wording says otherwise.
func (s *Sim) recordParty(kind, address string, number, shape form) any {
	if kind != "phone" {
		number = ""
	}
	address, found := number.written(address)
	party := object{{"type", kind}, {addressMember(kind), address}}
	if !found {
		party = party[:1]
	}
	if shape == "" && s.cfg.ContractShapes {
		shape = asArray
	}
	switch shape {
	case asArray:
		return []object{party}
	case asText:
		return address
	case untyped:
		return party[1:]
	}
	return party
}

// addressMember is the member of a party that has its number or address.
func addressMember(kind string) string {
	switch kind {
	case "sip", "websocket":
		return "uri"
	case "vbc":
		return "extension"
	case "app":
		return "user"
	}
	return "number"
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
	uuid := r.PathValue("uuid")
	c := s.find(uuid)
	var body object
	if c != nil {
		body = s.record(c, uuid, s.now())
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
