package histories

import (
	"slices"
	"time"

	"dialer/campaign"
)

// scan looks for an attempt's call. The time between two scans grows.
func (h *history) scan(at attemptRef) {
	_, a, r := h.at(at)
	if h.now.Before(r.lookAt) {
		return
	}
	r.looks++
	r.lookAt = times.NextLook(*a, r.looks, h.now)
	h.idle = 0
	started := h.now
	found, whole, proven := h.list(func(*call) bool { return true })
	h.storeRecords(found)
	if whole || h.without(wholeScan) {
		h.match(started)
	}
	if a.State != campaign.Unknown || !whole && !h.without(wholeScan) || !proven && !h.without(knownCalls) {
		return
	}
	h.countScan(at, started)
}

// countScan is storage's statement provedAbsent: the second of two scans begins
// after the first, and after the end of the attempt's window.
func (h *history) countScan(at attemptRef, started time.Time) {
	_, a, r := h.at(at)
	_, end := times.Window(*a)
	first := r.firstScan
	if first.IsZero() {
		r.firstScan = started
		h.logf("contact %d: a scan does not show attempt %d", at.p, at.i)
	}
	switch {
	case a.CallUUID != "", a.MustExist && !h.without(mustExist):
		return
	case !h.without(secondScan) && (first.IsZero() || started.Before(first.Add(times.ScanGap())) || started.Before(end)):
		return
	case h.mayHaveCall(a, "") && !h.without(unmatchedBlocks):
		return
	}
	after := *a
	after.State = campaign.Absent
	h.store(at, &after, campaign.Reconciler)
}

// reconcile is one reading of the list: calls that are new or overdue, and records
// that changed. It reports whether no page failed.
func (h *history) reconcile() bool {
	found, whole, _ := h.list(func(c *call) bool {
		at, known := h.known(c.uuid)
		if !known {
			return !h.now.Before(c.end) && h.now.Sub(c.created) > settleAfter
		}
		_, a, _ := h.at(at)
		isNew := !slices.Contains(a.Statuses, h.listStatus(c))
		return isNew || h.now.After(c.end) && c.priceAt(h.now) != a.Bill.Price
	})
	h.storeRecords(found)
	if whole {
		h.match(h.now.Add(-settleAfter))
	}
	return whole
}

// storeRecords is storage's StoreRecords.
func (h *history) storeRecords(records []campaign.Evidence) {
	for i := range records {
		e := &records[i]
		if at, known := h.known(e.CallUUID); known {
			h.fold(at, e, campaign.Provider)
			continue
		}
		h.keepUnmatched(e)
	}
}

func (h *history) keepUnmatched(e *campaign.Evidence) {
	for i := range h.unmatched {
		if h.unmatched[i].record.CallUUID == e.CallUUID {
			h.unmatched[i].record = *e
			return
		}
	}
	if h.logged {
		h.logf("call %s belongs to no attempt so far", e.CallUUID)
	}
	h.unmatched = append(h.unmatched, unmatchedCall{*e, h.now})
}

// match is storage's statement matchByNumbers, once complete scans cover all that
// began before a moment.
func (h *history) match(covered time.Time) {
	for i := 0; i < len(h.unmatched); i++ {
		f := h.unmatched[i]
		switch to, verdict := h.candidate(&f, covered); verdict {
		case "ambiguous":
			h.raise(campaign.Alarm{Kind: campaign.AlarmAmbiguousMatch})
		case "unmatched":
			h.raise(campaign.Alarm{Kind: campaign.AlarmUnmatchedCall})
		case "match", "doubtful":
			if verdict == "doubtful" {
				h.raise(campaign.Alarm{Kind: campaign.AlarmAmbiguousMatch})
			}
			before := len(h.unmatched)
			h.fold(to, &f.record, campaign.Provider)
			i -= before - len(h.unmatched)
		}
	}
}

// candidate is the only attempt that can have made the call, and what to say about it; ""
// while that cannot be decided.
func (h *history) candidate(f *unmatchedCall, covered time.Time) (to attemptRef, verdict string) {
	best, several, n := 4, false, 0
	contact := -1
	for at, a := range h.all {
		if a.CallUUID != "" || a.DialedAt.IsZero() || !mayBeCallOf(f, a) || beganBefore(f, a) {
			continue
		}
		if _, end := times.Window(*a); end.After(covered) {
			return to, ""
		}
		several = several || contact >= 0 && contact != at.p
		contact = at.p
		switch rank := rankOf(a, f); {
		case rank < best:
			best, to, n = rank, at, 1
		case rank == best:
			n++
		}
	}
	switch {
	case n == 0:
		return to, "unmatched"
	case n > 1:
		return to, "ambiguous"
	}
	if _, a, _ := h.at(to); h.mayHaveCall(a, f.record.CallUUID) {
		return to, "ambiguous"
	}
	if several {
		return to, "doubtful"
	}
	return to, "match"
}

// rankOf is how likely the attempt made the call: it waits for one, it was given up, or
// it is thought to have made none. If the start of the call is not known, all are equal.
func rankOf(a *campaign.Attempt, f *unmatchedCall) int {
	switch {
	case f.record.At.IsZero():
		return 0
	case a.State == campaign.Dialing || a.State == campaign.Unknown:
		return 1
	case a.State == campaign.Lost:
		return 2
	}
	return 3
}

// mayHaveCall reports whether a call other than the named one may be the attempt's.
func (h *history) mayHaveCall(a *campaign.Attempt, except string) bool {
	return slices.ContainsFunc(h.unmatched, func(f unmatchedCall) bool {
		return f.record.CallUUID != except && mayBeCallOf(&f, a)
	})
}

// beganBefore reports whether the call began before the attempt passed the gate.
func beganBefore(f *unmatchedCall, a *campaign.Attempt) bool {
	return !f.record.At.IsZero() && f.record.At.Before(a.DialedAt.Add(-campaign.ClockTolerance))
}

// mayBeCallOf is the function of that name in storage/rules.sql: here all calls go
// between the same two numbers.
func mayBeCallOf(f *unmatchedCall, a *campaign.Attempt) bool {
	from, to := times.Window(*a)
	at := f.record.At
	return !f.firstSeen.Before(a.DialedAt) && (at.IsZero() || !at.Before(from) && !at.After(to))
}
