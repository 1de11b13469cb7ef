package campaign

import (
	"fmt"
	"slices"
	"time"
)

// A person with several numbers is called on one after another. A number that was
// called goes to the end of the line. It is called again no earlier than the wait after
// its own last call. A number that has not been called in this round is called at once,
// unless somebody answered on the number before. A number is left out if it is
// suppressed, if Vonage refuses it for good, or if a call to it ended with a final
// disposition. Attempts count per person.

// numbers are all numbers of the contact, in order.
func (c Contact) numbers() []string {
	if len(c.Numbers) == 0 {
		return []string{c.To}
	}
	return c.Numbers
}

// Called is the number of the last call, else the first one.
func (c Contact) Called(attempts []Attempt) string {
	for _, a := range slices.Backward(byNo(attempts)) {
		if !a.DialedAt.IsZero() && a.State != Refused && a.State != Absent {
			return a.To
		}
	}
	return c.numbers()[0]
}

// several reports whether the contact has more than one number.
func (c Contact) several() bool { return len(c.Numbers) > 1 }

// numbersLeft are the numbers on which the person may still be called.
func (h *history) numbersLeft(s Settings, c Contact) []string {
	return slices.DeleteFunc(slices.Clone(c.numbers()), func(number string) bool {
		//guard:false campaign.TestSeveralNumbers: a suppressed number is not called
		if slices.Contains(c.Suppressed, number) || (h.withdrawn(WithdrawnSuppressed) || h.withdrawn(WithdrawnInvalid)) && h.last.To == number {
			return true
		}
		//guard:false storage.TestCountryOfOneOfSeveralNumbers: a number is not called in a country that the campaign does not name
		if !s.mayCallIn(number) {
			return true
		}
		return slices.ContainsFunc(h.attempts, func(a Attempt) bool { return a.To == number && endsItsNumber(&a, s.Retry) })
	})
}

// endsItsNumber reports whether the attempt means that its number may not be called
// again.
func endsItsNumber(a *Attempt, p Policy) bool {
	switch a.State {
	case Refused:
		return Remedies[Refusal(a.Note)].Final
	case Ended:
		_, again := p.Wait(a)
		return !again
	}
	return false
}

// noneLeft ends a contact that has no number left. Its reason is the disposition of its
// last final call, or else why it was not called.
func (d Decision) noneLeft(h *history, p Policy) Decision {
	for i := len(h.attempts) - 1; i >= 0; i-- {
		if a := &h.attempts[i]; a.State == Ended && endsItsNumber(a, p) {
			return d.done(Reason(dispositionOf(a)), "none of the numbers is left: the last call ended as "+endedAs(a))
		}
	}
	if h.tried != nil && h.tried.State == Refused && Remedies[Refusal(h.tried.Note)].Final {
		return d.done(ReasonRefused, "Vonage refused the calls to all of the numbers that are not suppressed")
	}
	if h.withdrawn(WithdrawnCountry) {
		return d.done(ReasonRefused, "the campaign may not call in the country of any number that is left")
	}
	return d.done(ReasonSuppressed, "all of the numbers are on the suppression list")
}

// mayCallIn reports whether the campaign may call in the country of a number.
func (s Settings) mayCallIn(number string) bool {
	return len(s.Countries) == 0 || slices.Contains(s.Countries, CountryOf(number))
}

// freeNumber picks the number to call. That is next, unless a cap on calls to one
// number blocks it. Then it is the first number to become free. at is when it is free;
// zero: now.
func (c Contact) freeNumber(next string, left []string, now time.Time) (number string, at time.Time) {
	number, at = next, c.FreeAt[next]
	for _, other := range left {
		//guard:false storage.TestCapOfOneOfSeveralNumbers: a number that was called often enough does not put off the others
		if free := c.FreeAt[other]; at.After(now) && free.Before(at) {
			number, at = other, free
		}
	}
	return number, at
}

// nextNumber is the next number to call, among those that are left.
func (h *history) nextNumber(c Contact, left []string) string {
	after := c.To
	if h.tried != nil && h.tried.State == Ended {
		after = h.tried.To
	} else if slices.Contains(left, c.To) {
		return c.To
	}
	all := c.numbers()
	at := slices.Index(all, after)
	for i := range all {
		next := all[(at+1+i)%len(all)]
		//guard:true campaign.TestSeveralNumbers: the numbers are called one after another
		if slices.Contains(left, next) {
			return next
		}
	}
	return left[0]
}

// dueOn is when the person may be called on the number: after the wait that follows the
// number's own last call, and, if the person has just answered, also after the wait
// that follows the answer.
func (h *history) dueOn(number string, p Policy, now time.Time) time.Time {
	wait, _ := p.Wait(h.tried)
	due := over(h.tried, now)
	//guard:false campaign.TestSeveralNumbers: who has just answered is not called on the next number at once
	if d := dispositionOf(h.tried); d == Answered || d == Human {
		due = due.Add(wait)
	}
	for i := range h.attempts {
		a := &h.attempts[i]
		if a.State != Ended || a.To != number {
			continue
		}
		wait, _ := p.Wait(a)
		//guard:false campaign.TestSeveralNumbers: a number has its wait after its own last call
		if own := over(a, now).Add(wait); own.After(due) {
			due = own
		}
	}
	return due
}

// place names the number's position among the contact's numbers.
func (c Contact) place(number string) string {
	return fmt.Sprintf("number %d of %d", 1+slices.Index(c.numbers(), number), len(c.numbers()))
}
