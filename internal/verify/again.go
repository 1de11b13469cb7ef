package verify

import (
	"fmt"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
)

// calledTwice says what is wrong with a contact's calls, or "". Each call but the
// first needs those before it to have ended, in a way after which the campaign's
// policy has the person called again, and so long ago. Each reminder has calls of its
// own. Around an edit one of the policies is enough.
func (c *comparison) calledTwice(rule Rule, k app.ContactRecord, calls []contactCall) string {
	for i, call := range calls {
		if i > 0 {
			if why := c.tooEarly(calls[i-1], call); why != "" {
				return why
			}
		}
		who := c.contactAt(k, call)
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

// mayNotBeMade says what in the policy speaks against the call of this index, or "".
func (c *comparison) mayNotBeMade(rule Rule, who campaign.Contact, calls []contactCall, i int) string {
	var before []campaign.Attempt // as they ended
	for n, call := range calls[:i] {
		before = append(before, rule.asEnded(call, n+1))
	}
	call := calls[i]
	if i > 0 && len(who.CallsFor(before, call.dialed())) > 0 {
		if why := c.mayNotFollow(rule, who, before, calls[i-1], call); why != "" {
			return why
		}
	}
	made := who.CallsFor(append(before, rule.asEnded(call, i+1)), call.dialed())
	if rule.Retry.Attempts > 0 && len(made) > rule.Retry.Attempts {
		return fmt.Sprintf("%d calls, and the rule allows %d", len(made), rule.Retry.Attempts)
	}
	return ""
}

// tooEarly finds what no policy allows.
func (c *comparison) tooEarly(before, after contactCall) string {
	switch {
	case before.attempt == after.attempt:
		return fmt.Sprintf("twice for attempt %s", before.attempt)
	case before.EndedAt.IsZero() || before.EndedAt.After(after.PlacedAt):
		return fmt.Sprintf("call %s began while call %s was up", after.UUID, before.UUID)
	}
	return ""
}

// mayNotFollow says why a call may not follow those before it, or "". The last of
// them may have been known to end in several ways: one that allows the call is enough.
func (c *comparison) mayNotFollow(rule Rule, who campaign.Contact, before []campaign.Attempt, last, call contactCall) string {
	if last.HungUp && !last.Answered {
		return "" // our own hang-up says nothing about the person
	}
	var from time.Time
	found := false
	earlier := slices.DeleteFunc(slices.Clone(before[:len(before)-1]), func(a campaign.Attempt) bool { return a.HungUpByUs() })
	for _, a := range c.waysToEnd(last, call, len(before)) {
		made := who.CallsFor(append(slices.Clone(earlier), a), call.dialed())
		if at, may := rule.Retry.MayCall(who, call.To, made, call.PlacedAt); may && (!found || at.Before(from)) {
			from, found = at, true
		}
	}
	switch {
	case who.RangBack.Brought(rule.Retry.Until):
		return fmt.Sprintf("call %s was made although the person had rung back", call.UUID)
	case !found:
		return fmt.Sprintf("call %s was final (%s), and call %s followed", last.UUID, last.dispositions()[0], call.UUID)
	case call.PlacedAt.Before(from.Add(-c.orders.Slack)):
		return fmt.Sprintf("call %s began %v after call %s, which was %s: the wait is %v",
			call.UUID, call.PlacedAt.Sub(last.EndedAt), last.UUID, last.Outcome, from.Sub(last.EndedAt))
	}
	return ""
}

// waysToEnd are how the last call may have been known to end when the next was made.
func (c *comparison) waysToEnd(last, next contactCall, no int) (list []campaign.Attempt) {
	for _, d := range last.dispositions() {
		a := last.as(d, no)
		list = append(list, a)
		if c.toldLate(last, next) {
			a.HeardAt, a.Result = time.Time{}, ""
			list = append(list, a)
		}
	}
	return list
}

// toldLate reports whether what was said in the call was told so late that the next one
// may have been on its way.
func (c *comparison) toldLate(last, next contactCall) bool {
	return last.ToldAt.After(next.PlacedAt.Add(-c.orders.Late - c.orders.Slack))
}

// asEnded is the call as it was recorded. One that cannot have been final, since
// another followed, is taken so where that is one of the ways in which it can be known.
func (r Rule) asEnded(call contactCall, no int) campaign.Attempt {
	may := call.dispositions()
	if slices.Contains(may, call.record.Disposition) {
		may = append([]campaign.Disposition{call.record.Disposition}, may...)
	}
	for _, d := range may {
		if a := call.as(d, no); !r.Retry.Final(a) {
			return a
		}
	}
	return call.as(may[0], no)
}

// as is the call as an attempt that ended so.
func (c contactCall) as(d campaign.Disposition, no int) campaign.Attempt {
	a := campaign.Attempt{
		ID: c.attempt, No: no, To: c.To, State: campaign.Ended, DialedAt: c.dialed(), Result: c.record.Result,
		Facts: campaign.Facts{EndedAt: c.EndedAt, Dialogue: campaign.Dialogue{HeardAt: c.record.HeardAt}},
	}
	switch d {
	case campaign.Human, campaign.Machine:
		a.Statuses, a.AnsweredAt = []string{string(d)}, c.EndedAt
	case campaign.Answered:
		a.AnsweredAt = c.EndedAt
	case campaign.Unexplained:
	default:
		a.Failure, a.FailedAt = string(d), c.EndedAt
	}
	if c.HungUp && !c.Answered {
		a.HungUpAt = c.EndedAt
	}
	return a
}

// dialed is when our side let the call begin: by its clock a call belongs to a reminder.
func (c contactCall) dialed() time.Time {
	if c.record.DialedAt.IsZero() {
		return c.PlacedAt
	}
	return c.record.DialedAt
}

// ringBackLasts is how long after a person rang back it may take until what they say is
// known.
const ringBackLasts = 10 * time.Minute

// contactAt is the contact as far as it was known for certain when a call began.
func (c *comparison) contactAt(k app.ContactRecord, call contactCall) campaign.Contact {
	who := contactOf(k)
	who.RangBack = who.ForReminder(call.dialed())
	if !k.RangBack.HeardAt.Before(call.PlacedAt.Add(-c.orders.Late - c.orders.Slack)) {
		who.RangBack.HeardAt = time.Time{}
	}
	if !k.RangBack.ResultAt.Add(ringBackLasts).Before(call.PlacedAt) {
		who.RangBack.Result = ""
	}
	return who
}

func contactOf(k app.ContactRecord) campaign.Contact {
	return campaign.Contact{ID: k.ID, To: k.To, Numbers: k.Numbers, RemindAt: k.RemindAt, RangBack: k.RangBack}
}

// resultBefore is what the person had said for certain before a call, after which
// there is no further reminder. Without reminders the policy says what ends a contact.
func (c *comparison) resultBefore(who campaign.Contact, before []contactCall, call contactCall) string {
	if len(who.RemindAt) == 0 {
		return ""
	}
	for _, b := range before {
		if b.record.Result != "" && !c.toldLate(b, call) && !who.OfAnEarlierAppointment(b.dialed()) {
			return b.record.Result
		}
	}
	return who.RangBack.Result
}

// ending judges the reason of a contact that has ended, by the terms that held since
// its last call began: one of them must give it.
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

// wrongEnd says what is wrong with the reason, or "". A final call gives it: of several
// an answered one, and then the last. Else the last call does, if all calls are used.
// Else it must be a reason that the run allows.
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

// decides is the call that gives a contact's reason, or nil: none does.
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
	case used, len(calls) > 0 && contactOf(k).ForReminder(c.at).Brought(rule.Retry.Until) && !c.mayEnd(rule, k):
		found = last
	case found != nil && c.numberLeft(rule, k, h):
		found = nil
	}
	return found
}

func severalNumbers(k app.ContactRecord) bool { return len(k.Numbers) > 1 }

// lastReminder are the calls of a contact's last reminder; all, if it has none.
func lastReminder(k app.ContactRecord, calls []contactCall) []contactCall {
	if len(k.RemindAt) == 0 {
		return calls
	}
	return slices.DeleteFunc(slices.Clone(calls), func(call contactCall) bool {
		return call.dialed().Before(slices.MaxFunc(k.RemindAt, time.Time.Compare))
	})
}

// final reports whether nobody is called again after the call on its number, however it
// was known to end.
func (r Rule) final(call contactCall) bool {
	if call.HungUp && !call.Answered {
		return false
	}
	return !slices.ContainsFunc(call.dispositions(), func(d campaign.Disposition) bool { return !r.Retry.Final(call.as(d, 1)) })
}

// mayBeFinal reports whether a call could be taken for one that ended like this
// and is final: it is not always told who answered.
func (r Rule) mayBeFinal(call contactCall, as campaign.Disposition) bool {
	return slices.Contains(call.dispositions(), as) && r.Retry.Final(call.as(as, 1))
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
