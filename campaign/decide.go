package campaign

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/google/uuid"
)

// Decision is the next state of a contact.
type Decision struct {
	State    ContactState
	Reason   Reason    // set exactly when State is Done
	DueAt    time.Time // with Pending and Waiting; else zero, and the contact keeps its own
	To       string    // the next number, if the contact has several and it changes; else ""
	Attempts int       // calls that reached Vonage
	Result   string    // as Contact.Result
	HeardAt  time.Time // as Contact.HeardAt
	Answered bool      // as Contact.Answered
	Because  string    // why, for a person; contains no telephone number
	GivenUp  bool      // the contact ended because Vonage never made a call to it: an alarm
	// Void lists reserved attempts that are not needed any more. They must be voided
	// before an attempt of the contact is moved into an open state, or the number would
	// have two open ones.
	Void []uuid.UUID
}

// Decide returns a contact's next state, from all its attempts. The answer does not
// depend on how often it is called, or on the caller: the caller after a POST,
// evidence, reconciliation or a pause. The cases are tried in their order, and the
// first that applies decides.
//
// c is the contact as stored. Its DueAt must still be the time at which it was claimed,
// because a withdrawn attempt leaves the contact due at the same time.
func Decide(s Settings, st Status, c Contact, attempts []Attempt, now time.Time) Decision {
	if c.RemindAt != nil {
		return decideReminders(s, st, c, attempts, now)
	}
	return decideOne(s, st, c, attempts, now)
}

func decideOne(s Settings, st Status, c Contact, attempts []Attempt, now time.Time) Decision {
	h := historyOf(attempts)
	d := Decision{Attempts: h.calls}
	d.Result, d.HeardAt = h.said(c.RangBack)
	d.Answered = h.answered
	final := h.final(s.Retry)
	var left []string
	if c.several() {
		left = h.numbersLeft(s, c)
		if !reached(final) {
			final = "" // only the number is finished, not the person
		}
	}
	switch {
	//guard:false test/histories.TestHistories: nobody is called while a call is under way
	case h.underWay:
		d = d.active("a call is under way or its outcome is not known yet")
	//guard:false test/histories.TestHistories: a final call ends the contact
	case final != "":
		//guard:value(d.done(Reason(Answered), "")) chaos.Calm: a contact's reason is how its call ended
		d = d.done(Reason(final), "the call ended as "+string(final)+", which is final")
	//guard:false campaign.TestRingingBack: who rang back and gave what is wanted is not called again
	case h.ended && c.RangBack.brought(s.Retry.Until):
		d = d.done(Reason(h.lastDisposition()), "the person rang back")
	//guard:false test/histories.TestHistories: a lost attempt is not repeated
	case h.lost:
		d = d.done(ReasonUnresolved, "it could not be settled whether a call was made, so it is not repeated")
	//guard:false test/histories.TestHistories: nobody is called more often than the policy says
	//guard:false chaos.Calm: the limit of attempts is kept
	//guard:value(h.calls+1 >= s.Retry.Attempts) chaos.Calm: all attempts of the limit are made
	case h.calls >= s.Retry.Attempts:
		used := fmt.Sprintf("all %d calls are used, the last", h.calls)
		if h.calls == 1 {
			used = "the only call is used, it"
		}
		d = d.done(Reason(h.lastDisposition()), fmt.Sprintf("%s ended as %s", used, h.lastDisposition()))
	case c.Cancelled:
		d = d.done(ReasonCancelledByRequest, "it was cancelled by request")
	//guard:false campaign.TestSeveralNumbers: a person of whom no number is left has ended
	case c.several() && len(left) == 0:
		d = d.noneLeft(&h, s.Retry)
	case !c.several() && (c.Invalid || h.withdrawn(WithdrawnInvalid)):
		d = d.done(h.invalidReason(), "Vonage said that there is no such number")
	case !c.several() && (c.Reason == ReasonSuppressed || h.withdrawn(WithdrawnSuppressed)):
		d = d.done(ReasonSuppressed, "the number is on the suppression list")
	case !c.several() && h.refusedForGood():
		d = d.done(ReasonRefused, "Vonage refused this call and would refuse it again")
	case !c.several() && h.withdrawn(WithdrawnCountry):
		d = d.done(ReasonRefused, "the campaign may not call in the number's country any more")
	case st == Stopped:
		d = d.done(ReasonStopped, "the campaign was stopped")
	//guard:false campaign.TestDecideAtTheEnd: who waits at the campaign's end is not called any more
	case h.withdrawn(WithdrawnEnded) || !s.End.IsZero() && !now.Before(s.End):
		d = d.done(ReasonExpired, "the campaign's end has passed")
	case h.withdrawn(WithdrawnExpired) || !c.NotLaterThan.IsZero() && !now.Before(c.NotLaterThan):
		d = d.done(ReasonExpired, "the time until which it may be called has passed")
	//guard:false campaign.TestDecideEndsAContactThatNeverHasACall: a contact without a call is not tried for ever
	case h.withoutCall() >= WithoutCallMost:
		d = d.giveUp(h.tried)
	case len(h.reserved) > 0:
		return d.active("its call waits in the queue")
	default:
		return d.due(s, c, &h, left, now)
	}
	//guard:drop test/histories.TestHistories: a needless reservation is voided
	d.Void = h.reserved
	return d
}

// Withdrawal says why the attempts in Void are not needed, and what withdraws them: a
// person's command, or evidence about an earlier attempt.
func (d Decision) Withdrawal() (Withdrawal, Writer) {
	switch d.Reason {
	case ReasonSuppressed:
		return WithdrawnSuppressed, Operator
	case ReasonStopped:
		return WithdrawnStopped, Operator
	case ReasonCancelledByRequest:
		return WithdrawnCancelled, Operator
	case ReasonExpired:
		return WithdrawnExpired, Operator
	}
	return WithdrawnAnswered, Provider
}

func (d Decision) active(because string) Decision {
	d.State, d.Because = Active, because
	return d
}

func (d Decision) done(r Reason, because string) Decision {
	d.State, d.Reason, d.Because = Done, r, because
	return d
}

// giveUp ends a contact for which Vonage never made a call.
func (d Decision) giveUp(last *Attempt) Decision {
	d.GivenUp = true
	because := fmt.Sprintf("Vonage made no call in %d attempts in a row (the last: %s)", WithoutCallMost, cmp.Or(last.Note, string(last.State)))
	if last.State == Absent {
		return d.done(ReasonUnresolved, because)
	}
	return d.done(ReasonRefused, because)
}

// due schedules the contact for another call. Times come from the attempts where
// possible, so that a later decision gives the same time.
func (d Decision) due(s Settings, c Contact, h *history, left []string, now time.Time) Decision {
	p := s.Retry
	d.State = Pending
	if h.calls > 0 {
		d.State = Waiting
	}
	switch tried := h.tried; {
	case tried != nil && tried.State == Ended:
		wait := p.waitFor(h)
		//guard:value(over(tried, now)) chaos.Calm: the wait after a call is kept
		d.DueAt = over(tried, now).Add(wait)
		if p.OtherTime > 0 {
			d.DueAt = s.otherTime(d.DueAt, tried.DialedAt, c.Zones)
		}
		d.Because = fmt.Sprintf("call %d of %d ended as %s, called again %s", h.calls, p.Attempts, endedAs(tried), later(wait))
		if c.several() {
			next, _ := c.freeNumber(h.nextNumber(c, left), left, now)
			d.DueAt = h.dueOn(next, p, now)
			d.Because = fmt.Sprintf("call %d of %d ended as %s, called next on %s", h.calls, p.Attempts, endedAs(tried), c.place(next))
		}
	// Each claim checks the hours. So an edit also takes effect at once for contacts that
	// were withdrawn by the old hours.
	case h.last != nil && h.last.State == Void:
		d.DueAt = cmp.Or(c.DueAt, now)
		d.Because = fmt.Sprintf("withdrawn before dialing (%s), due as before", h.last.Note)
	case tried != nil && (tried.State == Refused || tried.State == Absent):
		wait := h.backoff()
		d.DueAt = now.Add(wait)
		if c.State != Active && !c.DueAt.IsZero() {
			d.DueAt = c.DueAt // already scheduled: asking again does not delay it again
		}
		d.Because = fmt.Sprintf("no call was made (%s), tried again %s", cmp.Or(tried.Note, string(tried.State)), later(wait))
	default:
		d.DueAt = cmp.Or(c.DueAt, now)
		d.Because = "not called yet"
	}
	//guard:false storage.TestCallNow: who is to be called at once is due then, however often they are decided again
	asked := c.asked(h.tried)
	if asked && !c.AskedAt.After(d.DueAt) {
		d.DueAt = c.AskedAt
		d.Because += "; a person asked for a call now"
	}
	if c.several() {
		next, free := c.freeNumber(h.nextNumber(c, left), left, now)
		if next != c.To {
			d.To = next
		}
		if free.After(d.DueAt) {
			d.DueAt = free
		}
	}
	//guard:false storage.TestChangedWhileQueued: an appointment that was moved is not called before its new time
	if d.DueAt.Before(c.CallAt) && !asked {
		d.DueAt = c.CallAt
	}
	return d
}

// asked reports whether a person asked for a call after the last attempt that was
// tried. A reminder without such an attempt has itself been brought forward.
func (c Contact) asked(tried *Attempt) bool {
	if tried == nil {
		return !c.AskedAt.IsZero() && c.RemindAt == nil
	}
	return tried.DialedAt.Before(c.AskedAt)
}

func later(wait time.Duration) string {
	if wait == 0 {
		return "at once"
	}
	return shortDuration(wait) + " later"
}

// over is when the call failed or ended: by Vonage's clock, or when we heard of it if
// that is later. So a slow clock at Vonage causes no early call, and a fast one no
// delay.
func over(a *Attempt, now time.Time) time.Time {
	at := cmp.Or(a.FailedAt, a.EndedAt)
	//guard:false campaign.TestDecideWaitsFromTheLaterTime: a wait does not begin before we heard of the end
	if a.OverSeenAt.After(at) {
		at = a.OverSeenAt
	}
	if at.After(now) {
		return now
	}
	return at
}

// Wait is the time from this call to the next one to the person, if it is the first
// call that ended in this way. again is false if the call is final. A call that we hung
// up counts as unanswered.
func (p Policy) Wait(a *Attempt) (wait time.Duration, again bool) {
	_, wait, again = p.after(a)
	return wait, again
}

// after is the disposition that the call counts as, with the first wait after it.
func (p Policy) after(a *Attempt) (d Disposition, wait time.Duration, again bool) {
	d = dispositionOf(a)
	//guard:false campaign.TestDecideAfterOurHangUp: a call that we hung up ourselves is not the person's end
	if a.HungUpByUs() {
		d = Unanswered
	}
	wait, again = p.Again[d]
	// A person who has not heard the message is called again, if the campaign requires it.
	if !again && reached(d) && !p.Until.reached(a) {
		return Unheard, cmp.Or(p.Again[Unheard], unheardWait), true
	}
	return d, wait, again && !(reached(d) && p.Until != UntilAnswered && p.Until.reached(a))
}

// waitFor is the wait from the contact's last call, which is not final, to the next
// one. It depends on how many of its calls ended in the same way, and on the jitter. It
// is the same each time it is called.
func (p Policy) waitFor(h *history) time.Duration {
	d, wait, _ := p.after(h.tried)
	before := 0
	for i := range h.attempts {
		a := &h.attempts[i]
		if a.State == Ended && a.No < h.tried.No {
			if same, _, _ := p.after(a); same == d {
				before++
			}
		}
	}
	if later := p.Later[d]; before > 0 && len(later) > 0 {
		wait = later[min(before, len(later))-1]
	}
	return wait + jitterOf(h.tried, p.Jitter)
}

// jitterOf is a fraction of most, derived from the attempt's id.
func jitterOf(a *Attempt, most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	sum := fnv.New64a()
	sum.Write(a.ID[:])
	return time.Duration(sum.Sum64() % uint64(most)).Truncate(time.Microsecond)
}

// otherTime is the first moment from due on, within the hours, whose time of day
// differs from the last call's by at least OtherTime, before or after. It is due if
// there is none.
func (s Settings) otherTime(due, last time.Time, zones []string) time.Time {
	const day, tries = 24 * time.Hour, 16
	at := due
	for range tries {
		open, ok := s.Hours.Next(at, zones)
		if !ok {
			return due
		}
		from := (open.Sub(last)%day + day) % day // the interval after the last call's time of day
		switch most := s.Retry.OtherTime; {
		case from < most:
			at = open.Add(most - from)
		case from > day-most:
			at = open.Add(day - from + most)
		default:
			return open
		}
	}
	return due
}

// endedAs describes for a person how the call ended.
func endedAs(a *Attempt) string {
	if a.HungUpByUs() {
		return "hung up by us"
	}
	return string(dispositionOf(a))
}
