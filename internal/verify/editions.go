package verify

import (
	"container/heap"
	"slices"
	"strings"
	"time"

	"dialer/campaign"

	"github.com/shopspring/decimal"
)

// Edition is a campaign's terms before an edit: from when the edit that made them was
// typed, to when the command that replaced them had returned.
type Edition struct {
	Terms
	Span
}

// Edited is the rule after an edit whose command began at typed and returned at done.
// done is zero if it is not known whether the edit was made.
func (r Rule) Edited(now Terms, typed, done time.Time) Rule {
	r.Earlier = append(slices.Clone(r.Earlier), Edition{r.Terms, Span{r.Since, done}})
	r.Terms, r.Since = now, typed
	return r
}

// Row is a person's row in a file: from when the command with this file was typed, to
// when the command with the next file had returned.
type Row struct {
	Says   string    // a part of a call's first words; "": not judged
	CallAt time.Time // no call begins before it; zero: at once
	Span
}

// rowsInForce are the rows of a number that may have been used for a call that began at a
// moment.
func (c *comparison) rowsInForce(r Rule, number string, at time.Time) (list []Row) {
	for _, row := range r.People[number] {
		if !c.over(row.Span, at, at) {
			list = append(list, row)
		}
	}
	if says := r.Names[number]; says != "" && len(r.People[number]) == 0 {
		list = append(list, Row{Says: says})
	}
	return list
}

// over reports whether a span is irrelevant for a time: it begins later, or ended so long
// before that no request from it is on its way.
func (c *comparison) over(s Span, from, to time.Time) bool {
	return to.Before(s.From.Add(-c.orders.Slack)) || !s.To.IsZero() && from.After(s.To.Add(c.orders.Late))
}

// inForce are the versions of the rule that may have been used for a call that began at a
// moment, the latest first. There are several while an edit is under way, and for as long
// as an earlier request may be on its way.
func (c *comparison) inForce(r Rule, at time.Time) (list []Rule) {
	return c.between(r, at, at)
}

// between are all versions that were in force at some moment of a time.
func (c *comparison) between(r Rule, from, to time.Time) (list []Rule) {
	editions := append(slices.Clone(r.Earlier), Edition{r.Terms, Span{From: r.Since}})
	for _, e := range slices.Backward(editions) {
		if c.over(e.Span, from, to) {
			continue
		}
		r.Terms = e.Terms
		list = append(list, r)
	}
	return list
}

// campaigns judges the calls of each campaign together: its limits, and the words.
func (c *comparison) campaigns() {
	calls := map[string][]contactCall{}
	gated := map[string][]time.Time{}
	for _, a := range c.attempts {
		if a.Campaign == "" || a.ContactID == 0 {
			continue
		}
		if !a.DialedAt.IsZero() {
			gated[a.Campaign] = append(gated[a.Campaign], a.DialedAt)
		}
		for _, call := range c.byAttempt[a.ID] {
			calls[a.Campaign] = append(calls[a.Campaign], contactCall{call, a.ID, a})
		}
	}
	for name, list := range calls {
		rule, judged := c.orders.Rules[name]
		if !judged {
			continue
		}
		slices.SortFunc(list, func(a, b contactCall) int { return a.PlacedAt.Compare(b.PlacedAt) })
		c.words(rule, list)
		c.rows(rule, list)
		c.atOnce(rule, list)
		c.spent(rule, list)
		slices.SortFunc(gated[name], time.Time.Compare)
		c.perSecond(name, rule, gated[name])
	}
}

// words finds calls whose words were not the campaign's at that time.
func (c *comparison) words(rule Rule, calls []contactCall) {
	for _, call := range calls {
		says := func(r Rule) bool { return strings.Contains(call.Said, r.Says) }
		if list := c.inForce(rule, call.PlacedAt); call.Said != "" && len(list) > 0 && !slices.ContainsFunc(list, says) {
			c.broken("I16", "call %s said what its campaign does not say since an edit", call.UUID)
		}
	}
	c.result.Compared += len(calls)
}

// rows finds calls whose words were not those of the person's row at that time, or that
// came before the row's time.
func (c *comparison) rows(rule Rule, calls []contactCall) {
	for _, call := range calls {
		rows := c.rowsInForce(rule, call.To, call.PlacedAt)
		if len(rows) == 0 {
			continue
		}
		c.result.Compared++
		if !slices.ContainsFunc(rows, func(r Row) bool { return call.Said == "" || strings.Contains(call.Said, r.Says) }) {
			c.broken("I16", "call %s said what its person's row does not say since a file was changed", call.UUID)
		}
		if !slices.ContainsFunc(rows, func(r Row) bool { return !call.PlacedAt.Before(r.CallAt.Add(-c.orders.Slack)) }) {
			c.broken("I16", "call %s began %v before the time of its person's row", call.UUID, rows[0].CallAt.Sub(call.PlacedAt))
		}
	}
}

// most is the largest value of a limit in the rules that were in force; 0: one of them
// had no limit.
func most(rules []Rule, limit func(campaign.Limits) int) (n int) {
	for _, r := range rules {
		if l := limit(r.Limits); l == 0 {
			return 0
		} else if l > n {
			n = l
		}
	}
	return n
}

// upMost is how many calls of a campaign may be up; 0: no limit.
func upMost(l campaign.Limits) int {
	if l.Connected > 0 && (l.AtOnce == 0 || l.Connected < l.AtOnce) {
		return l.Connected
	}
	return l.AtOnce
}

// atOnce finds a call that began although the campaign had as many calls up as it allows.
func (c *comparison) atOnce(rule Rule, calls []contactCall) {
	var up ends
	for _, call := range calls {
		for len(up) > 0 && !up[0].After(call.PlacedAt) {
			heap.Pop(&up)
		}
		if end := call.EndedAt; end.IsZero() {
			heap.Push(&up, c.at.Add(time.Hour))
		} else {
			heap.Push(&up, end)
		}
		if n := most(c.inForce(rule, call.PlacedAt), upMost); n > 0 && len(up) > n {
			c.broken("I7", "call %s was the %dth that was up at once; the campaign allows %d", call.UUID, len(up), n)
		}
	}
	c.result.Compared += len(calls)
}

// ends are when calls end, as a heap.
type ends []time.Time

func (e ends) Len() int           { return len(e) }
func (e ends) Less(i, j int) bool { return e[i].Before(e[j]) }
func (e ends) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *ends) Push(x any)        { *e = append(*e, x.(time.Time)) }
func (e *ends) Pop() (x any) {
	last := len(*e) - 1
	x, *e = (*e)[last], (*e)[:last]
	return x
}

// spent finds a call that made the campaign cost more than its budget.
func (c *comparison) spent(rule Rule, calls []contactCall) {
	sum := decimal.Decimal{}
	for _, call := range calls {
		sum = sum.Add(call.Price)
		list := c.inForce(rule, call.PlacedAt)
		within := func(r Rule) bool { return !r.Limits.Budget.Valid || sum.LessThanOrEqual(r.Limits.Budget.Decimal) }
		if len(list) > 0 && call.Price.IsPositive() && !slices.ContainsFunc(list, within) {
			c.broken("I7", "call %s brought the campaign's cost to %s; its budget was %s", call.UUID, sum, list[0].Limits.Budget.Decimal)
		}
	}
	c.result.Compared += len(calls)
}

// perSecond finds more requests than the campaign's rate allows, by the times of their
// gates. gate compares these with the calls' beginnings.
func (c *comparison) perSecond(name string, rule Rule, gated []time.Time) {
	for i, at := range gated {
		list := c.inForce(rule, at)
		if len(list) != 1 {
			continue // an edit is under way
		}
		n, span := list[0].Limits.PerSecond.Window()
		if n > 0 && i >= n && at.Sub(gated[i-n]) < span {
			c.broken("I7", "campaign %q made more than %d calls in %v, at %s", name, n, span, at.Format(time.RFC3339Nano))
		}
	}
	c.result.Compared += len(gated)
}

// gate finds a call that did not begin between its attempt's gate and its token's end.
func (c *comparison) gate(a contactCall) {
	if a.record.DialedAt.IsZero() || c.orders.Late == 0 {
		return
	}
	c.result.Compared++
	if after := a.PlacedAt.Sub(a.record.DialedAt); after < -c.orders.Slack || after > c.orders.Late+c.orders.Slack {
		c.broken("I1", "call %s began %v after attempt %s passed the gate", a.UUID, after, a.attempt)
	}
}
