package histories

import (
	"time"

	"dialer/campaign"
)

// dies reports whether the process is killed here.
func (h *history) dies() bool {
	if !h.chance(h.params.deaths) {
		return false
	}
	h.logf("a process is killed")
	return true
}

// loops run beside the callers.
var loops = [...]func(*history){(*history).feed, (*history).sweep, (*history).settle, func(h *history) { h.reconcile() }}

// round is one round of the loops. Any of them may be skipped, because its
// process is dead.
func (h *history) round(event) {
	h.idle = min(max(10*time.Second, 2*h.idle), time.Hour)
	for _, loop := range loops {
		if !h.dies() {
			loop(h)
		}
	}
	next := h.now.Add(h.idle/2 + h.upTo(h.idle))
	if due := h.nextDue(); due.After(h.now) && h.queue.len() == 0 {
		next = due.Add(h.upTo(time.Minute)) // nothing happens meanwhile
	}
	h.queue.add(event{when: next, do: (*history).round})
}

// nextDue is when the first contact is due; zero: one has a call.
func (h *history) nextDue() time.Time {
	var first time.Time
	for p := range h.contacts {
		k := &h.contacts[p]
		if k.State == campaign.Active {
			return time.Time{}
		}
		if k.State != campaign.Done && (first.IsZero() || k.DueAt.Before(first)) {
			first = k.DueAt
		}
	}
	return first
}

// feed is one round of the feeder and the requeuer. Tasks may be lost and
// duplicated.
func (h *history) feed() {
	for p := range h.contacts {
		if at, ok := h.claim(p); ok {
			h.idle = 0
			h.enqueue(at)
		}
	}
	for at, a := range h.all {
		r := &h.contacts[at.p].rows[at.i]
		if a.State == campaign.Reserved && r.leaseUntil.Before(h.now) {
			r.leaseUntil = h.now.Add(lease)
			h.enqueue(at)
		}
	}
}

func (h *history) enqueue(at attemptRef) {
	if h.chance(h.params.deaths) {
		h.logf("contact %d: the task of attempt %d is lost", at.p, at.i)
		return
	}
	h.after(h.upTo(time.Minute), event{do: (*history).load, at: at})
	if h.chance(0.1) {
		h.after(h.upTo(3*time.Minute), event{do: (*history).load, at: at})
	}
}

// load is the first part of the caller: load the attempt, render, wait for a
// permit.
func (h *history) load(e event) {
	_, a, _ := h.at(e.at)
	if h.dies() || a.State != campaign.Reserved {
		return
	}
	if h.chance(0.01) {
		h.withdraw(e.at, campaign.WithdrawnMessage, campaign.Caller)
		return
	}
	h.after(h.upTo(10*time.Second), event{do: (*history).passGate, at: e.at})
}

// passGate is the caller's gate and the following steps. A process may die after each
// step, and may be stopped for minutes after the last check of the clock.
func (h *history) passGate(e event) {
	if h.dies() || !h.gate(e.at) {
		return
	}
	if h.dies() { // or the reply to the commit is lost
		return
	}
	_, a, _ := h.at(e.at)
	expires := a.TokenExpiresAt
	hold := h.upTo(mostHold + time.Second)
	if hold > mostHold {
		h.after(mostHold, event{do: (*history).recordAnswer, at: e.at, n: h.addAnswer(refused(campaign.RefusedStale))})
		return
	}
	if h.chance(h.params.deaths) || h.chance(0.02) {
		hold += h.upTo(5 * time.Minute)
	}
	h.after(hold, event{do: (*history).send, at: e.at, until: expires})
}

// send sends the POST, which may take long to arrive. The client waits for
// clientTimeout.
func (h *history) send(e event) {
	wire := h.upTo(2 * time.Second)
	if h.chance(h.params.faults / 4) {
		wire = h.upTo(3 * tokenLife)
	}
	waited := !h.dies()
	h.after(wire, event{do: (*history).arrive, at: e.at, since: h.now, until: e.until, waited: waited})
	if waited {
		h.after(clientTimeout, event{do: (*history).timeOut, at: e.at, since: h.now})
	}
}

// arrive is the POST's arrival at Vonage, which takes a while to answer.
func (h *history) arrive(e event) {
	said, takes := h.post(e.at, e.until)
	if e.waited && h.now.Add(takes).Sub(e.since) < clientTimeout {
		h.after(takes, event{do: (*history).answer, at: e.at, n: said})
	}
}

// answer records an answer: once, or twice if the reply of Postgres was lost.
// Postgres may be down for a while.
func (h *history) answer(e event) {
	_, a, _ := h.at(e.at)
	o := &h.answers[e.n]
	if o.Refusal == campaign.RefusedAuth && h.now.Sub(a.DialedAt) > tokenLife-2*time.Second {
		o.Refusal = campaign.RefusedStale // as the caller does
	}
	o.Evidence.ObservedAt = h.now
	record := event{do: (*history).recordAnswer, at: e.at, n: e.n}
	if !h.dies() {
		h.after(h.upTo(30*time.Second), record)
	}
	if h.chance(0.05) {
		h.after(h.upTo(30*time.Second), record)
	}
}

// timeOut is the client's timeout. If the answer came before, its outcome is or
// will be recorded, and the second one changes nothing.
func (h *history) timeOut(e event) {
	_, a, _ := h.at(e.at)
	if a.State == campaign.Dialing && a.DialedAt.Before(e.since.Add(time.Second)) {
		h.record(e.at, &unknown)
	}
}

// sweep is one round of the sweeper: ExpireDialing and CloseSilent.
func (h *history) sweep() {
	for at, a := range h.all {
		if a.State == campaign.Dialing && a.TokenExpiresAt.Before(h.now.Add(-dialingGrace)) {
			h.checkMove(a, campaign.Sweeper, campaign.Unknown)
			a.State, h.idle = campaign.Unknown, 0
			h.logf("contact %d: attempt %d is unknown, its token expired", at.p, at.i)
		}
		if a.State != campaign.Accepted {
			continue
		}
		if after, closed := campaign.CloseSilent(*a, silentGrace, retention, h.now); closed {
			h.logf("contact %d: attempt %d ends without an event", at.p, at.i)
			h.store(at, &after, campaign.Sweeper)
		}
	}
}

// settle is one round of the reconciler: give up, or scan for unknown attempts.
func (h *history) settle() {
	for at, a := range h.all {
		if a.State != campaign.Unknown {
			continue
		}
		first := times.FirstScan(*a)
		if h.without(settleWait) {
			first = a.TokenExpiresAt
		}
		if h.now.Sub(a.DialedAt) > retention {
			h.giveUp(at)
		} else if !h.now.Before(first) {
			h.scan(at)
		}
	}
}

func (h *history) giveUp(at attemptRef) {
	_, a, _ := h.at(at)
	after := *a
	after.State = campaign.Lost
	h.logf("contact %d: attempt %d is lost", at.p, at.i)
	h.store(at, &after, campaign.Reconciler)
}

// command is a person's: pause, stop or suppress, at any time.
func (h *history) command(event) {
	switch h.rng.IntN(4) {
	case 0:
		h.suppress()
	case 1:
		h.stop(h.rng.IntN(len(h.contacts)))
	default:
		h.pause(h.rng.IntN(len(h.contacts)))
	}
}
