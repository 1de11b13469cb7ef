package voicesim

import (
	"io"
	"net/http"
	"time"
)

const bodyLimit = 1 << 20

// create serves POST /calls. It checks the token before anything that could make
// a call, and again after a request was stuck.
func (s *Sim) create(w http.ResponseWriter, r *http.Request) {
	now := s.now()
	// Read the body now: a request that is stuck here outlives its client.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	allowed := s.countCreate(s.cfg.Now())
	jti, ok := s.authorised(w, r, now)
	switch {
	case !ok:
		return
	case err != nil:
		s.invalid(w)
		return
	case !allowed:
		s.stats.refused(http.StatusTooManyRequests)
		tooManyRequests(w)
		return
	}
	o, wrong, ok := readCreateRequest(body, s.cfg.ContractShapes)
	if !ok {
		s.invalid(w)
		return
	}
	if len(wrong) > 0 {
		s.stats.refused(http.StatusBadRequest)
		refuse(w, http.StatusBadRequest, wrong...)
		return
	}
	s.placeOrFail(w, r, &o, jti)
}

// countCreate counts a POST and says whether the limit allows it. Seconds are measured by
// the right clock.
func (s *Sim) countCreate(now time.Time) bool {
	s.stats.count(func(m *Summary) { m.Creates++ })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.arrivals.add(now)
	return s.createLimit.allow(now)
}

func (s *Sim) invalid(w http.ResponseWriter) {
	s.stats.refused(http.StatusBadRequest)
	gatewayError(w, http.StatusBadRequest)
}

// placeOrFail makes the call that a valid request asks for, or applies a fault.
func (s *Sim) placeOrFail(w http.ResponseWriter, r *http.Request, o *createRequest, jti string) {
	s.mu.Lock()
	k := s.nextTry(o.To[0].address())
	s.mu.Unlock()
	f := s.createFault(k)
	switch f {
	case cutBefore:
		abort()
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
			abort()
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
	s.respond(w, r, f, s.created(c))
}

// nextTry is the key of the next POST or connect action to a number.
func (s *Sim) nextTry(number string) key {
	s.attempts[number]++
	return key{number: number, n: s.attempts[number]}
}

// respond sends the answer for a call that was made, with the fault applied.
func (s *Sim) respond(w http.ResponseWriter, r *http.Request, f fault, created object) {
	switch f {
	case cutAfter:
		abort()
	case error500Placed:
		refuse(w, http.StatusInternalServerError)
		return
	case error503Placed:
		unavailable(w)
		return
	case truncated:
		truncateResponse(w, http.StatusCreated, created)
	case slow:
		if !s.pause(s.cfg.Faults.SlowFor, r.Context().Done()) {
			abort()
		}
	}
	reply(w, http.StatusCreated, "application/json", created)
}

func (s *Sim) created(c *call) object {
	return object{
		{"uuid", c.uuid()}, {"status", started}, {"direction", outbound},
		{"conversation_uuid", c.conversation()},
	}
}
