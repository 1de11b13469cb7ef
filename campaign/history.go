package campaign

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"
)

// history is what a contact's attempts amount to.
type history struct {
	attempts []Attempt // by No, all of them
	last     *Attempt  // the latest that is neither reserved nor needless; nil if none
	tried    *Attempt  // the latest of those that was not withdrawn; nil if none
	reserved []uuid.UUID
	calls    int // that Vonage had
	underWay bool
	lost     bool
	ended    bool // a call has ended
	answered bool // one that was answered
}

func historyOf(attempts []Attempt) history {
	h := history{attempts: byNo(attempts)}
	for i := range h.attempts {
		a := &h.attempts[i]
		if a.State == Void && a.Note == string(WithdrawnAnswered) {
			continue // it was needless, and says nothing of what comes next
		}
		switch a.State {
		case Reserved:
			h.reserved = append(h.reserved, a.ID)
			continue
		case Dialing, Unknown, Accepted:
			h.underWay = true
		case Lost:
			h.lost = true
		case Ended:
			h.ended = true
			h.answered = h.answered || reached(dispositionOf(a))
		}
		//guard:true chaos.Refused: an attempt without a call is not counted as one
		if a.State == Accepted || a.State == Ended || a.MustExist {
			h.calls++
		}
		h.last = a
		if a.State != Void {
			h.tried = a
		}
	}
	return h
}

// byNo puts the attempts in their order, in which they mostly come.
func byNo(attempts []Attempt) []Attempt {
	for i := range len(attempts) - 1 {
		if attempts[i+1].No < attempts[i].No {
			return slices.SortedFunc(slices.Values(attempts), func(a, b Attempt) int { return cmp.Compare(a.No, b.No) })
		}
	}
	return attempts
}

// said is what the person has keyed and heard, over all calls, their own included.
func (h *history) said(back RangBack) (result string, heardAt time.Time) {
	result, heardAt = back.Result, back.HeardAt
	for i := range h.attempts {
		a := &h.attempts[i]
		if a.Result != "" && (back.Result == "" || a.DialedAt.After(back.ResultAt)) {
			result = a.Result
		}
		if a.Heard() {
			heardAt = earlier(heardAt, a.HeardAt)
		}
	}
	return result, heardAt
}

func (h *history) withdrawn(w Withdrawal) bool {
	return h.last != nil && h.last.State == Void && h.last.Note == string(w)
}

// invalidReason is why a contact of an invalid number has ended: as its own last call
// did, or refused where Vonage has told another contact's call.
func (h *history) invalidReason() Reason {
	switch d := h.lastDisposition(); d {
	case Failed, Rejected:
		return Reason(d)
	}
	return ReasonRefused
}

func (h *history) refusedForGood() bool {
	return h.tried != nil && h.tried.State == Refused && Remedies[Refusal(h.tried.Note)].Final
}

// withoutCall counts the attempts in a row that were sent and that Vonage had no
// call of. Those that were never sent, and withdrawn ones, neither count nor break
// the row.
func (h *history) withoutCall() (n int) {
	for i := len(h.attempts) - 1; i >= 0 && h.attempts[i].State != Ended; i-- {
		if a := &h.attempts[i]; a.State == Absent || a.State == Refused && Remedies[Refusal(a.Note)].Counts {
			n++
		}
	}
	return n
}

// final is the disposition that ends the contact, or "". Any attempt may have
// it, since late evidence may concern an early one. If several do, an answer
// counts before a failure, and then the later before the earlier.
func (h *history) final(p Policy) Disposition {
	var found Disposition
	for i := range h.attempts {
		if h.attempts[i].State != Ended {
			continue
		}
		d := dispositionOf(&h.attempts[i])
		//guard:value(!again && d != Cancelled && (!reached(found) || reached(d))) chaos.Calm: a cancelled call is not repeated
		if _, again := p.Wait(&h.attempts[i]); !again && (!reached(found) || reached(d)) {
			found = d
		}
	}
	return found
}

func reached(d Disposition) bool { return d == Answered || d == Human || d == Machine }

// lastDisposition is how the last call that Vonage had ended.
func (h *history) lastDisposition() Disposition {
	for i := len(h.attempts) - 1; i >= 0; i-- {
		if h.attempts[i].State == Ended {
			return dispositionOf(&h.attempts[i])
		}
	}
	return Unexplained
}

func dispositionOf(a *Attempt) Disposition { return cmp.Or(a.Disposition(), Unexplained) }

const (
	firstBackoff = 5 * time.Second
	maxBackoff   = time.Hour
	// freeAbsents is how many times in a row an attempt that proved absent is
	// repeated at once: its proof took minutes already.
	freeAbsents = 3
	absentRetry = time.Minute
	// staleRetry is when an attempt that we ourselves were too slow to send is
	// repeated. The pace holds back what is too much, so it never grows.
	staleRetry = time.Second
)

// backoff is how long to wait after a run of attempts that made no call. Withdrawn
// attempts do not break the run, nor count in it, and neither do those that we
// were too slow to send.
func (h *history) backoff() time.Duration {
	run := 0
	for i := len(h.attempts) - 1; i >= 0 && h.attempts[i].State != Ended; i-- {
		//guard:true campaign.TestDecide: what we were too slow to send puts nobody off
		if a := &h.attempts[i]; a.State != Void && a.State != Reserved && a.Note != string(RefusedStale) {
			run++
		}
	}
	switch {
	case h.tried.State == Absent:
		return doubled(absentRetry, run-freeAbsents)
	case h.tried.Note == string(RefusedStale):
		return staleRetry
	}
	return doubled(firstBackoff, run)
}

// doubled is d for the first time, twice as long for each further one; 0 for
// none, and never more than maxBackoff.
func doubled(d time.Duration, times int) time.Duration {
	if times <= 0 {
		return 0
	}
	for range times - 1 {
		if d *= 2; d >= maxBackoff {
			return maxBackoff
		}
	}
	return d
}
