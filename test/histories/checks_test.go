package histories

import (
	"slices"
	"time"

	"dialer/campaign"
)

// guard is a rule that a promise rests on, and that a history can run without.
// These are the rules that the model repeats. test/mutants takes away those of package
// campaign.
type guard string

const (
	noGuard           guard = ""
	oneWinner         guard = "one caller passes the gate"
	statusInGate      guard = "the gate checks the campaign's status"
	suppressionInGate guard = "the gate checks suppressions"
	hoursInGate       guard = "the gate checks the hours"
	supersededInGate  guard = "the gate checks superseded calls"
	oneOpenNumber     guard = "a number has one open attempt"
	tokenExpiry       guard = "Vonage refuses an expired token"
	settleWait        guard = "absence waits until the list is sure to show the call"
	secondScan        guard = "absence takes two scans"
	wholeScan         guard = "a scan with a failed page counts for nothing"
	knownCalls        guard = "a list that lacks known calls proves nothing"
	mustExist         guard = "a call that must exist is never absent"
	unmatchedBlocks   guard = "an unmatched call blocks absence"
)

// kindFor is the only kind of history in which a guard matters.
var kindFor = map[guard]kind{supersededInGate: lying, mustExist: listLate, unmatchedBlocks: shared}

func (h *history) without(g guard) bool { return h.absent == g }

// providerMisbehaves reports whether Vonage may do something that no dialer can correct.
// Such a history must keep fewer promises.
func (h *history) providerMisbehaves() bool {
	return h.params.kind == listLate || h.params.kind == lying
}

// checkMove checks each change of state against the table of campaign.
func (h *history) checkMove(a *campaign.Attempt, by campaign.Writer, to campaign.State) {
	if a.State != to && !campaign.MayMove(a.State, by, to) {
		h.fail("I9", "%s moves an attempt from %s to %s", by, a.State, to)
	}
	if a.MustExist && to == campaign.Absent {
		h.fail("I3", "a call that Vonage said it made is absent")
	}
}

// checkNumber is I2.
func (h *history) checkNumber() {
	open := 0
	for at, a := range h.all {
		if a.State.Open() && !h.contacts[at.p].rows[at.i].superseded {
			open++
		}
	}
	if open > 1 {
		h.fail("I2", "a number has %d open attempts", open)
	}
}

// checkGrowth is I9.
func (h *history) checkGrowth(a, b *campaign.Attempt) {
	shrank := func(was, is time.Time) bool { return !was.IsZero() && (is.IsZero() || is.After(was)) }
	switch {
	case a.CallUUID != "" && a.CallUUID != b.CallUUID:
		h.fail("I9", "the call of an attempt changed from %s to %s", a.CallUUID, b.CallUUID)
	case len(b.Statuses) < len(a.Statuses) || shrank(a.AnsweredAt, b.AnsweredAt) || shrank(a.FailedAt, b.FailedAt) || shrank(a.EndedAt, b.EndedAt):
		h.fail("I9", "a fact was lost")
	case b.Bill != a.Bill && b.Bill.Before(a.Bill):
		h.fail("I9", "a better bill was replaced")
	case a.State == campaign.Ended && b.State != campaign.Ended:
		h.fail("I9", "an ended attempt became %s", b.State)
	}
}

// checkContact is I4, after each decision.
func (h *history) checkContact(p int) {
	k := &h.contacts[p]
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
		h.fail("I4", "contact %d is %s with the reason %q", p, k.State, k.Reason)
	case (k.State == campaign.Active) != open:
		h.fail("I4", "contact %d is %s, an attempt is open: %t", p, k.State, open)
	case k.Attempts != calls:
		h.fail("I4", "contact %d has %d calls, and counts %d", p, calls, k.Attempts)
	}
}

// gateError is I8, checked at the time of the gate and independently of it.
func (h *history) gateError(at attemptRef) string {
	k, _, _ := h.at(at)
	switch {
	case k.status != campaign.Running:
		return "the campaign was " + string(k.status)
	case h.suppressed:
		return "the number was suppressed"
	case h.numberBusy(at, anyOpen):
		return "another call to the number was open"
	}
	return ""
}

// checkCall is I1, I2, I3 and I8, checked by what really happens: this call begins now.
func (h *history) checkCall(at attemptRef) {
	_, _, r := h.at(at)
	if !h.open(h.now) {
		h.fail("I8", "contact %d is called outside the hours", at.p)
	}
	if r.gateError != "" {
		h.fail("I8", "contact %d is called, and at the gate %s", at.p, r.gateError)
	}
	if h.providerMisbehaves() {
		return
	}
	calls := 1
	for i := range h.calls {
		c := &h.calls[i]
		if c.by.p < 0 {
			continue
		}
		if c.by == at {
			h.fail("I1", "attempt %d of contact %d made two calls", at.i, at.p)
		}
		if h.now.Before(c.end) {
			h.fail("I2", "contact %d is called while %s is under way", at.p, c.uuid)
		}
		if c.by.p != at.p {
			continue
		}
		calls++
		if _, again := h.settings.Retry.Again[c.ending]; !again {
			h.fail("I3", "contact %d is called again after %s, which ended as %s", at.p, c.uuid, c.ending)
		}
	}
	if calls > h.settings.Retry.Attempts {
		h.fail("I3", "contact %d is called for the %dth time", at.p, calls)
	}
}

// allDone reports whether every contact has ended.
func (h *history) allDone() bool {
	for p := range h.contacts {
		if h.contacts[p].State != campaign.Done {
			return false
		}
	}
	return true
}

// readRest reads everything that comes late: prices, corrections, and calls that were
// listed late.
func (h *history) readRest() {
	h.until(h.staleTo)
	for i := range h.calls {
		c := &h.calls[i]
		for _, at := range []time.Time{c.listed, c.pricedAt, c.correctedAt, c.end.Add(settleAfter)} {
			h.until(at)
		}
	}
	for _, a := range h.all {
		_, end := times.Window(*a)
		h.until(end.Add(settleAfter)) // by then its calls are matched, or an alarm
	}
	if within(h.now, h.downFrom, h.downTo) {
		return
	}
	for whole := 0; whole < 2; { // a reading may fail, and one may lack a call
		h.now = h.now.Add(times.ScanGap())
		if h.reconcile() {
			whole++
		}
	}
}

func (h *history) until(at time.Time) {
	if at.After(h.now) {
		h.now = at
	}
}

// checkEnd compares the database with what Vonage did, after the end.
func (h *history) checkEnd() {
	for p := range h.contacts {
		if k := &h.contacts[p]; k.State != campaign.Done || k.Reason == "" {
			h.fail("I4", "contact %d ended %s, without a reason", p, k.State)
		}
	}
	if h.providerMisbehaves() {
		h.checkAlarms()
		return
	}
	if h.params.kind == reliable {
		h.checkNoSurprise()
		h.checkCalls()
		h.checkReasons()
	}
}

// surprisingAlarms are raised only if Vonage misbehaves, or by a bug of ours.
var surprisingAlarms = []string{
	campaign.AlarmSecondCall, campaign.AlarmEvidenceForVoid, campaign.AlarmLateEvidence, campaign.AlarmNumberMismatch,
}

func (h *history) checkNoSurprise() {
	for _, kind := range h.alarms {
		if slices.Contains(surprisingAlarms, kind) {
			h.fail("I3", "the alarm %s, although Vonage did not misbehave", kind)
		}
	}
}

// checkAlarms checks that no contact is called twice without an alarm, even if
// Vonage misbehaves.
func (h *history) checkAlarms() {
	for p := range h.contacts {
		if h.calledWrongly(p) && len(h.alarms) == 0 {
			h.fail("I3", "contact %d was called twice without an alarm", p)
		}
	}
}

// calledWrongly reports whether the contact was called after a call that should
// have been the last one.
func (h *history) calledWrongly(p int) bool {
	calls, final := 0, false
	for i := range h.calls {
		c := &h.calls[i]
		if c.by.p != p {
			continue
		}
		if final || calls >= h.settings.Retry.Attempts {
			return true
		}
		calls++
		_, again := h.settings.Retry.Again[c.ending]
		final = !again
	}
	return false
}

// checkCalls is I5 and I6: each call belongs to its attempt, with its disposition
// and its price.
func (h *history) checkCalls() {
	for i := range h.calls {
		c := &h.calls[i]
		_, a, _ := h.at(c.by)
		switch got, want := a.Disposition(), c.known(); {
		case a.CallUUID != c.uuid:
			h.fail("I5", "%s is not its attempt's, which has %q", c.uuid, a.CallUUID)
		case a.State != campaign.Ended || got != want:
			h.fail("I5", "%s ended as %s, its attempt is %s %s", c.uuid, want, a.State, got)
		case !a.Bill.Price.Valid || !a.Bill.Price.Decimal.Equal(c.finalPrice().Decimal):
			h.fail("I6", "%s cost %s, its attempt says %v", c.uuid, c.finalPrice().Decimal, a.Bill.Price)
		}
	}
	for at, a := range h.all {
		if !slices.ContainsFunc(h.calls, func(c call) bool { return c.by == at }) && (a.CallUUID != "" || a.State != campaign.Void && a.State != campaign.Refused && a.State != campaign.Absent) {
			h.fail("I5", "attempt %d of contact %d made no call, and is %s", at.i, at.p, a.State)
		}
	}
}

// known is how the call ended as far as Vonage reported it: only a webhook says
// whether a human answered.
func (c *call) known() campaign.Disposition {
	if (c.ending == campaign.Human || c.ending == campaign.Machine) && !c.detected {
		return campaign.Answered
	}
	return c.ending
}

// checkReasons compares each contact's reason with its calls.
func (h *history) checkReasons() {
	for p := range h.contacts {
		k := &h.contacts[p]
		var last campaign.Disposition
		calls, final := 0, false
		for i := range h.calls {
			if c := &h.calls[i]; c.by.p == p {
				calls++
				last = c.known()
				_, again := h.settings.Retry.Again[last]
				final = final || !again
			}
		}
		switch {
		case final || calls >= h.settings.Retry.Attempts:
			if k.Reason != campaign.Reason(last) {
				h.fail("I4", "contact %d ended as %s, the last call as %s", p, k.Reason, last)
			}
		case !h.mayEndAs(k.Reason, k.status):
			h.fail("I4", "contact %d ended as %s after %d calls", p, k.Reason, calls)
		}
	}
}

// mayEndAs reports whether a contact that could still have been called may have
// ended for the reason.
func (h *history) mayEndAs(r campaign.Reason, st campaign.Status) bool {
	switch r {
	case campaign.ReasonSuppressed:
		return h.suppressed
	case campaign.ReasonStopped:
		return st == campaign.Stopped
	case campaign.ReasonMessage, campaign.ReasonRefused:
		return true
	}
	return false
}
