package histories

import (
	"slices"
	"time"

	"dialer/campaign"
)

// guard is a rule that a promise rests on, and that a history can be lived
// without. They are those that the model restates; the rules of package
// campaign are taken away by cmd/mutants.
type guard string

const (
	nothing           guard = ""
	oneWinner         guard = "the gate lets one caller pass"
	statusInGate      guard = "the gate asks for the campaign's status"
	suppressionInGate guard = "the gate asks for suppressions"
	hoursInGate       guard = "the gate asks for the hours"
	overtakenInGate   guard = "the gate asks for superseded calls"
	oneOpenNumber     guard = "a number has one open attempt"
	tokenExpiry       guard = "Vonage refuses an expired token"
	settleWait        guard = "absence waits until the list is sure to show the call"
	secondScan        guard = "absence takes two scans"
	wholeScan         guard = "a scan with a failed page counts for nothing"
	canaries          guard = "a list that lacks known calls proves nothing"
	mustExist         guard = "a call that must exist is never absent"
	foreignBlocks     guard = "a call that nobody explains keeps absence from being proved"
)

// missedBy is the kind of history that alone can miss a guard.
var missedBy = map[guard]kind{overtakenInGate: lying, mustExist: tardy, foreignBlocks: shared}

func (w *world) lacks(g guard) bool { return w.without == g }

// breaksItsWord reports whether Vonage may do what no dialer can make
// good: such a history is held to less.
func (w *world) breaksItsWord() bool { return w.terms.kind == tardy || w.terms.kind == lying }

// checkMove holds each move against the table that Postgres has a copy of.
func (w *world) checkMove(a *campaign.Attempt, by campaign.Writer, to campaign.State) {
	if a.State != to && !campaign.MayMove(a.State, by, to) {
		w.breaks("I9", "%s moves an attempt from %s to %s", by, a.State, to)
	}
	if a.MustExist && to == campaign.Absent {
		w.breaks("I3", "a call that Vonage said it made is absent")
	}
}

// checkNumber is I2.
func (w *world) checkNumber() {
	open := 0
	for at, a := range w.all {
		if a.State.Open() && !w.people[at.p].rows[at.i].superseded {
			open++
		}
	}
	if open > 1 {
		w.breaks("I2", "a number has %d open attempts", open)
	}
}

// checkGrowth is I9.
func (w *world) checkGrowth(a, b *campaign.Attempt) {
	shrank := func(was, is time.Time) bool { return !was.IsZero() && (is.IsZero() || is.After(was)) }
	switch {
	case a.CallUUID != "" && a.CallUUID != b.CallUUID:
		w.breaks("I9", "the call of an attempt changed from %s to %s", a.CallUUID, b.CallUUID)
	case len(b.Statuses) < len(a.Statuses) || shrank(a.AnsweredAt, b.AnsweredAt) || shrank(a.FailedAt, b.FailedAt) || shrank(a.EndedAt, b.EndedAt):
		w.breaks("I9", "a fact was taken back")
	case b.Bill != a.Bill && b.Bill.Before(a.Bill):
		w.breaks("I9", "a lesser bill stands")
	case a.State == campaign.Ended && b.State != campaign.Ended:
		w.breaks("I9", "an ended attempt became %s", b.State)
	}
}

// checkContact is I4, after each decision.
func (w *world) checkContact(p int) {
	k := &w.people[p]
	open, calls := false, 0
	for i := range k.attempts {
		a := &k.attempts[i]
		open = open || a.State.Open()
		if a.State == campaign.Accepted || a.State == campaign.Ended || a.MustExist {
			calls++
		}
	}
	switch {
	case (k.State == campaign.Done) != (k.Reason != ""):
		w.breaks("I4", "person %d is %s with the reason %q", p, k.State, k.Reason)
	case (k.State == campaign.Active) != open:
		w.breaks("I4", "person %d is %s, an attempt is open: %t", p, k.State, open)
	case k.Attempts != calls:
		w.breaks("I4", "person %d has %d calls, and counts %d", p, calls, k.Attempts)
	}
}

// wrong is I8, asked of the books at the moment of the gate and not by it.
func (w *world) wrong(at place) string {
	k, _, _ := w.at(at)
	switch {
	case k.status != campaign.Running:
		return "the campaign was " + string(k.status)
	case w.suppressed:
		return "the number was suppressed"
	case w.numberBusy(at, anyOpen):
		return "another call to the number was open"
	}
	return ""
}

// checkRing is I1, I3 and I8, by what really happens: the person's telephone
// rings now.
func (w *world) checkRing(at place) {
	_, _, r := w.at(at)
	if !w.open(w.now) {
		w.breaks("I8", "person %d is rung outside the hours", at.p)
	}
	if r.wrongly != "" {
		w.breaks("I8", "person %d is rung, and at the gate %s", at.p, r.wrongly)
	}
	if w.breaksItsWord() {
		return
	}
	calls := 1
	for i := range w.calls {
		c := &w.calls[i]
		if c.by.p < 0 {
			continue
		}
		if c.by == at {
			w.breaks("I1", "attempt %d of person %d rings twice", at.i, at.p)
		}
		if w.now.Before(c.end) {
			w.breaks("I2", "person %d is rung while %s is under way", at.p, c.uuid)
		}
		if c.by.p != at.p {
			continue
		}
		calls++
		if _, again := w.settings.Retry.Again[c.truth]; !again {
			w.breaks("I3", "person %d is rung again after %s, which ended as %s", at.p, c.uuid, c.truth)
		}
	}
	if calls > w.settings.Retry.Attempts {
		w.breaks("I3", "person %d is rung for the %dth time", at.p, calls)
	}
}

// settled reports whether everybody has ended.
func (w *world) settled() bool {
	for p := range w.people {
		if w.people[p].State != campaign.Done {
			return false
		}
	}
	return true
}

// lastPrices lets what is still to come be read: late prices, corrections, and
// calls that were listed late.
func (w *world) lastPrices() {
	w.until(w.blindTo)
	for i := range w.calls {
		c := &w.calls[i]
		for _, at := range []time.Time{c.listed, c.pricedAt, c.correctedAt, c.end.Add(settleAfter)} {
			w.until(at)
		}
	}
	if within(w.now, w.awayFrom, w.awayTo) {
		return
	}
	for whole := 0; whole < 2; { // a reading may fail, and one may lack a call
		w.now = w.now.Add(scanGap)
		if w.reconcile() {
			whole++
		}
	}
}

func (w *world) until(at time.Time) {
	if at.After(w.now) {
		w.now = at
	}
}

// judge compares the books with what Vonage did, once all is over.
func (w *world) judge() {
	for p := range w.people {
		if k := &w.people[p]; k.State != campaign.Done || k.Reason == "" {
			w.breaks("I4", "person %d is left %s, without a reason", p, k.State)
		}
	}
	if w.breaksItsWord() {
		w.judgeAlarms()
		return
	}
	if w.terms.kind == fair {
		w.judgeQuiet()
		w.judgeCalls()
		w.judgeReasons()
	}
}

// surprises are the alarms that only a provider that breaks its word, or a
// mistake of ours, can raise.
var surprises = []string{
	campaign.AlarmSecondCall, campaign.AlarmEvidenceForVoid, campaign.AlarmLateEvidence, campaign.AlarmNumberMismatch,
}

func (w *world) judgeQuiet() {
	for _, kind := range w.alarms {
		if slices.Contains(surprises, kind) {
			w.breaks("I3", "the alarm %s, though Vonage kept its word", kind)
		}
	}
}

// judgeAlarms holds that nobody is rung twice in silence: where Vonage
// broke its word, a person is told.
func (w *world) judgeAlarms() {
	for p := range w.people {
		if w.rungWrongly(p) && len(w.alarms) == 0 {
			w.breaks("I3", "person %d was rung twice, and no alarm tells of it", p)
		}
	}
}

// rungWrongly reports whether the person was rung after a call that should have
// been the last one.
func (w *world) rungWrongly(p int) bool {
	calls, final := 0, false
	for i := range w.calls {
		c := &w.calls[i]
		if c.by.p != p {
			continue
		}
		if final || calls >= w.settings.Retry.Attempts {
			return true
		}
		calls++
		_, again := w.settings.Retry.Again[c.truth]
		final = !again
	}
	return false
}

// judgeCalls is I5 and I6: each call stands on its attempt, ended as it ended,
// at its price.
func (w *world) judgeCalls() {
	for i := range w.calls {
		c := &w.calls[i]
		_, a, _ := w.at(c.by)
		switch got, want := a.Disposition(), c.known(); {
		case a.CallUUID != c.uuid:
			w.breaks("I5", "%s is not its attempt's, which has %q", c.uuid, a.CallUUID)
		case a.State != campaign.Ended || got != want:
			w.breaks("I5", "%s ended as %s, its attempt is %s %s", c.uuid, want, a.State, got)
		case !a.Bill.Price.Valid || !a.Bill.Price.Decimal.Equal(c.finalPrice().Decimal):
			w.breaks("I6", "%s cost %s, its attempt says %v", c.uuid, c.finalPrice().Decimal, a.Bill.Price)
		}
	}
	for at, a := range w.all {
		if !slices.ContainsFunc(w.calls, func(c call) bool { return c.by == at }) && (a.CallUUID != "" || a.State != campaign.Void && a.State != campaign.Refused && a.State != campaign.Absent) {
			w.breaks("I5", "attempt %d of person %d made no call, and is %s", at.i, at.p, a.State)
		}
	}
}

// known is how the call ended as far as Vonage tells: whether it was a
// person who answered, only a webhook says.
func (c *call) known() campaign.Disposition {
	if (c.truth == campaign.Human || c.truth == campaign.Machine) && !c.told {
		return campaign.Answered
	}
	return c.truth
}

// judgeReasons holds each person's reason against the calls that they had.
func (w *world) judgeReasons() {
	for p := range w.people {
		k := &w.people[p]
		var last campaign.Disposition
		calls, final := 0, false
		for i := range w.calls {
			if c := &w.calls[i]; c.by.p == p {
				calls++
				last = c.known()
				_, again := w.settings.Retry.Again[last]
				final = final || !again
			}
		}
		switch {
		case final || calls >= w.settings.Retry.Attempts:
			if k.Reason != campaign.Reason(last) {
				w.breaks("I4", "person %d ended as %s, the last call as %s", p, k.Reason, last)
			}
		case !w.mayEndAs(k.Reason, k.status):
			w.breaks("I4", "person %d ended as %s after %d calls", p, k.Reason, calls)
		}
	}
}

// mayEndAs reports whether a person who could still have been called may have
// ended for the reason.
func (w *world) mayEndAs(r campaign.Reason, st campaign.Status) bool {
	switch r {
	case campaign.ReasonSuppressed:
		return w.suppressed
	case campaign.ReasonStopped:
		return st == campaign.Stopped
	case campaign.ReasonMessage, campaign.ReasonRefused:
		return true
	}
	return false
}
