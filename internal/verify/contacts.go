package verify

import (
	"cmp"
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
	// called reports whether a person said that an attempt made a call that nobody could
	// name.
	called bool
}

// contactCall is a call at Vonage with the attempt that it was made for.
type contactCall struct {
	Call
	attempt uuid.UUID
	record  app.AttemptRecord
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
		h.calls = append(h.calls, contactCall{call, a.ID, a})
	}
}

// contact judges the calls to one contact, and how it ended.
func (c *comparison) contact(k app.ContactRecord) {
	rule, h := c.orders.Rules[k.Campaign], c.historyOf(cmp.Or(k.CallWith, k.ID))
	if k.CallWith != 0 { // the contact whose calls it shares is judged by itself
		c.shares(rule, k, h)
		return
	}
	slices.SortFunc(h.calls, func(a, b contactCall) int { return a.PlacedAt.Compare(b.PlacedAt) })
	if why := c.calledTwice(rule, k, h.calls); why != "" {
		c.result.CalledTwice++
		c.broken("I3", "contact %d was called twice: %s", k.ID, why)
	}
	for _, call := range h.calls {
		c.gate(call)
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

// shares judges the end of a contact that shares the calls of another one.
func (c *comparison) shares(rule Rule, k app.ContactRecord, h *history) {
	if h.open || k.State != campaign.Done {
		return
	}
	c.results(k, h.attempts)
	c.ending(rule, k, h)
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
	if list := c.inForce(rule, at); !slices.ContainsFunc(list, func(r Rule) bool { return len(r.Open) == 0 || r.open(zones, at) }) {
		return "outside the hours of its zone"
	}
	return ""
}

// within reports whether the request for a call that began at a moment was certainly sent
// within one of the spans.
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

// mayEnd reports whether the run allows the reason.
func (c *comparison) mayEnd(rule Rule, k app.ContactRecord) bool {
	if k.Reason == campaign.ReasonSuppressed && c.orders.Suppressed != nil {
		return len(c.orders.Suppressed[k.To]) > 0 || len(c.optedOut[k.To]) > 0
	}
	return rule.Ends[k.Reason]
}

// numbers finds two calls that were up to one number at once, whoever made them.
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

// alarms finds alarms for which the run gives no cause.
func (c *comparison) alarms(raised []campaign.Alarm) {
	for _, a := range raised {
		if c.orders.Alarms != nil && !c.orders.Alarms[a.Kind] {
			c.broken("I14", "the alarm %s was raised, for which there is no cause (attempt %s): %s", a.Kind, a.AttemptID, a.Detail)
		}
	}
}
