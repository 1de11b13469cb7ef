package campaign

import (
	"slices"
	"time"
)

// CallsFor are those of the contact's calls that count for a call at a moment: all of
// them, or with reminders those of the same reminder.
func (c Contact) CallsFor(calls []Attempt, at time.Time) []Attempt {
	if len(c.RemindAt) == 0 {
		return calls
	}
	return c.ofReminder(calls, at)
}

// MayCall says from when on the contact may be called on a number after calls that
// have all ended, as the policy has it; false: never, whatever is left of Attempts.
// It is for who judges calls that were made: Decide says when one is made.
func (p Policy) MayCall(c Contact, number string, calls []Attempt, at time.Time) (from time.Time, may bool) {
	h := historyOf(calls)
	if h.tried == nil {
		return time.Time{}, true
	}
	if c.RangBack.brought(p.Until) {
		return time.Time{}, false
	}
	_, again := p.Wait(h.tried)
	if !c.several() {
		return over(h.tried, at).Add(p.waitFor(&h)), again
	}
	ends := func(a Attempt) bool { return endsItsNumber(&a, p) && (a.To == number || reached(dispositionOf(&a))) }
	if slices.ContainsFunc(h.attempts, ends) {
		return time.Time{}, false
	}
	return h.dueOn(number, p, at), true
}

// Final reports whether the call is the end of its number, and with that of a contact
// that has no other.
func (p Policy) Final(call Attempt) bool { return endsItsNumber(&call, p) }

// Brought reports whether a person's own calls brought what the campaign wants.
func (r RangBack) Brought(u Until) bool { return r.brought(u) }
