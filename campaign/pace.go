package campaign

import (
	"math"
	"slices"
	"time"
)

// Budget names one of the account's two limits.
type Budget string

const (
	Creates  Budget = "creates"  // POST /calls
	Requests Budget = "requests" // every other request
)

// Urgency says who comes first where there is not enough for all.
type Urgency int16

const (
	Urgent   Urgency = iota // reminders that fall due; hang-ups
	Prompt                  // retries
	Ordinary                // bulk; every other request
)

const (
	// PermitLife is how long after its moment a slot may still be used.
	PermitLife = 200 * time.Millisecond
	// WayMost is how much longer than the quickest one requests are taken to be
	// on their way on average, at most. A provider that is reached less evenly
	// than that may count one too many, and says so by 429.
	WayMost = 25 * time.Millisecond
	// UnheardMost is how much longer than the quickest one a request is taken to
	// have been on its way of which nothing is heard any more: its process was
	// killed or stopped, perhaps on a machine that had no time for anybody.
	UnheardMost = time.Second
	// paceSlack is for clocks that do not agree to the last millisecond.
	paceSlack = 3 * time.Millisecond
	// leastFactor is the slowest that refusals make a budget.
	leastFactor = 1.0 / 16

	// nearest is how long before its moment anybody may lease a slot, and
	// precedence how much sooner whoever is more urgent may: nothing that
	// becomes free is left for others while they want it. What is leased must
	// be reported on before that turn is leased again, so both are short.
	nearest    = 300 * time.Millisecond
	precedence = 75 * time.Millisecond
	// leaseSpan is how much time the slots of one lease cover, at least one
	// slot: what a killed process leaves unused.
	leaseSpan = 200 * time.Millisecond
	// gather is how long somebody ordinary waits for more turns to become free
	// before asking again: else each slot would cost a question.
	gather = 80 * time.Millisecond
	// spread is the part of its fair distance that slots keep from each other:
	// turns that have drawn together part again, and none waits for it.
	spread = 0.9
	// turnsMost bounds the budget's row.
	turnsMost = 512
	// floorPart of the turns of the requests budget are there for what is
	// ordinary first, so that a flood of hang-ups does not stop reconciliation.
	floorPart = 5
)

// Pace is one of the account's budgets: as many turns as Vonage takes
// requests a second. A turn rests for a second after the request that was sent
// with it has arrived, so no sliding second at Vonage holds one turn twice,
// nor more requests than there are turns: whoever sends them, however late.
type Pace struct {
	Free   []time.Time // when each turn may be used next
	Next   time.Time   // the earliest moment of the next slot
	Factor float64     // the part of the rate that is in force; less than 1 after a refusal
}

// Ask is a question for slots, and a report on those that were leased before.
type Ask struct {
	PerSecond float64 // the account's limit
	N         int     // slots, at most
	Urgency   Urgency
	Used      []Use
}

// Slot is one use of a turn: the right to send one request between At and
// PermitLife later.
type Slot struct {
	Turn int
	At   time.Time
	// Free is when the turn is free again if nothing is heard of this use. No
	// two uses of a turn have the same, so it also tells which use this is.
	Free time.Time
}

// Use says what became of a slot.
type Use struct {
	Slot
	Arrived time.Time // the latest moment at which the request arrived; zero: nothing was sent
}

// Lease is the answer to an Ask, by the database's clock.
type Lease struct {
	Now time.Time
	// Sent and Received are by the caller's own clock, when Now was asked for
	// and when it came: from which each process learns how its clock stands to
	// the one that all of them share.
	Sent, Received time.Time

	Slots []Slot
	Apart time.Duration // the slots keep at least this distance
	// Again is when it is worth asking for the slots that are missing; zero
	// when none are.
	Again time.Time
}

// Lease takes in what was used and gives slots to the caller alone. It reports
// whether the pace was changed.
func (p *Pace) Lease(now time.Time, budget Budget, a Ask) (l Lease, changed bool) {
	turns, rest := turnsOf(a.PerSecond)
	rest = micro(rest.Seconds() / p.Factor)
	l = Lease{Now: now, Apart: micro(spread * rest.Seconds() / float64(turns))}
	changed = p.settle(a.Used, rest)
	p.fit(now, turns, rest)
	most := min(a.N, max(1, int(a.PerSecond*leaseSpan.Seconds())))
	for _, i := range p.byTime(turns, budget, a.Urgency) {
		at := latest(p.Free[i], p.Next, now)
		open := at.Add(-ahead(i, turns, budget, a.Urgency))
		if len(l.Slots) == most || open.After(now) {
			// A report may have it free sooner than is known now.
			l.Again = latest(open.Add(-PermitLife-UnheardMost), now.Add(gather/4))
			break
		}
		free := at.Add(PermitLife + UnheardMost + paceSlack + rest)
		l.Slots = append(l.Slots, Slot{Turn: i, At: at, Free: free})
		p.Free[i], p.Next, changed = free, at.Add(l.Apart), true
	}
	if l.Again.IsZero() { // every turn is taken
		l.Again = now.Add(rest / 2)
	}
	if a.Urgency == Ordinary {
		l.Again = l.Again.Add(gather)
	}
	if len(l.Slots) == a.N {
		l.Again = time.Time{}
	}
	return l, changed
}

// turnsOf is how many turns a rate has, and how long each rests: 3 a second are
// three that rest for a second, 2.5 are two for 0.8 s, 0.5 is one for 2 s. All
// are read and written with each lease, so a high rate has fewer: 2000 a second
// are 500 that rest for a quarter of one, four times 500 in any second.
func turnsOf(perSecond float64) (n int, rest time.Duration) {
	parts := math.Ceil(perSecond / turnsMost)
	n = max(1, int(perSecond/parts))
	if parts > 1 {
		return n, micro(1 / parts)
	}
	return n, micro(float64(n) / perSecond)
}

// micro rounds up to what the database keeps of a time.
func micro(seconds float64) time.Duration {
	return time.Duration(math.Ceil(seconds*1e6)) * time.Microsecond
}

// settle frees turns by what is known of their last use. A report that comes
// after the turn was leased again changes nothing.
func (p *Pace) settle(used []Use, rest time.Duration) (changed bool) {
	for _, u := range used {
		if u.Turn >= len(p.Free) || !p.Free[u.Turn].Equal(u.Free) {
			continue
		}
		changed = true
		p.Free[u.Turn] = u.At
		if !u.Arrived.IsZero() {
			p.Free[u.Turn] = latest(u.At, u.Arrived).Add(rest + paceSlack).Round(time.Microsecond)
		}
	}
	return changed
}

// fit makes missing turns, which nobody has used, and shortens waits that no
// lease can have made: the clock was set back, as after a failover, and
// waiting for it would stop everybody for as long.
func (p *Pace) fit(now time.Time, turns int, rest time.Duration) {
	for len(p.Free) < turns {
		p.Free = append(p.Free, now)
	}
	end := now.Add(nearest + 2*precedence + PermitLife + UnheardMost + time.Second + time.Duration(float64(rest)*p.Factor/leastFactor))
	for i, free := range p.Free {
		if free.After(end) {
			p.Free[i] = now.Add(rest)
		}
	}
	if p.Next.After(end) {
		p.Next = now
	}
}

// byTime lists the turns in the order in which the caller may have them.
func (p *Pace) byTime(turns int, budget Budget, u Urgency) []int {
	order := make([]int, turns)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		return p.Free[i].Add(-ahead(i, turns, budget, u)).Compare(p.Free[j].Add(-ahead(j, turns, budget, u)))
	})
	return order
}

// ahead is how long before its moment a turn may be leased: the more urgent,
// the sooner, and the other way round for the turns that are kept for what is
// ordinary.
func ahead(turn, turns int, budget Budget, u Urgency) time.Duration {
	if budget == Requests && turn < turns/floorPart {
		return nearest + time.Duration(u)*precedence
	}
	return nearest + time.Duration(Ordinary-u)*precedence
}

func latest(first time.Time, others ...time.Time) time.Time {
	for _, t := range others {
		if t.After(first) {
			first = t
		}
	}
	return first
}
