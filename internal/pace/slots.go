package pace

import (
	"math"
	"time"

	"dialer/campaign"
)

const (
	// permitLife is how long after its moment a permit can still be used.
	permitLife = 200 * time.Millisecond
	// unreported is how long after its permit ended a request is assumed to
	// arrive when its process never reports on it. The process was killed or
	// paused, perhaps on a machine that was too busy for anything.
	unreported = time.Second
	// slack is for clocks that differ in the last milliseconds.
	slack = 3 * time.Millisecond
	// lookahead is how long before its moment the last class can lease a
	// slot. Each step of class adds precedence: when slots are scarce, the
	// more urgent process takes each one before others may. Both are short,
	// because a slot must be reported on before it can be leased again.
	lookahead  = 200 * time.Millisecond
	precedence = 75 * time.Millisecond
	// spread is the part of the even distance that requests keep. It is below 1, so that
	// slots that were used late spread out again.
	spread = 0.9
	// maxSlots limits the size of the row.
	maxSlots = 512
	// floorPart: in the requests budget, one slot in this many is offered to the last
	// class first, so that many hang-ups do not stop reconciliation.
	floorPart = 5
)

// Class says who gets a slot first when there are too few. The calls budget
// uses the values of campaign.Urgency.
type Class int

const (
	First  Class = iota // due reminders; hang-ups
	Second              // retries
	Last                // first calls; every other request
)

const classes = 3

// state gives the row its meaning. A budget has as many slots as Vonage takes
// requests a second. A slot can be used again one second after its last request
// arrived at Vonage. So any sliding second holds each slot at most once, no
// matter which processes send and how late.
type state campaign.Pace

// slot is the right to send one request, from its moment to permitLife later.
type slot struct {
	index int
	class Class
	at    time.Time
	// expiry is when the slot is available again if its use is never reported.
	// It is different for each use of a slot, so it also identifies the use.
	expiry time.Time
}

// report says how a slot was used.
type report struct {
	slot
	arrived  time.Time // the latest moment at which the request arrived; zero: none was sent
	sent     time.Time
	answered time.Time // zero: not yet, or never
	refused  bool      // by 429
}

// question is a process's request for slots, with its reports.
type question struct {
	budget    campaign.Budget
	perSecond float64       // the account's limit
	trip      time.Duration // of the question and its answer
	wanted    [classes]int  // slots
	reports   []report
}

func (q question) slots() (n int) {
	for _, wanted := range q.wanted {
		n += wanted
	}
	return n
}

// lease applies the reports and takes the slots that the process may have now.
func (s *state) lease(now time.Time, q question) (leased []slot) {
	s.count(now, q.perSecond, q.reports)
	n, cooldown, apart := slotsAt(s.share(now), q.perSecond)
	s.release(q.reports, cooldown)
	s.repair(now, q.perSecond)
	for p := range Class(classes) {
		for range q.wanted[p] {
			i, ahead := s.next(n, q.budget, p)
			at := latest(s.NextAt, s.AvailableAt[i])
			if at.Sub(now) > ahead {
				break
			}
			at = latest(at, now.Add(q.trip.Truncate(time.Microsecond))) // the process does not know of the slot before that
			//guard:value(at.Add(cooldown)) internal/pace.TestSlotWorstCase: a slot that is never reported rests longer
			expiry := at.Add(permitLife + unreported + cooldown)
			s.AvailableAt[i], s.NextAt = expiry, at.Add(apart)
			leased = append(leased, slot{index: i, class: p, at: at, expiry: expiry})
		}
	}
	return leased
}

// next is the slot that the class can lease first, and how long before its
// moment it can.
func (s *state) next(n int, budget campaign.Budget, p Class) (best int, ahead time.Duration) {
	for i := range n {
		rank := Last - p
		//guard:false internal/pace.TestReconciliationFloor: reconciliation keeps its floor
		if budget == campaign.RequestsBudget && i < n/floorPart {
			rank = p
		}
		a := lookahead + time.Duration(rank)*precedence
		if i == 0 || s.AvailableAt[i].Add(-a).Before(s.AvailableAt[best].Add(-ahead)) {
			best, ahead = i, a
		}
	}
	return best, ahead
}

// release makes slots available according to their reported use. A report that comes
// after the slot was leased again changes nothing.
func (s *state) release(reports []report, cooldown time.Duration) {
	for _, r := range reports {
		switch {
		case r.index >= len(s.AvailableAt) || !s.AvailableAt[r.index].Equal(r.expiry):
		case r.arrived.IsZero():
			s.AvailableAt[r.index] = r.at
		default:
			//guard:value(r.arrived) internal/pace.TestSlotWorstCase: a slot rests after its request arrived
			s.AvailableAt[r.index] = latest(r.at, r.arrived).Add(cooldown + slack).Truncate(time.Microsecond)
		}
	}
}

// repair adds missing slots. It also ends waits that no lease can have made, because the
// database's clock was set back, for example by a failover.
func (s *state) repair(now time.Time, perSecond float64) {
	n, cooldown, _ := slotsAt(1, perSecond)
	for len(s.AvailableAt) < n {
		s.AvailableAt = append(s.AvailableAt, now)
	}
	_, longest, _ := slotsAt(leastShare, perSecond)
	end := now.Add(lookahead + classes*precedence + permitLife + unreported + longest)
	for i, at := range s.AvailableAt {
		if at.After(end) {
			s.AvailableAt[i] = now.Add(cooldown)
		}
	}
	if s.NextAt.After(end) {
		s.NextAt = now
	}
}

// slotsAt says how many slots a share of the rate uses, how long each rests
// after its request and how far apart requests are. 3 a second are three slots
// that rest for a second, 2.5 are two for 0.8 s, 0.5 is one for 2 s. All slots
// are read and written with each lease, so a high rate has fewer: 2000 a second
// are 500 that rest for a quarter of a second. A smaller share uses fewer
// slots, and none of them rests for less than at the full rate.
func slotsAt(share, full float64) (n int, cooldown, apart time.Duration) {
	parts := math.Ceil(full / maxSlots)
	n = max(1, int(full/parts))
	rest := 1 / parts
	if parts == 1 {
		rest = float64(n) / full
	}
	if share >= 1 {
		return n, micros(rest), micros(spread / full)
	}
	rate := share * full
	n = min(n, int(math.Ceil(rate*rest)))
	return n, micros(max(rest, float64(n)/rate)), micros(1 / rate)
}

// micros rounds seconds up to the database's precision.
func micros(seconds float64) time.Duration {
	return time.Duration(math.Ceil(seconds*1e6)) * time.Microsecond
}

func latest(first time.Time, others ...time.Time) time.Time {
	for _, t := range others {
		if t.After(first) {
			first = t
		}
	}
	return first
}
