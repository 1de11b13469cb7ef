package verify

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/google/uuid"
)

// history is a contact's calls, with the attempt of each.
type history struct {
	attempts []app.AttemptRecord
	calls    []contactCall
	open     bool // an attempt is
	// called is whether a person said of an attempt that it made a call which nobody
	// could name.
	called bool
}

// contactCall is a call at Vonage with the attempt that it was made for.
type contactCall struct {
	Call
	attempt uuid.UUID
}

func (c *comparison) historyOf(contact int64) *history {
	h := c.contacts[contact]
	if h == nil {
		h = &history{}
		c.contacts[contact] = h
	}
	return h
}

func (h *history) add(a app.AttemptRecord, calls []Call) {
	h.open = h.open || a.State.Open()
	h.attempts = append(h.attempts, a)
	for _, call := range calls {
		h.calls = append(h.calls, contactCall{call, a.ID})
	}
}

// contact judges the calls to one contact, and how it ended.
func (c *comparison) contact(k app.ContactRecord) {
	rule, h := c.orders.Rules[k.Campaign], c.historyOf(k.ID)
	slices.SortFunc(h.calls, func(a, b contactCall) int { return a.PlacedAt.Compare(b.PlacedAt) })
	if why := c.calledTwice(rule, h.calls); why != "" {
		c.result.CalledTwice++
		c.broken("I3", "contact %d was called twice: %s", k.ID, why)
	}
	for _, call := range h.calls {
		if call.To != k.To && !slices.Contains(k.Numbers, call.To) {
			c.broken("I5", "call %s of contact %d went to another number", call.UUID, k.ID)
		}
		k.To = call.To
		if why := c.mayNotBegin(rule, k, call.PlacedAt); why != "" {
			c.broken("I8", "contact %d was called by %s %s", k.ID, call.UUID, why)
		}
	}
	if h.open || k.State != campaign.Done && k.State != campaign.Waiting && k.State != campaign.Pending {
		c.pending("I4", "contact %d is %s: a call is under way or not settled yet", k.ID, k.State)
		return
	}
	c.results(k, h.attempts)
	if k.Calls != len(h.calls) && !h.called {
		c.broken("I4", "contact %d counts %d calls; Vonage made %d", k.ID, k.Calls, len(h.calls))
	}
	if k.State == campaign.Done {
		c.ending(rule, k, h)
	}
}

// calledTwice says what is wrong with a contact's calls, or "". Each call but
// the first needs an earlier one that had ended, in a way after which the rule
// has it called again, and so long ago.
func (c *comparison) calledTwice(rule Rule, calls []contactCall) string {
	for i := 1; i < len(calls); i++ {
		before, after := calls[i-1], calls[i]
		wait, again := rule.waitAfter(before.Call)
		switch {
		case before.attempt == after.attempt:
			return fmt.Sprintf("twice for attempt %s", before.attempt)
		case before.EndedAt.IsZero() || before.EndedAt.After(after.PlacedAt):
			return fmt.Sprintf("call %s began while call %s was up", after.UUID, before.UUID)
		case before.To != after.To && !before.Answered: // the person's next number is called at once
		case !again:
			return fmt.Sprintf("call %s was final (%s), and call %s followed", before.UUID, before.dispositions()[0], after.UUID)
		case after.PlacedAt.Sub(before.EndedAt) < wait-c.orders.Slack:
			return fmt.Sprintf("call %s began %v after call %s, which was %s: the wait is %v",
				after.UUID, after.PlacedAt.Sub(before.EndedAt), before.UUID, before.Outcome, wait)
		}
	}
	if rule.Attempts > 0 && len(calls) > rule.Attempts {
		return fmt.Sprintf("%d calls, and the rule allows %d", len(calls), rule.Attempts)
	}
	return ""
}

// waitAfter is how long after a call the next one may begin; false: never. Our
// own hang-up says nothing about the person, who may be called again at once.
func (r Rule) waitAfter(c Call) (wait time.Duration, again bool) {
	if c.HungUp && !c.Answered {
		return 0, true
	}
	for _, d := range c.dispositions() {
		if w, listed := r.Waits[d]; listed {
			return w, true
		}
	}
	return 0, false
}

// mayNotBegin says why a contact may not be called at a moment, or "".
func (c *comparison) mayNotBegin(rule Rule, k app.ContactRecord, at time.Time) string {
	switch {
	case at.Before(rule.Start.Add(-c.orders.Slack)):
		return "before its campaign's start"
	case c.within(rule.Closed, at):
		return "while its campaign was paused or stopped"
	case c.within(c.orders.Suppressed[k.To], at):
		return "although its number was suppressed"
	case c.hasOptedOut(k.To, at):
		return "although the person had opted out by a key"
	}
	zones := k.Zones
	if rule.Zones != nil {
		zones = rule.Zones(k.To)
	}
	if len(rule.Open) > 0 && !rule.open(zones, at) {
		return "outside the hours of its zone"
	}
	return ""
}

// within reports whether a call that began at a moment was requested within one
// of the spans.
func (c *comparison) within(spans []Span, at time.Time) bool {
	return slices.ContainsFunc(spans, func(s Span) bool {
		return at.After(s.From.Add(c.orders.Late)) && (s.To.IsZero() || at.Before(s.To.Add(-c.orders.Slack)))
	})
}

// open reports whether a wall clock in each of the zones shows a minute of the
// hours.
func (r Rule) open(zones []string, at time.Time) bool {
	for _, name := range zones {
		place, err := time.LoadLocation(name)
		if err != nil {
			return false
		}
		clock := at.In(place)
		minute := (int(clock.Weekday())+6)%7*24*60 + clock.Hour()*60 + clock.Minute()
		inside := func(s campaign.Span) bool { return s.From <= minute && minute < s.To }
		if !slices.ContainsFunc(r.Open, inside) || slices.Contains(r.LeftOut, clock.Format(time.DateOnly)) {
			return false
		}
	}
	return len(zones) > 0
}

// ending judges the reason of a contact that has ended. A final call gives it: of
// several an answered one, and then the last. Else the last call does, if all
// calls are used. Else it must be a reason that the run allows.
func (c *comparison) ending(rule Rule, k app.ContactRecord, h *history) {
	calls, decides := h.calls, rule.decides(h.calls)
	switch {
	case h.called && k.Reason == campaign.ReasonUnresolved:
	case decides != nil:
		if may := decides.dispositions(); !slices.Contains(may, campaign.Disposition(k.Reason)) {
			c.broken("I4", "contact %d ended as %s; its call %s was %s", k.ID, k.Reason, decides.UUID, may[0])
		}
	case slices.ContainsFunc(calls, func(call contactCall) bool { return rule.mayBeFinal(call.Call, campaign.Disposition(k.Reason)) }):
	case c.mayEnd(rule, k):
	case len(calls) == 0 && (k.Reason == campaign.ReasonUnresolved || slices.Contains(campaign.Dispositions, campaign.Disposition(k.Reason))):
		c.result.NeverCalled++
		c.broken("I4", "contact %d was never called, and ended as %s", k.ID, k.Reason)
	default:
		c.broken("I4", "contact %d ended as %s after %d of %d calls, for which there is no cause", k.ID, k.Reason, len(calls), rule.Attempts)
	}
}

// decides is the call that gives a contact's reason, or nil.
func (r Rule) decides(calls []contactCall) (found *contactCall) {
	for i := range calls {
		if _, again := r.waitAfter(calls[i].Call); !again && (found == nil || calls[i].Answered || !found.Answered) {
			found = &calls[i]
		}
	}
	if found == nil && len(calls) > 0 && len(calls) >= r.Attempts {
		found = &calls[len(calls)-1]
	}
	return found
}

// mayBeFinal reports whether a call could be taken for one that ended like this
// and is final: it is not always told who answered.
func (r Rule) mayBeFinal(call Call, as campaign.Disposition) bool {
	_, again := r.Waits[as]
	return !again && slices.Contains(call.dispositions(), as)
}

// mayEnd reports whether the run gives cause for the reason.
func (c *comparison) mayEnd(rule Rule, k app.ContactRecord) bool {
	if k.Reason == campaign.ReasonSuppressed && c.orders.Suppressed != nil {
		return len(c.orders.Suppressed[k.To]) > 0 || len(c.optedOut[k.To]) > 0
	}
	return rule.Ends[k.Reason]
}

// numbers finds two calls that were up at one number at once, whoever made them.
func (c *comparison) numbers() {
	ours := slices.DeleteFunc(slices.Clone(c.ledger), func(call Call) bool { return call.TokenID == uuid.Nil })
	slices.SortFunc(ours, func(a, b Call) int { return cmp.Or(cmp.Compare(a.To, b.To), a.PlacedAt.Compare(b.PlacedAt)) })
	for i := 1; i < len(ours); i++ {
		before, after := ours[i-1], ours[i]
		if before.To == after.To && (before.EndedAt.IsZero() || before.EndedAt.After(after.PlacedAt)) {
			c.broken("I2", "call %s began while call %s to the same number was up", after.UUID, before.UUID)
		}
	}
	for _, call := range ours {
		if a, ok := c.attempts[call.AttemptID]; (!ok || a.ContactID == 0) && c.within(c.orders.Suppressed[call.To], call.PlacedAt) {
			c.broken("I8", "call %s was made although its number was suppressed", call.UUID)
		}
	}
}

// imports compares each campaign's contacts with the rows that were enqueued.
func (c *comparison) imports(contacts []app.ContactRecord) {
	have := map[string]map[string]int{}
	for _, k := range contacts {
		if have[k.Campaign] == nil {
			have[k.Campaign] = map[string]int{}
		}
		have[k.Campaign][k.To]++
	}
	for name, rule := range c.orders.Rules {
		if rule.Rows == nil {
			continue
		}
		missing, doubled, rows := 0, 0, map[string]bool{}
		for _, number := range rule.Rows {
			rows[number] = true
		}
		for number := range rows {
			if have[name][number] == 0 {
				missing++
			}
		}
		for number, n := range have[name] {
			if n > 1 || !rows[number] {
				doubled++
			}
		}
		if missing+doubled > 0 {
			c.broken("I10", "campaign %q: %d rows of its file are no contacts, and %d contacts are of no row or there twice", name, missing, doubled)
		}
	}
}

// alarms finds those that nothing in the run gives cause for.
func (c *comparison) alarms(raised []campaign.Alarm) {
	for _, a := range raised {
		if c.orders.Alarms != nil && !c.orders.Alarms[a.Kind] {
			c.broken("I14", "the alarm %s was raised, for which there is no cause (attempt %s): %s", a.Kind, a.AttemptID, a.Detail)
		}
	}
}
