package campaign

import (
	"cmp"
	"slices"
	"time"

	"github.com/google/uuid"
)

// history sums up a contact's attempts.
type history struct {
	attempts []Attempt // all of them, by No
	last     *Attempt  // the latest that is neither reserved nor void as not needed; nil if none
	tried    *Attempt  // the latest of those that was not withdrawn; nil if none
	reserved []uuid.UUID
	calls    int // calls that Vonage had
	underWay bool
	lost     bool
	ended    bool // a call has ended
	answered bool // one of the calls was answered
}

func historyOf(attempts []Attempt) history {
	h := history{attempts: byNo(attempts)}
	for i := range h.attempts {
		a := &h.attempts[i]
		if a.State == Void && a.Note == string(WithdrawnAnswered) {
			continue // it was not needed, and does not affect the next step
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

// byNo sorts the attempts by No. Mostly they are sorted already.
func byNo(attempts []Attempt) []Attempt {
	for i := range len(attempts) - 1 {
		if attempts[i+1].No < attempts[i].No {
			return slices.SortedFunc(slices.Values(attempts), func(a, b Attempt) int { return cmp.Compare(a.No, b.No) })
		}
	}
	return attempts
}

// said is what the person has keyed and heard in all calls, including the person's own
// calls to us.
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

// invalidReason is why a contact with an invalid number has ended: the disposition of
// its own last call, or refused if Vonage called the number invalid for another
// contact.
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

// withoutCall counts the attempts in a row that were sent but made no call at Vonage.
// Attempts that were never sent, or were withdrawn, neither count nor break the row.
func (h *history) withoutCall() (n int) {
	for i := len(h.attempts) - 1; i >= 0 && h.attempts[i].State != Ended; i-- {
		if a := &h.attempts[i]; a.State == Absent || a.State == Refused && Remedies[Refusal(a.Note)].Counts {
			n++
		}
	}
	return n
}

// final is the disposition that ends the contact, or "". Any attempt may have it, since
// late evidence may be about an early one. If several attempts have one, an answer
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

// lastDisposition is how the last call at Vonage ended.
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
	// freeAbsents is how many times in a row an attempt that was proved absent is repeated
	// at once: its proof has already taken minutes.
	freeAbsents = 3
	absentRetry = time.Minute
	// staleRetry is the wait before an attempt is repeated that we sent too late
	// ourselves. It never grows, because the pace already limits the rate.
	staleRetry = time.Second
)

// backoff is the wait after a run of attempts that made no call. Withdrawn attempts
// neither break the run nor count in it. The same is true of those that we sent too
// late.
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

// doubled is d for the first time, and twice as long for each further one. It is 0 for
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
