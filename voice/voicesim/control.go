package voicesim

import (
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// Control is what was done to a call in progress, as it stands.
type Control struct {
	Muted     bool   `json:"muted,omitempty"`
	Earmuffed bool   `json:"earmuffed,omitempty"`
	Talking   bool   `json:"talking,omitempty"`   // a talk by control is being read
	Streaming bool   `json:"streaming,omitempty"` // a stream by control is being played
	DTMF      string `json:"dtmf,omitempty"`      // all digits sent
	Transfers int    `json:"transfers,omitempty"`
}

// ruling is the answer to a request that concerns a call in progress.
type ruling struct {
	status int
	body   object
	wrong  []invalidParameter
}

func wrong(name, reason string) ruling {
	return ruling{status: http.StatusBadRequest, wrong: []invalidParameter{{name, reason}}}
}

// done is the answer to an action that succeeded.
func done(c *call, message string) ruling {
	return ruling{status: http.StatusOK, body: object{{"message", message}, {"uuid", c.uuid()}}}
}

var noContent = ruling{status: http.StatusNoContent}

// tooYoung is for how long a call cannot be acted on after its creation.
const tooYoung = 2 * time.Second

// onCall serves a request that concerns a call in progress: 404 when there is
// none or it is over, 400 by the gateway when it is too young.
func (s *Sim) onCall(act func(*call, []byte) ruling) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
		if err != nil || len(body) > 0 && !json.Valid(body) {
			s.invalid(w)
			return
		}
		s.mu.Lock()
		answer, young := s.rule(r.PathValue("uuid"), body, act)
		s.mu.Unlock()
		switch {
		case young:
			s.invalid(w)
		case answer.status >= 400:
			s.stats.refused(answer.status)
			refuse(w, answer.status, answer.wrong...)
		case answer.body == nil:
			w.WriteHeader(answer.status)
		default:
			reply(w, answer.status, "application/json", answer.body)
		}
	}
}

func (s *Sim) rule(text string, body []byte, act func(*call, []byte) ruling) (answer ruling, young bool) {
	c := s.find(text)
	if c == nil || !c.goesOn() || s.closed {
		return ruling{status: http.StatusNotFound}, false
	}
	if time.Since(c.live.begun) < s.scaled(tooYoung) {
		return ruling{}, true
	}
	if c.control == nil {
		c.control = &Control{}
	}
	s.catchUp(c)
	return act(c, body), false
}

// inProgress refuses what can only be done to a call that was answered.
func inProgress(c *call) (ruling, bool) {
	return wrong("uuid", "call is not in progress"), c.answered
}

type update struct {
	Action      string `json:"action"`
	Destination struct {
		Type string            `json:"type"`
		URL  []string          `json:"url"`
		NCCO []json.RawMessage `json:"ncco"`
	} `json:"destination"`
}

// update serves PUT /calls/{uuid}.
func (s *Sim) update(c *call, body []byte) ruling {
	var u update
	if json.Unmarshal(body, &u) != nil {
		return wrong("action", "cannot be read")
	}
	if u.Action == "hangup" {
		s.hangUp(c, "platform")
		return noContent
	}
	if refusal, ok := inProgress(c); !ok {
		return refusal
	}
	switch u.Action {
	case "mute", "unmute":
		c.control.Muted = u.Action == "mute"
	case "earmuff", "unearmuff":
		c.control.Earmuffed = u.Action == "earmuff"
	case "transfer":
		return s.redirect(c, u)
	default:
		return wrong("action", "must be one of hangup, mute, unmute, earmuff, unearmuff, transfer")
	}
	return noContent
}

// redirect has the call run another flow, in a conversation of its own.
func (s *Sim) redirect(c *call, u update) ruling {
	d := u.Destination
	actions, err := parseActions(d.NCCO)
	var bad complaints
	bad.urls("url", d.URL)
	switch {
	case d.Type != "ncco":
		return wrong("type", "must be ncco")
	case (len(d.URL) > 0) == (len(d.NCCO) > 0):
		return wrong("destination", "exactly one of url and ncco is required")
	case len(d.NCCO) > 0 && s.cfg.ContractShapes:
		return wrong("ncco", "is not known")
	case err != nil:
		return wrong("ncco", err.Error())
	case len(bad) > 0:
		return ruling{status: http.StatusBadRequest, wrong: bad}
	}
	c.control.Transfers++
	c.live.flow.turn++ // what the flow had planned is void
	s.leave(c)
	s.release(c)
	s.move(c, uuid.New())
	if len(d.URL) > 0 {
		s.askForFlow(c, d.URL[0], http.MethodGet)
	} else {
		s.run(c, actions)
	}
	return noContent
}
