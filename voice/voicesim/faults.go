package voicesim

import (
	"fmt"
	"time"
)

// Faults are probabilities from 0 to 1, and the times that belong to them. The
// Summary counts each fault by the name given here.
//
//	requests    cut_before cut_after error_500 error_500_placed error_503_placed too_many slow stuck truncated
//	reads       read_fails list_late
//	inputs      input_doubled input_lost input_late answer_twice
//	events      event_lost event_doubled event_shuffled event_late event_unsigned no_completed
//	tokens      event_same_token event_replayed event_forged retry_same_token
//	bills       null_price correction
//	numbers     number_plus number_00 number_national number_unknown number_missing
//	records     other_direction other_uuid other_conversation other_party member_missing uuid_missing dashless_uuid
//	wording of events  event_number event_direction event_uuid
//	further calls      extra_leg
//	the clock          ClockAhead ClockDrift
//
// A fault of wording changes how the truth is written and never the truth. The
// ledger keeps the truth in one form, and the forms of each record in
// LedgerCall.Wording. Config.Retention is when records are forgotten.
type Faults struct {
	// Of POSTs that would make a call. A POST has at most one of these.
	CutBefore      float64 // cut_before: the connection is cut; no call
	CutAfter       float64 // cut_after: the connection is cut; the call is made
	Error500       float64 // error_500: no call
	Error500Placed float64 // error_500_placed: the call is made
	Error503Placed float64 // error_503_placed: the call is made
	TooMany        float64 // too_many: 429 although there was room; no call
	Slow           float64 // slow: the call is made, the response comes SlowFor later
	Stuck          float64 // stuck: held for StuckFor/2 to StuckFor, then its token is checked
	Truncated      float64 // truncated: the call is made, half of the body comes

	ReadFails float64 // read_fails: a GET is answered 500 or 503, cut, or truncated

	// Of each event.
	EventLost     float64 // event_lost: never sent
	EventDoubled  float64 // event_doubled: sent twice
	EventShuffled float64 // event_shuffled: changes places with the next one
	EventLate     float64 // event_late: sent up to LateFor later
	EventUnsigned float64 // event_unsigned: the first try has no signature; after a 5xx the second one has

	// Of each input event, and of each request for an NCCO.
	InputDoubled float64 // input_doubled: sent a second time, whose reply is not read
	InputLost    float64 // input_lost: never sent; the call continues as if there had been no reply
	InputLate    float64 // input_late: sent up to LateFor later, when the call has continued without it
	AnswerTwice  float64 // answer_twice: sent a second time, whose reply is not read

	NoCompleted float64 // no_completed: a call that was not answered has no completed event

	// Of each bill.
	NullPrice  float64 // null_price: none in the completed event, nor in records until NullFor later
	Correction float64 // correction: rate and price change CorrectAfter the price was first shown

	// Of each call, the same at every reading.
	DashlessUUIDs float64 // dashless_uuid: the call's uuid is 32 hex digits without dashes
	ListLate      float64 // list_late: it is missing from lists for up to ListLateFor, and not for Config.ListLag

	// Of each number on the record of a call; to and from are independent. A number has
	// at most one of these.
	NumberPlus     float64 // number_plus: +447700900101
	NumberZeros    float64 // number_00: 00447700900101
	NumberNational float64 // number_national: 07700900101
	NumberUnknown  float64 // number_unknown: the word unknown
	NumberMissing  float64 // number_missing: there is none

	// Of each record, independent of each other.
	OtherDirection    float64 // other_direction: missing, null, OUTBOUND or outbound-api
	OtherUUID         float64 // other_uuid: lists have the uuid in upper case, or without dashes where it has some
	OtherConversation float64 // other_conversation: without CON-, or in upper case
	OtherParty        float64 // other_party: to and from are an object, an array, a text, or have no type
	MemberMissing     float64 // member_missing: no _links, conversation_uuid, status, start_time, end_time or network
	UUIDMissing       float64 // uuid_missing: lists show no uuid

	// Of the wording of each event.
	EventNumber    float64 // event_number: to, from or both are written as on records
	EventDirection float64 // event_direction: missing, null, OUTBOUND or outbound-api
	EventUUID      float64 // event_uuid: in upper case, without dashes, or missing

	// Of each event, and its token.
	EventSameToken float64 // event_same_token: sent twice with one token
	EventReplayed  float64 // event_replayed: sent again with its token up to ReplayFor later
	EventForged    float64 // event_forged: its token is sent again with another body, or to another attempt's address
	RetrySameToken float64 // retry_same_token: the second try has the token of the first

	// Of each answered call.
	ExtraLegs float64 // extra_leg: a leg to a phone, sip, websocket, vbc or app joins it, and sends its events to the same address

	// Vonage's clock is ahead of Config.Now by ClockAhead when it starts, and gains
	// ClockDrift seconds each second. Both may be negative.
	ClockAhead time.Duration
	ClockDrift float64

	SlowFor      time.Duration // 0 means 15 s
	StuckFor     time.Duration // 0 means 20 s
	LateFor      time.Duration // 0 means 30 s
	NullFor      time.Duration // 0 means 10 s
	CorrectAfter time.Duration // 0 means 20 s
	ListLateFor  time.Duration // 0 means 2 min
	ReplayFor    time.Duration // 0 means 1 min
}

// fault is the name of a fault, as the Summary counts it.
type fault string

const (
	noFault        fault = ""
	cutBefore      fault = "cut_before"
	cutAfter       fault = "cut_after"
	error500       fault = "error_500"
	error500Placed fault = "error_500_placed"
	error503Placed fault = "error_503_placed"
	tooMany        fault = "too_many"
	slow           fault = "slow"
	stuck          fault = "stuck"
	truncated      fault = "truncated"
	readFails      fault = "read_fails"
	eventLost      fault = "event_lost"
	eventDoubled   fault = "event_doubled"
	eventShuffled  fault = "event_shuffled"
	eventLate      fault = "event_late"
	eventUnsigned  fault = "event_unsigned"
	noCompleted    fault = "no_completed"
	nullPrice      fault = "null_price"
	correction     fault = "correction"
	dashlessUUID   fault = "dashless_uuid"

	listLate          fault = "list_late"
	otherDirection    fault = "other_direction"
	otherUUID         fault = "other_uuid"
	otherConversation fault = "other_conversation"
	otherParty        fault = "other_party"
	memberMissing     fault = "member_missing"
	uuidMissing       fault = "uuid_missing"
	eventNumber       fault = "event_number"
	eventDirection    fault = "event_direction"
	eventUUID         fault = "event_uuid"
	eventSameToken    fault = "event_same_token"
	eventReplayed     fault = "event_replayed"
	eventForged       fault = "event_forged"
	retrySameToken    fault = "retry_same_token"
	extraLeg          fault = "extra_leg"
	inputDoubled      fault = "input_doubled"
	inputLost         fault = "input_lost"
	inputLate         fault = "input_late"
	answerTwice       fault = "answer_twice"
)

// chance is something that may happen, with its probability or weight.
type chance struct {
	name   string
	weight float64
}

// ofCreate lists the faults of a POST. A POST has at most one of them.
func (f Faults) ofCreate() []chance {
	return []chance{
		{string(cutBefore), f.CutBefore}, {string(cutAfter), f.CutAfter},
		{string(error500), f.Error500}, {string(error500Placed), f.Error500Placed},
		{string(error503Placed), f.Error503Placed}, {string(tooMany), f.TooMany},
		{string(slow), f.Slow}, {string(stuck), f.Stuck}, {string(truncated), f.Truncated},
	}
}

// ofNumber lists the forms of a number on a record. A number has at most one of them.
func (f Faults) ofNumber() []chance {
	return []chance{
		{string(numberPlus), f.NumberPlus}, {string(numberZeros), f.NumberZeros}, {string(numberNational), f.NumberNational},
		{string(numberUnknown), f.NumberUnknown}, {string(numberMissing), f.NumberMissing},
	}
}

// ofOthers lists the faults that are independent of each other.
func (f Faults) ofOthers() map[fault]float64 {
	return map[fault]float64{
		readFails: f.ReadFails, eventLost: f.EventLost, eventDoubled: f.EventDoubled,
		eventShuffled: f.EventShuffled, eventLate: f.EventLate, eventUnsigned: f.EventUnsigned,
		noCompleted: f.NoCompleted, nullPrice: f.NullPrice,
		correction: f.Correction, dashlessUUID: f.DashlessUUIDs, listLate: f.ListLate,
		otherDirection: f.OtherDirection, otherUUID: f.OtherUUID, otherConversation: f.OtherConversation,
		otherParty: f.OtherParty, memberMissing: f.MemberMissing, uuidMissing: f.UUIDMissing,
		eventNumber: f.EventNumber, eventDirection: f.EventDirection, eventUUID: f.EventUUID,
		eventSameToken: f.EventSameToken, eventReplayed: f.EventReplayed, eventForged: f.EventForged,
		retrySameToken: f.RetrySameToken, extraLeg: f.ExtraLegs,
		inputDoubled: f.InputDoubled, inputLost: f.InputLost, inputLate: f.InputLate, answerTwice: f.AnswerTwice,
	}
}

func (f Faults) withDefaults() Faults {
	orDefault(&f.SlowFor, 15*time.Second)
	orDefault(&f.StuckFor, 20*time.Second)
	orDefault(&f.LateFor, 30*time.Second)
	orDefault(&f.NullFor, 10*time.Second)
	orDefault(&f.CorrectAfter, 20*time.Second)
	orDefault(&f.ListLateFor, 2*time.Minute)
	orDefault(&f.ReplayFor, time.Minute)
	return f
}

func (f Faults) validate() error {
	if err := atMostOne("a POST", f.ofCreate()); err != nil {
		return err
	}
	if err := atMostOne("a number", f.ofNumber()); err != nil {
		return err
	}
	if f.ClockDrift <= -1 {
		return fmt.Errorf("a clock that gains %v seconds each second stands still or goes back", f.ClockDrift)
	}
	for name, p := range f.ofOthers() {
		if p < 0 || p > 1 {
			return fmt.Errorf("fault %s: probability %v is not from 0 to 1", name, p)
		}
	}
	return nil
}

// atMostOne checks the chances of faults that exclude each other.
func atMostOne(of string, faults []chance) error {
	var sum float64
	for _, c := range faults {
		if c.weight < 0 {
			return fmt.Errorf("fault %s: probability %v is negative", c.name, c.weight)
		}
		sum += c.weight
	}
	if sum > 1 {
		return fmt.Errorf("the faults of %s add up to %v, which is more than 1", of, sum)
	}
	return nil
}

// hits decides whether a fault applies, and counts it if it does.
func (s *Sim) hits(f fault, k key) bool {
	if !s.drawn(f, k) {
		return false
	}
	s.stats.fault(f)
	return true
}

// createFault decides which fault a POST has.
func (s *Sim) createFault(k key) fault {
	f := fault(pick(s.draw("create", k), s.cfg.Faults.ofCreate()))
	if f != noFault {
		s.stats.fault(f)
	}
	return f
}
