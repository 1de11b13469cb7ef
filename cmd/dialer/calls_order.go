package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"dialer/campaign"
	"dialer/voice"

	"github.com/google/uuid"
)

// callOrder is one call that somebody asks for, of no campaign. The command fills it
// from its flags, and the API from its members.
type callOrder struct {
	to         callee
	from       string // a number with its country code, or a SIP address
	randomFrom bool   // Vonage picks one of the application's numbers

	// What the call does: one of the three.
	say       string
	ncco      voice.NCCO
	answerURL string

	answerMethod          string
	eventURL, eventMethod string

	machine     string // continue or hangup; "": nothing is detected
	machineMode string
	beepTimeout *int // seconds, as the timers; nil: Vonage's default

	ringingTimer, lengthTimer *int
}

// callee is where the call goes: to another endpoint if there is one, else to a
// telephone.
type callee struct {
	number    string // of the telephone, as it was written
	country   string // of a number that is written without one
	countries campaign.Countries
	phone     voice.Phone // what is asked of the telephone besides

	other         voice.Endpoint
	kind, address string // of the other endpoint, for the record
}

// build is the attempt that is put on record, and the request to Vonage. The error
// is of orderMistakes. It does not check the limits of Vonage's API, as
// request.Validate does.
func (o callOrder) build() (attempt campaign.Attempt, request voice.CallRequest, err error) {
	var wrong orderMistakes
	wrong.note("ringing timer", secondsBetween(o.ringingTimer, 1, 120))
	wrong.note("length timer", secondsBetween(o.lengthTimer, 1, 7200))
	wrong.note("beep timeout", secondsBetween(o.beepTimeout, 45, 120))
	to, number, err := o.to.read()
	wrong.note("to", err)
	from, err := o.caller()
	wrong.note("from", err)
	if len(wrong) > 0 {
		return attempt, request, wrong
	}
	id, err := uuid.NewV7()
	attempt = campaign.Attempt{
		ID: id, Kind: campaign.ManualCall, To: number, From: from,
		Manual: campaign.Manual{ToKind: cmp.Or(o.to.kind, campaign.KindPhone), Address: o.to.address, Detail: o.detail()},
	}
	return attempt, o.request(to, from), err
}

func (o callOrder) request(to voice.Endpoint, from string) voice.CallRequest {
	r := voice.CallRequest{
		To: []voice.Endpoint{to}, From: from, RandomFromNumber: o.randomFrom,
		NCCO: o.ncco, AnswerURL: o.answerURL, AnswerMethod: o.answerMethod,
		EventURL: o.eventURL, EventMethod: o.eventMethod,
		MachineDetection: o.machine,
		LengthTimer:      given(o.lengthTimer), RingingTimer: given(o.ringingTimer),
	}
	if o.say != "" {
		r.NCCO = voice.NCCO{voice.Talk{Text: o.say}}
	}
	if o.machineMode != "" {
		r.AdvancedMachineDetection = &voice.AdvancedMachineDetection{Behavior: o.machine, Mode: o.machineMode, BeepTimeout: given(o.beepTimeout)}
	}
	return r
}

// detail is what the call does, for the record.
func (o callOrder) detail() string {
	switch {
	case o.say != "":
		return "says " + o.say
	case o.answerURL != "":
		return "asks " + withoutQuery(o.answerURL)
	}
	return fmt.Sprintf("an NCCO of %d actions", len(o.ncco))
}

// caller is a number as Vonage writes it, or a SIP address.
func (o callOrder) caller() (string, error) {
	if o.from == "" || strings.HasPrefix(o.from, "sip:") || strings.HasPrefix(o.from, "sips:") {
		return o.from, nil
	}
	numbers, err := campaign.ParseFrom([]string{o.from})
	if err != nil {
		return "", err
	}
	return numbers[0], nil
}

// read is the endpoint, and the number of a telephone. The number is of a kind and
// in a country that may be called.
func (c callee) read() (to voice.Endpoint, number string, err error) {
	if c.other != nil {
		return c.other, "", nil
	}
	n, err := campaign.ParseNumber(c.number, c.country)
	phone := c.phone
	phone.Number = n.Digits
	return phone, n.Digits, cmp.Or(err, n.CheckKind(), c.countries.Check(n))
}

// secondsBetween checks a time that may be absent. Zero is a value of it, which
// Vonage would refuse.
func secondsBetween(value *int, low, high int) error {
	//guard:false cmd/dialer.TestCallCreateRefusesZeros: a timer of zero is not the timer of Vonage's default
	if value != nil && (*value < low || *value > high) {
		return fmt.Errorf("%d s is not between %d and %d", *value, low, high)
	}
	return nil
}

// given is a value, or 0 if it is absent.
func given(value *int) int {
	if value == nil {
		return 0
	}
	return *value
}

// orderMistakes are what is wrong with fields of an order.
type orderMistakes []orderMistake

// orderMistake names its field in plain words, such as "ringing timer".
type orderMistake struct {
	field string
	err   error
}

func (m *orderMistakes) note(field string, err error) {
	if err != nil {
		*m = append(*m, orderMistake{field, err})
	}
}

func (m orderMistakes) Error() string {
	return m.named(func(field string) string { return field }).Error()
}

// named is the mistakes with other names of their fields.
func (m orderMistakes) named(name func(field string) string) error {
	errs := make([]error, len(m))
	for i, mistake := range m {
		errs[i] = fmt.Errorf("%s: %w", name(mistake.field), mistake.err)
	}
	return errors.Join(errs...)
}

// withNames puts other names of the fields into an error of build: those of flags, or
// of members.
func withNames(err error, name func(field string) string) error {
	if mistakes, ok := errors.AsType[orderMistakes](err); ok {
		return mistakes.named(name)
	}
	return err
}

// flagOf is the flag of an order's field.
func flagOf(field string) string { return "--" + strings.ReplaceAll(field, " ", "-") }

// memberOf is the member of an order's field, in the JSON of the API.
func memberOf(field string) string { return strings.ReplaceAll(field, " ", "_") }
