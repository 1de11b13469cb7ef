package voice

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// CallRequest is a call to be made. A member that is zero gets Vonage's default.
type CallRequest struct {
	To []Endpoint
	// From is one of the account's numbers, in E.164 digits, or, for calls to
	// SIP, a SIP address. Set either From or RandomFromNumber.
	From             string
	RandomFromNumber bool // Vonage picks one of the application's numbers
	// NCCO says what the call does; AnswerURL is where Vonage fetches that
	// when the call is answered. Set either of them.
	NCCO         NCCO
	AnswerURL    string
	AnswerMethod string // GET (default) or POST
	EventURL     string // overrides the application's
	EventMethod  string // POST (default) or GET
	// MachineDetection is continue or hangup.
	MachineDetection string
	// AdvancedMachineDetection overrides MachineDetection. It costs extra.
	AdvancedMachineDetection *AdvancedMachineDetection
	LengthTimer              int // seconds after the answer, 1 to 7200 (default)
	RingingTimer             int // seconds of ringing, 1 to 120; default 60
}

// AdvancedMachineDetection tells people from machines and can wait for the beep.
type AdvancedMachineDetection struct {
	Behavior    string `json:"behavior,omitempty"`     // continue or hangup
	Mode        string `json:"mode,omitempty"`         // default, detect or detect_beep
	BeepTimeout int    `json:"beep_timeout,omitempty"` // seconds, 45 to 120
	Extra       Extra  `json:"-"`
}

// Created is a call that was made.
type Created struct {
	UUID             string // opaque
	ConversationUUID string
	Status           string
	Direction        string
}

// Validate reports every field that breaks a limit of the API, with the limit.
// The error wraps ErrInvalid and contains no phone number.
func (r CallRequest) Validate() error {
	var p problems
	p.callees(r.To)
	p.caller(r)
	p.instructions(r)
	p.address("event_url", r.EventURL, "http", "https")
	p.oneOf("event_method", r.EventMethod, http.MethodGet, http.MethodPost)
	p.oneOf("machine_detection", r.MachineDetection, "continue", "hangup")
	if r.AdvancedMachineDetection != nil {
		p.within("advanced_machine_detection", r.AdvancedMachineDetection.check())
	}
	p.between("length_timer", r.LengthTimer, 1, 7200)
	p.between("ringing_timer", r.RingingTimer, 1, 120)
	return p.err()
}

func (p *problems) callees(to []Endpoint) {
	if len(to) == 0 {
		p.add("to", "must have at least one endpoint")
	}
	for i, e := range to {
		path := fmt.Sprintf("to[%d]", i)
		if e == nil {
			p.add(path, "is nil")
			continue
		}
		p.within(path, e.check())
		if phone, ok := e.(Phone); ok && phone.OnAnswer != nil {
			p.add(path+".onAnswer", "is for connect only")
		}
	}
}

func (p *problems) caller(r CallRequest) {
	if (r.From == "") != r.RandomFromNumber {
		p.add("from", "exactly one of from and random_from_number must be given")
		return
	}
	p.callerOf("from", r.From)
}

// callerOf checks an optional number or SIP address that a call comes from.
func (p *problems) callerOf(field, from string) {
	switch {
	case strings.HasPrefix(from, "sip:"), strings.HasPrefix(from, "sips:"):
	case from != "":
		p.number(field, from)
	}
}

func (p *problems) instructions(r CallRequest) {
	if (len(r.NCCO) == 0) == (r.AnswerURL == "") {
		p.add("ncco", "exactly one of ncco and answer_url must be given")
	}
	if len(r.NCCO) > 0 {
		*p = append(*p, r.NCCO.check()...)
	}
	p.address("answer_url", r.AnswerURL, "http", "https")
	p.oneOf("answer_method", r.AnswerMethod, http.MethodGet, http.MethodPost)
}

func (d AdvancedMachineDetection) check() (p problems) {
	p.oneOf("behavior", d.Behavior, "continue", "hangup")
	p.oneOf("mode", d.Mode, "default", "detect", "detect_beep")
	p.between("beep_timeout", d.BeepTimeout, 45, 120)
	return p
}

// MarshalJSON also writes the members that are not known.
func (d AdvancedMachineDetection) MarshalJSON() ([]byte, error) {
	type members AdvancedMachineDetection
	return marshalTagged("", "", members(d), d.Extra)
}

// UnmarshalJSON keeps the members that are not known.
func (d *AdvancedMachineDetection) UnmarshalJSON(raw []byte) (err error) {
	type members AdvancedMachineDetection
	d.Extra, err = unmarshalTagged(raw, "", (*members)(d))
	return err
}

// MarshalJSON writes a form that both the contract and today's API take.
func (r CallRequest) MarshalJSON() ([]byte, error) {
	return encodeBody(struct {
		To               []Endpoint                `json:"to"`
		From             *Phone                    `json:"from,omitempty"`
		RandomFromNumber bool                      `json:"random_from_number,omitempty"`
		NCCO             NCCO                      `json:"ncco,omitempty"`
		AnswerURL        []string                  `json:"answer_url,omitempty"`
		AnswerMethod     string                    `json:"answer_method,omitempty"`
		EventURL         []string                  `json:"event_url,omitempty"`
		EventMethod      string                    `json:"event_method,omitempty"`
		MachineDetection string                    `json:"machine_detection,omitempty"`
		Advanced         *AdvancedMachineDetection `json:"advanced_machine_detection,omitempty"`
		LengthTimer      int                       `json:"length_timer,omitempty"`
		RingingTimer     int                       `json:"ringing_timer,omitempty"`
	}{
		r.To, phoneOrNil(r.From), r.RandomFromNumber, r.NCCO, oneURL(r.AnswerURL), r.AnswerMethod,
		oneURL(r.EventURL), r.EventMethod, r.MachineDetection, r.AdvancedMachineDetection, r.LengthTimer, r.RingingTimer,
	})
}

func phoneOrNil(number string) *Phone {
	if number == "" {
		return nil
	}
	return &Phone{Number: number}
}

// oneURL puts a URL in an array, as the API wants it.
func oneURL(u string) []string {
	if u == "" {
		return nil
	}
	return []string{u}
}

// CreateCall makes a call. It sends at most one POST, whatever happens, and
// never repeats it. It uses the given permit, or sends at once if that is nil. It does
// not check whether the token is still valid: Vonage does, by its own clock. Any error is
// an *Error whose Verdict says whether there may be a call. See
// https://developer.vonage.com/en/api/voice#createCall.
func (c *Client) CreateCall(ctx context.Context, permit Permit, t SignedToken, r CallRequest) (Created, error) {
	const op = "create call"
	if permit == nil {
		permit = unpaced{}
	}
	if err := errors.Join(t.usable(), r.Validate()); err != nil {
		permit.Done(time.Time{}, 0)
		return Created{}, unsent(op, err)
	}
	rep, err := c.exchange(ctx, request{op: op, method: http.MethodPost, path: "/calls", body: r, token: t, permit: permit})
	if err != nil {
		return Created{}, err
	}
	if rep.status != http.StatusCreated {
		return Created{}, rep.failure(op, c.now())
	}
	created, readErr := rep.created()
	if readErr != nil {
		return Created{}, &Error{Op: op, Verdict: VerdictPlaced, Status: rep.status, Err: readErr}
	}
	return created, nil
}

func (r reply) created() (Created, error) {
	if r.bodyErr != nil {
		return Created{}, r.bodyErr
	}
	o, err := parseObject(r.body)
	if err != nil {
		return Created{}, err
	}
	made := Created{
		UUID: o.id("uuid"), ConversationUUID: o.id("conversation_uuid"),
		Status: o.word("status"), Direction: o.word("direction"),
	}
	if made.UUID == "" {
		return Created{}, errors.New("the response has no uuid")
	}
	return made, nil
}

// callPath is the path of one call, or of a part of it. A uuid is opaque and may
// contain any character.
func callPath(uuid string, parts ...string) string {
	return "/calls/" + url.PathEscape(uuid) + strings.Join(append([]string{""}, parts...), "/")
}
