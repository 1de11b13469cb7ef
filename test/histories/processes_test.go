package histories

import (
	"slices"
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

// passGate is the caller's gate and what follows. A process may die after each
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
	after := settleAfter
	if h.without(settleWait) {
		after = 0
	}
	for at, a := range h.all {
		if a.State != campaign.Unknown {
			continue
		}
		if h.now.Sub(a.DialedAt) > retention {
			h.giveUp(at)
		} else if a.TokenExpiresAt.Before(h.now.Add(-after)) {
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

// scan looks for an attempt's call. The time between two scans grows.
func (h *history) scan(at attemptRef) {
	_, a, r := h.at(at)
	if h.now.Before(r.lookAt) {
		return
	}
	r.looks++
	r.lookAt = h.now.Add(min(scanGap<<min(r.looks-1, 4), 10*time.Minute))
	h.idle = 0
	started := h.now
	found, whole, proven := h.list(func(*call) bool { return true })
	h.storeRecords(found)
	if a.State != campaign.Unknown || !whole && !h.without(wholeScan) || !proven && !h.without(knownCalls) {
		return
	}
	h.countScan(at, started)
}

// countScan is storage's statement of that name, and ProveAbsent after it.
func (h *history) countScan(at attemptRef, started time.Time) {
	_, a, r := h.at(at)
	switch {
	case a.CallUUID != "", a.MustExist && !h.without(mustExist):
		return
	case !r.lastScan.IsZero() && r.lastScan.After(started.Add(-scanGap)):
		return
	case h.couldBeOwn(a, 10*time.Minute) && !h.without(unmatchedBlocks):
		return
	}
	r.scans++
	r.lastScan = started
	h.logf("contact %d: a scan does not show attempt %d", at.p, at.i)
	if r.scans >= 2 || h.without(secondScan) {
		after := *a
		after.State = campaign.Absent
		h.store(at, &after, campaign.Reconciler)
	}
}

// couldBeOwn reports whether an unmatched call could be the attempt's.
func (h *history) couldBeOwn(a *campaign.Attempt, margin time.Duration) bool {
	for _, f := range h.unmatched {
		if !f.firstSeen.Before(a.DialedAt) && (f.start.IsZero() || within(f.start, windowStart(a).Add(-margin), windowEnd(a).Add(margin))) {
			return true
		}
	}
	return false
}

func windowStart(a *campaign.Attempt) time.Time { return a.DialedAt.Add(-5 * time.Second) }

func windowEnd(a *campaign.Attempt) time.Time { return a.TokenExpiresAt.Add(2 * time.Minute) }

// reconcile is one reading of the list: calls that are new or overdue, and
// records that changed. It reports whether no page failed.
func (h *history) reconcile() bool {
	found, whole, _ := h.list(func(c *call) bool {
		at, known := h.known(c.uuid)
		if !known {
			return !h.now.Before(c.end) && h.now.Sub(c.created) > settleAfter
		}
		_, a, _ := h.at(at)
		news := !slices.Contains(a.Statuses, h.listStatus(c))
		return news || h.now.After(c.end) && c.priceAt(h.now) != a.Bill.Price
	})
	h.storeRecords(found)
	return whole
}

// storeRecords is storage's Reconcile.
func (h *history) storeRecords(records []campaign.Evidence) {
	matches := h.matches(records)
	for i := range records {
		e := &records[i]
		at, known := h.known(e.CallUUID)
		m := matches[e.CallUUID]
		switch {
		case known:
			h.fold(at, e, campaign.Provider)
		case m.Early:
		case m.Unique:
			h.fold(refOf(m.AttemptID), e, campaign.Provider)
			if m.Doubtful {
				h.raise(campaign.Alarm{Kind: campaign.AlarmAmbiguousMatch})
			}
		default:
			h.keepUnmatched(e, m.Possible)
		}
	}
}

// matches is storage's statement pairings, and the matching after it.
func (h *history) matches(records []campaign.Evidence) map[string]campaign.Match {
	h.pairs = h.pairs[:0]
	for i := range records {
		e := &records[i]
		if _, known := h.known(e.CallUUID); known {
			continue
		}
		for _, a := range h.all {
			if a.CallUUID == "" && !a.DialedAt.IsZero() && h.couldHaveMade(a, e) {
				h.pairs = append(h.pairs, campaign.Pairing{
					CallUUID: e.CallUUID, AttemptID: a.ID, ContactID: a.ContactID, State: a.State, Undated: e.At.IsZero(),
					Rival: h.competes(a, e.CallUUID),
					Early: a.State == campaign.Dialing || a.TokenExpiresAt.After(h.now.Add(-settleAfter)),
				})
			}
		}
	}
	if len(h.pairs) == 0 {
		return nil
	}
	return campaign.MatchCalls(h.pairs)
}

// couldHaveMade reports whether the attempt could have made the record's call.
func (h *history) couldHaveMade(a *campaign.Attempt, e *campaign.Evidence) bool {
	for _, f := range h.unmatched {
		if f.uuid == e.CallUUID && f.firstSeen.Before(a.DialedAt) {
			return false
		}
	}
	if e.At.IsZero() {
		return h.now.Sub(a.DialedAt) < retention
	}
	return !e.At.Before(windowStart(a)) && !e.At.After(windowEnd(a))
}

func (h *history) competes(a *campaign.Attempt, uuid string) bool {
	for _, f := range h.unmatched {
		if f.uuid != uuid && !f.firstSeen.Before(a.DialedAt) && (f.start.IsZero() || within(f.start, windowStart(a), windowEnd(a))) {
			return true
		}
	}
	return false
}

func (h *history) keepUnmatched(e *campaign.Evidence, ambiguous bool) {
	if ambiguous {
		h.raise(campaign.Alarm{Kind: campaign.AlarmAmbiguousMatch})
	}
	for i := range h.unmatched {
		if h.unmatched[i].uuid == e.CallUUID {
			h.unmatched[i].start = e.At
			return
		}
	}
	if h.logged {
		h.logf("call %s is kept as unmatched", e.CallUUID)
	}
	h.unmatched = append(h.unmatched, unmatchedCall{e.CallUUID, e.At, h.now})
	h.raise(campaign.Alarm{Kind: campaign.AlarmUnmatchedCall})
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
