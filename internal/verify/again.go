package verify

import (
	"fmt"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
)

// calledTwice says what is wrong with a contact's calls, or "". Before each call except
// the first, the earlier calls must have ended in a way after which the policy calls the
// person again, and the wait must have passed. Each reminder has its own calls. Around an
// edit it is enough that one of the policies allows the call.
func (c *comparison) calledTwice(rule Rule, k app.ContactRecord, calls []contactCall) string {
	for i, call := range calls {
		if i > 0 {
			if why := c.tooEarly(calls[i-1], call); why != "" {
				return why
			}
		}
		who := c.personAt(k, call)
		if result := c.resultBefore(who, calls[:i], call); result != "" {
			return fmt.Sprintf("call %s was made although the person had said %s", call.UUID, result)
		}
		why := ""
		for _, r := range c.inForce(rule, call.PlacedAt) {
			if why = c.mayNotBeMade(r, who, calls, i); why == "" {
				break
			}
		}
		if why != "" {
			return why
		}
	}
	return ""
}

// mayNotBeMade says what in the policy forbids the call with this index, or "".
func (c *comparison) mayNotBeMade(rule Rule, who person, calls []contactCall, i int) string {
	var before []known
	for _, call := range calls[:i] {
		before = append(before, rule.known(call))
	}
	call := calls[i]
	if i > 0 && len(ofSameReminder(who.remindAt, before, call.dialed())) > 0 {
		if why := c.mayNotFollow(rule, who, before, calls[i-1], call); why != "" {
			return why
		}
	}
	made := ofSameReminder(who.remindAt, append(before, rule.known(call)), call.dialed())
	if rule.Retry.Attempts > 0 && len(made) > rule.Retry.Attempts {
		return fmt.Sprintf("%d calls, and the rule allows %d", len(made), rule.Retry.Attempts)
	}
	return ""
}

// tooEarly finds a call that no policy allows.
func (c *comparison) tooEarly(before, after contactCall) string {
	switch {
	case before.attempt == after.attempt:
		return fmt.Sprintf("twice for attempt %s", before.attempt)
	case before.EndedAt.IsZero() || before.EndedAt.After(after.PlacedAt):
		return fmt.Sprintf("call %s began while call %s was up", after.UUID, before.UUID)
	}
	return ""
}

// mayNotFollow says why a call may not follow the earlier ones, or "". The last of them
// may have been known to end in several ways; it is enough that one of them allows the
// call.
func (c *comparison) mayNotFollow(rule Rule, who person, before []known, last, call contactCall) string {
	var from time.Time
	found := false
	for _, way := range c.waysToEnd(last, call) {
		made := ofSameReminder(who.remindAt, append(slices.Clone(before[:len(before)-1]), way), call.dialed())
		if at, may := earliest(rule.Retry, who.several, call.To, made); may && (!found || at.Before(from)) {
			from, found = at, true
		}
	}
	switch {
	case rangBackBrought(rule.Retry.Until, who.back):
		return fmt.Sprintf("call %s was made although the person had rung back", call.UUID)
	case !found:
		return fmt.Sprintf("call %s was final (%s), and call %s followed", last.UUID, last.ways()[0], call.UUID)
	case call.PlacedAt.Before(from.Add(-c.orders.Slack)) && !who.askedBetween(last.dialed(), call.dialed()):
		return fmt.Sprintf("call %s began %v after call %s, which was %s: the wait is %v",
			call.UUID, call.PlacedAt.Sub(last.EndedAt), last.UUID, last.Outcome, from.Sub(last.EndedAt))
	}
	return ""
}

// askedBetween reports whether somebody ordered a call between the two times.
func (p person) askedBetween(before, call time.Time) bool {
	return slices.ContainsFunc(p.asked, func(at time.Time) bool { return at.After(before) && !at.After(call) })
}

// waysToEnd are the ways in which the last call may have been known to end when the next
// one was made.
func (c *comparison) waysToEnd(last, next contactCall) (list []known) {
	for _, word := range last.ways() {
		way := last.as(word)
		list = append(list, way)
		if c.toldLate(last, next) {
			way.heard, way.result = false, false
			list = append(list, way)
		}
	}
	return list
}

// toldLate reports whether our side learned the result of the call so late that the next
// call may have been on its way.
func (c *comparison) toldLate(last, next contactCall) bool {
	return last.ToldAt.After(next.PlacedAt.Add(-c.orders.Late - c.orders.Slack))
}

// ways are the dispositions under which the ended call may count. Our own hang-up says
// nothing about the person: the call counts as one that nobody took.
func (c Call) ways() []campaign.Disposition {
	if c.HungUp && !c.Answered {
		return []campaign.Disposition{campaign.Unanswered}
	}
	return c.dispositions()
}

// known is the call as it was recorded. If another call followed it, an ending that is
// not final is preferred.
func (r Rule) known(call contactCall) known {
	may := call.ways()
	if slices.Contains(may, call.record.Disposition) {
		may = append([]campaign.Disposition{call.record.Disposition}, may...)
	}
	for _, word := range may {
		if way := call.as(word); r.repeats(way) {
			return way
		}
	}
	return call.as(may[0])
}

func (r Rule) repeats(call known) bool {
	_, again := repeated(r.Retry, call)
	return again
}

// as is the call, known to have ended with this disposition.
func (c contactCall) as(word campaign.Disposition) known {
	return known{
		to: c.To, dialed: c.dialed(), ended: c.EndedAt, word: word,
		heard: !c.record.HeardAt.IsZero(), result: c.record.Result != "",
	}
}

// dialed is when our side let the call begin. Our clock decides to which reminder a call
// belongs.
func (c contactCall) dialed() time.Time {
	if c.record.DialedAt.IsZero() {
		return c.PlacedAt
	}
	return c.record.DialedAt
}

// ringBackLasts is how long after a person rang back their answer may become known.
const ringBackLasts = 10 * time.Minute

// person is the certain knowledge about a contact when a call began.
type person struct {
	several  bool
	remindAt []time.Time
	asked    []time.Time // when people asked to be called at once
	back     campaign.RangBack
}

// personAt is the person at the beginning of a call.
func (c *comparison) personAt(k app.ContactRecord, call contactCall) person {
	back := rangBackFor(k.RemindAt, k.RangBack, call.dialed())
	if !k.RangBack.HeardAt.Before(call.PlacedAt.Add(-c.orders.Late - c.orders.Slack)) {
		back.HeardAt = time.Time{}
	}
	if !k.RangBack.ResultAt.Add(ringBackLasts).Before(call.PlacedAt) {
		back.Result = ""
	}
	return person{severalNumbers(k), k.RemindAt, k.AskedAt, back}
}

// resultBefore is the person's certain result before a call. After a result there is no
// further reminder. Without reminders the policy says what ends a contact.
func (c *comparison) resultBefore(who person, before []contactCall, call contactCall) string {
	if who.remindAt == nil {
		return ""
	}
	for _, b := range before {
		if b.record.Result != "" && !c.toldLate(b, call) && !ofAnEarlierAppointment(who.remindAt, b.dialed()) {
			return b.record.Result
		}
	}
	return who.back.Result
}

// ending judges the reason of a contact that has ended, by the terms since its last call
// began: one of them must give this reason.
func (c *comparison) ending(rule Rule, k app.ContactRecord, h *history) {
	rules := []Rule{rule}
	if len(rule.Earlier) > 0 {
		var last time.Time
		if len(h.calls) > 0 {
			last = h.calls[len(h.calls)-1].PlacedAt
		}
		rules = c.between(rule, last, c.at.Add(c.orders.Slack))
	}
	for _, r := range rules {
		if c.wrongEnd(r, k, h) == "" {
			return
		}
	}
	if len(h.calls) == 0 && (k.Reason == campaign.ReasonUnresolved || slices.Contains(campaign.Dispositions, campaign.Disposition(k.Reason))) {
		c.result.NeverCalled++
	}
	c.broken("I4", "%s", c.wrongEnd(rule, k, h))
}

// wrongEnd says what is wrong with the reason, or "". A final call gives the reason: of
// several an answered one, and then the last one. Otherwise the last call gives it, if
// all calls are used. Otherwise it must be a reason that the run allows.
func (c *comparison) wrongEnd(rule Rule, k app.ContactRecord, h *history) string {
	calls, decides := h.calls, c.decides(rule, k, h)
	switch {
	case h.called && k.Reason == campaign.ReasonUnresolved:
	case decides != nil:
		if may := decides.dispositions(); !slices.Contains(may, campaign.Disposition(k.Reason)) {
			return fmt.Sprintf("contact %d ended as %s; its call %s was %s", k.ID, k.Reason, decides.UUID, may[0])
		}
	case !severalNumbers(k) && slices.ContainsFunc(lastReminder(k, calls), func(call contactCall) bool { return rule.mayBeFinal(call, campaign.Disposition(k.Reason)) }):
	case c.mayEnd(rule, k):
	case len(calls) == 0 && (k.Reason == campaign.ReasonUnresolved || slices.Contains(campaign.Dispositions, campaign.Disposition(k.Reason))):
		return fmt.Sprintf("contact %d was never called, and ended as %s", k.ID, k.Reason)
	default:
		return fmt.Sprintf("contact %d ended as %s after %d of %d calls, for which there is no cause", k.ID, k.Reason, len(calls), rule.Retry.Attempts)
	}
	return ""
}

// decides is the call that gives a contact's reason, or nil.
func (c *comparison) decides(rule Rule, k app.ContactRecord, h *history) (found *contactCall) {
	if len(h.calls) == 0 {
		return nil
	}
	last := &h.calls[len(h.calls)-1]
	if len(k.RemindAt) > 0 && k.Result != "" {
		return last
	}
	calls := lastReminder(k, h.calls)
	for i := range calls {
		call := &calls[i]
		if rule.final(*call) && (found == nil || call.Answered || !found.Answered) {
			found = call
		}
	}
	used := len(calls) > 0 && len(calls) >= rule.Retry.Attempts
	switch {
	case found != nil && (found.Answered || !severalNumbers(k)):
	case used, len(calls) > 0 && rangBackBrought(rule.Retry.Until, rangBackFor(k.RemindAt, k.RangBack, c.at)) && !c.mayEnd(rule, k):
		found = last
	case found != nil && c.numberLeft(rule, k, h):
		found = nil
	}
	return found
}

func severalNumbers(k app.ContactRecord) bool { return len(k.Numbers) > 1 }

// lastReminder are the calls of a contact's last reminder; all, if it has none.
func lastReminder(k app.ContactRecord, calls []contactCall) []contactCall {
	switch {
	case k.RemindAt == nil:
		return calls
	case len(k.RemindAt) == 0: // it was moved to a time without any reminder left
		return nil
	}
	return slices.DeleteFunc(slices.Clone(calls), func(call contactCall) bool {
		return call.dialed().Before(slices.MaxFunc(k.RemindAt, time.Time.Compare))
	})
}

// final reports whether the call's number is not called again, however the call was known
// to end.
func (r Rule) final(call contactCall) bool {
	return !slices.ContainsFunc(call.ways(), func(word campaign.Disposition) bool { return r.repeats(call.as(word)) })
}

// mayBeFinal reports whether the call could be recorded with this ending and be final.
// Who answered is not always reported.
func (r Rule) mayBeFinal(call contactCall, as campaign.Disposition) bool {
	if call.HungUp && !call.Answered {
		return r.final(call) && slices.Contains(call.dispositions(), as)
	}
	return slices.Contains(call.dispositions(), as) && !r.repeats(call.as(as))
}

// numberLeft reports whether the person could still have been called on one of several
// numbers: no call to it was final, Vonage refused none, and it is on no list.
func (c *comparison) numberLeft(rule Rule, k app.ContactRecord, h *history) bool {
	return slices.ContainsFunc(k.Numbers, func(number string) bool {
		over := slices.ContainsFunc(h.calls, func(call contactCall) bool { return call.To == number && rule.final(call) }) ||
			slices.ContainsFunc(h.attempts, func(a app.AttemptRecord) bool { return a.To == number && a.State == campaign.Refused })
		listed := c.orders.Suppressed == nil || len(c.orders.Suppressed[number]) > 0 || len(c.optedOut[number]) > 0
		return !over && !listed
	})
}
