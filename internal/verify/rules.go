package verify

import (
	"slices"
	"time"

	"dialer/campaign"
)

// A campaign's rules for calling again, stated a second time and independently. They
// judge package campaign, so they must not call it. TestJudgeUsesNoRuleOfTheJudged checks
// that.

// known is an ended call, with one of the ways in which it may be known to have ended.
type known struct {
	to     string
	dialed time.Time
	ended  time.Time
	word   campaign.Disposition
	heard  bool // a person heard the message to its end
	result bool // or pressed a key that gives a result
}

// answered reports whether somebody or something took the call.
func (k known) answered() bool {
	return k.word == campaign.Answered || k.word == campaign.Human || k.word == campaign.Machine
}

// brought reports whether an answered call had the result that the campaign wants.
func (k known) brought(until campaign.Until) bool {
	switch until {
	case campaign.UntilResult:
		return k.result
	case campaign.UntilHeard:
		return k.heard || k.result
	}
	return true
}

// repeated reports whether another call follows, and under which word the campaign lists
// its waits. A call that nobody took is repeated if the campaign lists its word. An
// answered call is not repeated if it had the result that the campaign wants; but a
// machine may be listed even if any answer is enough. Otherwise an answered call is
// repeated, by its own word or as unheard.
func repeated(p campaign.Policy, call known) (word campaign.Disposition, again bool) {
	_, listed := p.Again[call.word]
	switch {
	case !call.answered(), p.Until == campaign.UntilAnswered, listed && !call.brought(p.Until):
		return call.word, listed
	case call.brought(p.Until):
		return call.word, false
	}
	return campaign.Unheard, true
}

// unlisted is the wait after a call that was not heard, if the campaign lists none.
const unlisted = 30 * time.Minute

// waitAfter is the shortest wait after the nth call with this ending. The last step
// applies to all further calls. The jitter may make the wait longer.
func waitAfter(p campaign.Policy, word campaign.Disposition, nth int) time.Duration {
	first, listed := p.Again[word]
	if !listed {
		return unlisted
	}
	steps := append([]time.Duration{first}, p.Later[word]...)
	return steps[min(nth, len(steps))-1]
}

// earliest is when a person may be called on a number again after these calls, the last
// one last; false: never again.
func earliest(p campaign.Policy, several bool, number string, calls []known) (from time.Time, may bool) {
	if several {
		return earliestOfSeveral(p, number, calls)
	}
	last := calls[len(calls)-1]
	word, again := repeated(p, last)
	nth := 0
	for _, call := range calls {
		if same, _ := repeated(p, call); same == word {
			nth++
		}
	}
	return last.ended.Add(waitAfter(p, word, nth)), again
}

// earliestOfSeveral is the same for a person with several numbers. A final call ends its
// number, and a final call that was taken ends all numbers. Each number has its own wait
// since its own calls. The next number is called at once, unless a person took the last
// call.
func earliestOfSeveral(p campaign.Policy, number string, calls []known) (from time.Time, may bool) {
	for i, call := range calls {
		word, again := repeated(p, call)
		if !again && (call.to == number || call.answered()) {
			return time.Time{}, false
		}
		free := call.ended
		byPerson := i == len(calls)-1 && call.answered() && call.word != campaign.Machine
		if again && (call.to == number || byPerson) {
			free = free.Add(waitAfter(p, word, 1))
		}
		if free.After(from) {
			from = free
		}
	}
	return from, true
}

// reminderOf is the index of the reminder to which a moment belongs; -1: it is before the
// first.
func reminderOf(remindAt []time.Time, at time.Time) int {
	of := -1
	for i, t := range remindAt {
		if !t.After(at) {
			of = i
		}
	}
	return of
}

// ofAnEarlierAppointment reports whether a moment is before the first reminder: the
// appointment was moved since.
func ofAnEarlierAppointment(remindAt []time.Time, at time.Time) bool {
	return remindAt != nil && reminderOf(remindAt, at) < 0
}

// ofSameReminder are the calls that count for a call at a moment, because each reminder
// has its own calls.
func ofSameReminder(remindAt []time.Time, calls []known, at time.Time) []known {
	if remindAt == nil {
		return calls
	}
	current := max(0, reminderOf(remindAt, at))
	return slices.DeleteFunc(slices.Clone(calls), func(call known) bool { return reminderOf(remindAt, call.dialed) != current })
}

// rangBackFor is the result of a person's own calls for the reminder of a moment. A
// message that was heard before does not end a later reminder. A result ends all.
func rangBackFor(remindAt []time.Time, back campaign.RangBack, at time.Time) campaign.RangBack {
	if !back.LastHeardAt.IsZero() && reminderOf(remindAt, back.LastHeardAt) < reminderOf(remindAt, at) {
		back.HeardAt = time.Time{}
	}
	return back
}

// rangBackBrought reports whether a person's own calls had the result that the campaign
// wants.
func rangBackBrought(until campaign.Until, back campaign.RangBack) bool {
	return back.Result != "" || until != campaign.UntilResult && !back.HeardAt.IsZero()
}
