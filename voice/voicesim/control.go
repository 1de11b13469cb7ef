package voicesim

import (
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// Control is the effect so far of control requests on a call.
type Control struct {
	Muted     bool   `json:"muted,omitempty"`
	Earmuffed bool   `json:"earmuffed,omitempty"`
	Talking   bool   `json:"talking,omitempty"`   // a talk that was started by control is being read
	Streaming bool   `json:"streaming,omitempty"` // a stream that was started by control is being played
	DTMF      string `json:"dtmf,omitempty"`      // all digits sent
	Transfers int    `json:"transfers,omitempty"`
	HungUp    bool   `json:"hung_up,omitempty"` // this request ended it
}

// controlResult is the response to a request about a call in progress.
type controlResult struct {
	status  int
	body    object
	invalid []invalidParameter
}

func badRequest(name, reason string) controlResult {
	return controlResult{status: http.StatusBadRequest, invalid: []invalidParameter{{name, reason}}}
}

// acknowledge is the response to an action that succeeded.
func acknowledge(c *call, message string) controlResult {
	return controlResult{status: http.StatusOK, body: object{{"message", message}, {"uuid", c.uuid()}}}
}

var noContent = controlResult{status: http.StatusNoContent}

// notReadyFor is how long after its creation a call cannot be controlled.
const notReadyFor = 2 * time.Second

// onCall serves a request about a call in progress: 404 if there is none or it has
// ended, 400 from the gateway if it is too new.
func (s *Sim) onCall(act func(*call, []byte) controlResult) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
		if err != nil || len(body) > 0 && !json.Valid(body) {
			s.invalid(w)
			return
		}
		s.mu.Lock()
		result, tooNew := s.controlCall(r.PathValue("uuid"), body, act)
		s.mu.Unlock()
		switch {
		case tooNew:
			s.invalid(w)
		case result.status >= 400:
			s.stats.refused(result.status)
			refuse(w, result.status, result.invalid...)
		case result.body == nil:
			w.WriteHeader(result.status)
		default:
			reply(w, result.status, "application/json", result.body)
		}
	}
}

// controlCall finds the call and lets act change it.
func (s *Sim) controlCall(text string, body []byte, act func(*call, []byte) controlResult) (result controlResult, tooNew bool) {
	c := s.find(text)
	if c == nil || !c.active() || s.closed {
		return controlResult{status: http.StatusNotFound}, false
	}
	if time.Since(c.live.begun) < s.scaled(notReadyFor) {
		return controlResult{}, true
	}
	if c.control == nil {
		c.control = &Control{}
	}
	s.catchUp(c)
	return act(c, body), false
}

// answeredOnly refuses what can only be done to an answered call.
func answeredOnly(c *call) (controlResult, bool) {
	return badRequest("uuid", "call is not in progress"), c.answered
}

type update struct {
	Action      string      `json:"action"`
	Destination destination `json:"destination"`
}

// destination is the NCCO with which a transferred call continues.
type destination struct {
	Given given             `json:"-"`
	Type  string            `json:"type"`
	URL   []string          `json:"url"`
	NCCO  []json.RawMessage `json:"ncco"`

	wrong problems
}

func (d *destination) UnmarshalJSON(raw []byte) error { return readPart(raw, d, &d.wrong) }

// invalid is the response to a body that has these problems.
func invalid(wrong problems) controlResult {
	return controlResult{status: http.StatusBadRequest, invalid: wrong}
}

// update serves PUT /calls/{uuid}.
func (s *Sim) update(c *call, body []byte) controlResult {
	var u update
	if wrong, ok := readMembers(body, &u); !ok {
		return badRequest("action", "is required")
	} else if len(wrong) > 0 {
		return invalid(wrong)
	}
	if u.Action == "hangup" {
		c.control.HungUp = true
		s.hangUp(c, "platform")
		return noContent
	}
	if refusal, ok := answeredOnly(c); !ok {
		return refusal
	}
	switch u.Action {
	case "mute", "unmute":
		c.control.Muted = u.Action == "mute"
	case "earmuff", "unearmuff":
		c.control.Earmuffed = u.Action == "earmuff"
	case "transfer":
		return s.transfer(c, u)
	default:
		return badRequest("action", "must be one of hangup, mute, unmute, earmuff, unearmuff, transfer")
	}
	return noContent
}

// transfer makes the call run another flow, in a new conversation.
func (s *Sim) transfer(c *call, u update) controlResult {
	d := u.Destination
	actions, err := parseActions(d.NCCO)
	bad := d.wrong
	bad.oneURL(d.Given, "url", d.URL)
	switch {
	case len(bad) > 0:
		return invalid(bad)
	case d.Type != "ncco":
		return badRequest("type", "must be ncco")
	case (len(d.URL) > 0) == (len(d.NCCO) > 0):
		return badRequest("destination", "exactly one of url and ncco is required")
	case len(d.NCCO) > 0 && s.cfg.ContractShapes:
		return badRequest("ncco", "is not known")
	case err != nil:
		return badRequest("ncco", err.Error())
	}
	c.control.Transfers++
	c.live.flow.version++ // cancels the flow's planned steps
	s.leaveRoom(c)
	s.endLegs(c)
	s.moveTo(c, uuid.New())
	if len(d.URL) > 0 {
		s.fetchNCCO(c, d.URL[0], http.MethodGet)
	} else {
		s.run(c, actions)
	}
	return noContent
}
