package voicesim

import (
	"encoding/json"
	"io"
	"net/http"
	"time"
)

const bodyLimit = 1 << 20

// create serves POST /calls. The token comes before everything that could
// place a call, and once more after a request was stuck.
func (s *Sim) create(w http.ResponseWriter, r *http.Request) {
	now := s.now()
	// Read at once: a request that is stuck here outlives its client.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	room := s.arrived(now)
	jti, ok := s.authorised(w, r, now)
	switch {
	case !ok:
		return
	case err != nil:
		s.invalid(w)
		return
	case !room:
		s.stats.refused(http.StatusTooManyRequests)
		tooManyRequests(w)
		return
	}
	var o order
	if json.Unmarshal(body, &o) != nil {
		s.invalid(w)
		return
	}
	if wrong := o.check(s.cfg.ContractShapes); len(wrong) > 0 {
		s.stats.refused(http.StatusBadRequest)
		refuse(w, http.StatusBadRequest, wrong...)
		return
	}
	s.fulfil(w, r, &o, jti)
}

// arrived counts a POST and says whether the limit has room for it.
func (s *Sim) arrived(now time.Time) bool {
	s.stats.count(func(m *Summary) { m.Creates++ })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.arrivals.add(now)
	return s.creates.allow(now)
}

func (s *Sim) invalid(w http.ResponseWriter) {
	s.stats.refused(http.StatusBadRequest)
	gatewayError(w, http.StatusBadRequest)
}

// fulfil places the call that a good order asks for, unless a fault befalls it.
func (s *Sim) fulfil(w http.ResponseWriter, r *http.Request, o *order, jti string) {
	s.mu.Lock()
	k := s.nextTry(o.To[0].address())
	s.mu.Unlock()
	f := s.createFault(k)
	switch f {
	case cutBefore:
		cut()
	case error500:
		s.stats.refused(http.StatusInternalServerError)
		refuse(w, http.StatusInternalServerError)
		return
	case tooMany:
		s.stats.refused(http.StatusTooManyRequests)
		tooManyRequests(w)
		return
	case stuck:
		longest := s.cfg.Faults.StuckFor
		if !s.pause(s.between(longest/2, longest, "stuck_for", k), nil) {
			cut()
		}
		if _, ok := s.authorised(w, r, s.now()); !ok {
			return
		}
	}
	c := s.place(o, k, jti)
	if c == nil {
		s.stats.refused(http.StatusServiceUnavailable)
		unavailable(w)
		return
	}
	s.tell(w, r, f, s.created(c))
}

// nextTry names the next POST, or connect action, to a number.
func (s *Sim) nextTry(number string) key {
	s.tried[number]++
	return key{number: number, n: s.tried[number]}
}

// tell answers for a call that was placed, as well as the fault lets it.
func (s *Sim) tell(w http.ResponseWriter, r *http.Request, f fault, created object) {
	switch f {
	case cutAfter:
		cut()
	case error500Placed:
		refuse(w, http.StatusInternalServerError)
		return
	case error503Placed:
		unavailable(w)
		return
	case truncated:
		breakOff(w, http.StatusCreated, created)
	case slow:
		if !s.pause(s.cfg.Faults.SlowFor, r.Context().Done()) {
			cut()
		}
	}
	reply(w, http.StatusCreated, "application/json", created)
}

func (s *Sim) created(c *call) object {
	return object{
		{"uuid", c.uuid()}, {"status", started}, {"direction", "outbound"},
		{"conversation_uuid", c.conversation()},
	}
}
