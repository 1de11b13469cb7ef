package histories

import (
	"slices"
	"time"

	"dialer/campaign"
)

// dies reports whether the process that is at work is killed here.
func (w *world) dies() bool {
	if !w.chance(w.terms.deaths) {
		return false
	}
	w.tell("a process is killed")
	return true
}

// loops run beside the placers.
var loops = [...]func(*world){(*world).feed, (*world).sweep, (*world).settle, func(w *world) { w.reconcile() }}

// round is one round of the loops. Each may be missed, since its process may be
// dead.
func (w *world) round(event) {
	w.rest = min(max(10*time.Second, 2*w.rest), time.Hour)
	for _, loop := range loops {
		if !w.dies() {
			loop(w)
		}
	}
	next := w.now.Add(w.rest/2 + w.upTo(w.rest))
	if due := w.nextDue(); due.After(w.now) && w.agenda.len() == 0 {
		next = due.Add(w.upTo(time.Minute)) // nothing happens meanwhile
	}
	w.agenda.add(event{when: next, do: (*world).round})
}

// nextDue is when the first person is due, if nobody has a call.
func (w *world) nextDue() time.Time {
	var first time.Time
	for p := range w.people {
		k := &w.people[p]
		if k.State == campaign.Active {
			return time.Time{}
		}
		if k.State != campaign.Done && (first.IsZero() || k.DueAt.Before(first)) {
			first = k.DueAt
		}
	}
	return first
}

// feed is the feeder's round and the refeeder's. Tasks may be lost and doubled.
func (w *world) feed() {
	for p := range w.people {
		if at, ok := w.claim(p); ok {
			w.rest = 0
			w.enqueue(at)
		}
	}
	for at, a := range w.all {
		r := &w.people[at.p].rows[at.i]
		if a.State == campaign.Reserved && r.leaseUntil.Before(w.now) {
			r.leaseUntil = w.now.Add(lease)
			w.enqueue(at)
		}
	}
}

func (w *world) enqueue(at place) {
	if w.chance(w.terms.deaths) {
		w.tell("person %d: the task of attempt %d is lost", at.p, at.i)
		return
	}
	w.after(w.upTo(time.Minute), event{do: (*world).take, at: at})
	if w.chance(0.1) {
		w.after(w.upTo(3*time.Minute), event{do: (*world).take, at: at})
	}
}

// take is the placer's beginning: load the attempt, render, wait for a permit.
func (w *world) take(e event) {
	_, a, _ := w.at(e.at)
	if w.dies() || a.State != campaign.Reserved {
		return
	}
	if w.chance(0.01) {
		w.withdraw(e.at, campaign.WithdrawnMessage, campaign.Caller)
		return
	}
	w.after(w.upTo(10*time.Second), event{do: (*world).place, at: e.at})
}

// place is the placer's gate and what follows. A process may die after each
// step, and be stopped for minutes after the last look at the clock.
func (w *world) place(e event) {
	if w.dies() || !w.gate(e.at) {
		return
	}
	if w.dies() { // or the commit's acknowledgement is lost
		return
	}
	_, a, _ := w.at(e.at)
	expires := a.TokenExpiresAt
	hold := w.upTo(holdMost + time.Second)
	if hold > holdMost {
		w.after(holdMost, event{do: (*world).recordSaid, at: e.at, n: w.say(refused(campaign.RefusedStale))})
		return
	}
	if w.chance(w.terms.deaths) || w.chance(0.02) {
		hold += w.upTo(5 * time.Minute)
	}
	w.after(hold, event{do: (*world).send, at: e.at, until: expires})
}

// send puts the POST on the wire, where it may be stuck. The client waits so
// long and no longer.
func (w *world) send(e event) {
	wire := w.upTo(2 * time.Second)
	if w.chance(w.terms.faults / 4) {
		wire = w.upTo(3 * tokenLife)
	}
	heard := !w.dies()
	w.after(wire, event{do: (*world).arrive, at: e.at, since: w.now, until: e.until, heard: heard})
	if heard {
		w.after(clientMost, event{do: (*world).giveUpWaiting, at: e.at, since: w.now})
	}
}

// arrive is the POST's coming to Vonage, whose answer takes its time.
func (w *world) arrive(e event) {
	said, takes := w.post(e.at, e.until)
	if e.heard && w.now.Add(takes).Sub(e.since) < clientMost {
		w.after(takes, event{do: (*world).hear, at: e.at, n: said})
	}
}

// hear records an answer, once or, where the acknowledgement was lost, twice.
// Postgres may be away for a while.
func (w *world) hear(e event) {
	_, a, _ := w.at(e.at)
	o := &w.said[e.n]
	if o.Refusal == campaign.RefusedAuth && w.now.Sub(a.DialedAt) > tokenLife-2*time.Second {
		o.Refusal = campaign.RefusedStale // jobs/placer.go, send
	}
	o.Evidence.ObservedAt = w.now
	record := event{do: (*world).recordSaid, at: e.at, n: e.n}
	if !w.dies() {
		w.after(w.upTo(30*time.Second), record)
	}
	if w.chance(0.05) {
		w.after(w.upTo(30*time.Second), record)
	}
}

// giveUpWaiting is the client's timeout. Where the answer came before, the
// outcome was recorded by then, or will be: the second changes nothing.
func (w *world) giveUpWaiting(e event) {
	_, a, _ := w.at(e.at)
	if a.State == campaign.Dialing && a.DialedAt.Before(e.since.Add(time.Second)) {
		w.record(e.at, &unknown)
	}
}

// sweep is the sweeper's round: ExpireDialing and CloseSilent.
func (w *world) sweep() {
	for at, a := range w.all {
		if a.State == campaign.Dialing && a.TokenExpiresAt.Before(w.now.Add(-dialingGrace)) {
			w.checkMove(a, campaign.Sweeper, campaign.Unknown)
			a.State, w.rest = campaign.Unknown, 0
			w.tell("person %d: attempt %d is unknown, its token expired", at.p, at.i)
		}
		if a.State != campaign.Accepted {
			continue
		}
		if after, closed := campaign.CloseSilent(*a, silentGrace, retention, w.now); closed {
			w.tell("person %d: attempt %d ends in silence", at.p, at.i)
			w.amend(at, &after, campaign.Sweeper)
		}
	}
}

// settle is the settler's round: GiveUp, then one scan for what is unsettled.
func (w *world) settle() {
	after := settleAfter
	if w.lacks(settleWait) {
		after = 0
	}
	for at, a := range w.all {
		if a.State != campaign.Unknown {
			continue
		}
		if w.now.Sub(a.DialedAt) > retention {
			w.giveUp(at)
		} else if a.TokenExpiresAt.Before(w.now.Add(-after)) {
			w.scan(at)
		}
	}
}

func (w *world) giveUp(at place) {
	_, a, _ := w.at(at)
	after := *a
	after.State = campaign.Lost
	w.tell("person %d: attempt %d is given up as lost", at.p, at.i)
	w.amend(at, &after, campaign.Reconciler)
}

// scan looks for an attempt's call. Looks that settle nothing come less and
// less often.
func (w *world) scan(at place) {
	_, a, r := w.at(at)
	if w.now.Before(r.lookAt) {
		return
	}
	r.looks++
	r.lookAt = w.now.Add(min(scanGap<<min(r.looks-1, 4), 10*time.Minute))
	w.rest = 0
	started := w.now
	found, whole, proven := w.list(func(*call) bool { return true })
	w.fromList(found)
	if a.State != campaign.Unknown || !whole && !w.lacks(wholeScan) || !proven && !w.lacks(canaries) {
		return
	}
	w.countScan(at, started)
}

// countScan is storage's statement of that name, and what ProveAbsent makes of
// it.
func (w *world) countScan(at place, started time.Time) {
	_, a, r := w.at(at)
	switch {
	case a.CallUUID != "", a.MustExist && !w.lacks(mustExist):
		return
	case !r.lastScan.IsZero() && r.lastScan.After(started.Add(-scanGap)):
		return
	case w.rival(a, 10*time.Minute) && !w.lacks(foreignBlocks):
		return
	}
	r.scans++
	r.lastScan = started
	w.tell("person %d: a scan does not show attempt %d", at.p, at.i)
	if r.scans >= 2 || w.lacks(secondScan) {
		after := *a
		after.State = campaign.Absent
		w.amend(at, &after, campaign.Reconciler)
	}
}

// rival is storage's maybeItsOwn: a foreign call could be the attempt's.
func (w *world) rival(a *campaign.Attempt, margin time.Duration) bool {
	for _, f := range w.foreign {
		if !f.firstSeen.Before(a.DialedAt) && (f.start.IsZero() || within(f.start, windowStart(a).Add(-margin), windowEnd(a).Add(margin))) {
			return true
		}
	}
	return false
}

func windowStart(a *campaign.Attempt) time.Time { return a.DialedAt.Add(-5 * time.Second) }

func windowEnd(a *campaign.Attempt) time.Time { return a.TokenExpiresAt.Add(2 * time.Minute) }

// reconcile is the reconciler's round: the first pass, the stragglers, and of
// the later passes what is news. It reports whether no page failed.
func (w *world) reconcile() bool {
	found, whole, _ := w.list(func(c *call) bool {
		at, known := w.known(c.uuid)
		if !known {
			return !w.now.Before(c.end) && w.now.Sub(c.created) > settleAfter
		}
		_, a, _ := w.at(at)
		news := !slices.Contains(a.Statuses, w.word(c))
		return news || w.now.After(c.end) && c.priceAt(w.now) != a.Bill.Price
	})
	w.fromList(found)
	return whole
}

// fromList is storage's Reconcile.
func (w *world) fromList(records []campaign.Evidence) {
	matches := w.matches(records)
	for i := range records {
		e := &records[i]
		at, known := w.known(e.CallUUID)
		m := matches[e.CallUUID]
		switch {
		case known:
			w.fold(at, e, campaign.Provider)
		case m.Early:
		case m.Unique:
			w.fold(placeOf(m.AttemptID), e, campaign.Provider)
			if m.Doubtful {
				w.raise(campaign.Alarm{Kind: campaign.AlarmAmbiguousMatch})
			}
		default:
			w.keepForeign(e, m.Possible)
		}
	}
}

// matches is storage's statement pairings, and the match that follows.
func (w *world) matches(records []campaign.Evidence) map[string]campaign.Match {
	w.pairs = w.pairs[:0]
	for i := range records {
		e := &records[i]
		if _, known := w.known(e.CallUUID); known {
			continue
		}
		for _, a := range w.all {
			if a.CallUUID == "" && !a.DialedAt.IsZero() && w.couldBe(a, e) {
				w.pairs = append(w.pairs, campaign.Pairing{
					CallUUID: e.CallUUID, AttemptID: a.ID, ContactID: a.ContactID, State: a.State, Undated: e.At.IsZero(),
					Rival: w.rivalOf(a, e.CallUUID),
					Early: a.State == campaign.Dialing || a.TokenExpiresAt.After(w.now.Add(-settleAfter)),
				})
			}
		}
	}
	if len(w.pairs) == 0 {
		return nil
	}
	return campaign.MatchCalls(w.pairs)
}

// couldBe reports whether the attempt could have made the record's call.
func (w *world) couldBe(a *campaign.Attempt, e *campaign.Evidence) bool {
	for _, f := range w.foreign {
		if f.uuid == e.CallUUID && f.firstSeen.Before(a.DialedAt) {
			return false
		}
	}
	if e.At.IsZero() {
		return w.now.Sub(a.DialedAt) < retention
	}
	return !e.At.Before(windowStart(a)) && !e.At.After(windowEnd(a))
}

func (w *world) rivalOf(a *campaign.Attempt, uuid string) bool {
	for _, f := range w.foreign {
		if f.uuid != uuid && !f.firstSeen.Before(a.DialedAt) && (f.start.IsZero() || within(f.start, windowStart(a), windowEnd(a))) {
			return true
		}
	}
	return false
}

func (w *world) keepForeign(e *campaign.Evidence, ambiguous bool) {
	if ambiguous {
		w.raise(campaign.Alarm{Kind: campaign.AlarmAmbiguousMatch})
	}
	for i := range w.foreign {
		if w.foreign[i].uuid == e.CallUUID {
			w.foreign[i].start = e.At
			return
		}
	}
	if w.told {
		w.tell("call %s is kept as foreign", e.CallUUID)
	}
	w.foreign = append(w.foreign, foreignCall{e.CallUUID, e.At, w.now})
	w.raise(campaign.Alarm{Kind: campaign.AlarmUnmatchedCall})
}

// command is a person's: pause, stop or suppress, at any time.
func (w *world) command(event) {
	switch w.rng.IntN(4) {
	case 0:
		w.suppress()
	case 1:
		w.stop(w.rng.IntN(len(w.people)))
	default:
		w.pause(w.rng.IntN(len(w.people)))
	}
}
