package voicesim

import (
	"fmt"
	"time"
)

// Faults are probabilities from 0 to 1, and the times that belong to them. The
// Summary counts each fault by the name given here.
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

	NoCompleted float64 // no_completed: a call that was not answered has no completed event

	// Of each bill.
	NullPrice  float64 // null_price: none in the completed event, nor in records until NullFor later
	Correction float64 // correction: rate and price change CorrectAfter the price was first shown

	DashlessUUIDs float64 // dashless_uuid: the call's uuid is 32 hex digits without dashes

	SlowFor      time.Duration // 0 means 15 s
	StuckFor     time.Duration // 0 means 20 s
	LateFor      time.Duration // 0 means 30 s
	NullFor      time.Duration // 0 means 10 s
	CorrectAfter time.Duration // 0 means 20 s
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
)

// chance is something that may happen, with its probability or weight.
type chance struct {
	name   string
	weight float64
}

// ofCreate lists the faults of a POST, which has at most one of them.
func (f Faults) ofCreate() []chance {
	return []chance{
		{string(cutBefore), f.CutBefore}, {string(cutAfter), f.CutAfter},
		{string(error500), f.Error500}, {string(error500Placed), f.Error500Placed},
		{string(error503Placed), f.Error503Placed}, {string(tooMany), f.TooMany},
		{string(slow), f.Slow}, {string(stuck), f.Stuck}, {string(truncated), f.Truncated},
	}
}

// ofOthers lists the faults that are independent of each other.
func (f Faults) ofOthers() map[fault]float64 {
	return map[fault]float64{
		readFails: f.ReadFails, eventLost: f.EventLost, eventDoubled: f.EventDoubled,
		eventShuffled: f.EventShuffled, eventLate: f.EventLate, eventUnsigned: f.EventUnsigned,
		noCompleted: f.NoCompleted, nullPrice: f.NullPrice,
		correction: f.Correction, dashlessUUID: f.DashlessUUIDs,
	}
}

func (f Faults) withDefaults() Faults {
	orDefault(&f.SlowFor, 15*time.Second)
	orDefault(&f.StuckFor, 20*time.Second)
	orDefault(&f.LateFor, 30*time.Second)
	orDefault(&f.NullFor, 10*time.Second)
	orDefault(&f.CorrectAfter, 20*time.Second)
	return f
}

func (f Faults) validate() error {
	var sum float64
	for _, c := range f.ofCreate() {
		if c.weight < 0 {
			return fmt.Errorf("fault %s: probability %v is negative", c.name, c.weight)
		}
		sum += c.weight
	}
	if sum > 1 {
		return fmt.Errorf("the faults of a POST add up to %v, which is more than 1", sum)
	}
	for name, p := range f.ofOthers() {
		if p < 0 || p > 1 {
			return fmt.Errorf("fault %s: probability %v is not from 0 to 1", name, p)
		}
	}
	return nil
}

// hits decides whether a fault applies, and counts it if it does.
func (s *Sim) hits(f fault, k key) bool {
	if s.draw(string(f), k) >= s.probability[f] {
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
