package verify

import (
	"slices"
	"strconv"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/shopspring/decimal"
)

// billedMember is a member of a call's record that comes with its price: Vonage's value
// and ours.
type billedMember struct {
	name       string
	vonage     func(Call) string
	here       func(app.AttemptRecord) string
	onlyByList bool   // an event words it differently
	member     string // its name in the record
}

var billed = []billedMember{
	{"price", func(c Call) string { return digits(c.Price) }, func(a app.AttemptRecord) string { return digits(a.Price.Decimal) }, false, "price"},
	{"rate", func(c Call) string { return digits(c.Rate) }, func(a app.AttemptRecord) string { return digits(a.Rate.Decimal) }, false, "rate"},
	{"duration", func(c Call) string { return strconv.Itoa(c.DurationS) }, func(a app.AttemptRecord) string { return number(a.DurationS) }, false, "duration"},
	{"start", func(c Call) string { return second(c.StartTime) }, func(a app.AttemptRecord) string { return second(a.StartTime) }, false, "start_time"},
	{"end", func(c Call) string { return second(c.EndTime) }, func(a app.AttemptRecord) string { return second(a.EndTime) }, false, "end_time"},
	{"network", func(c Call) string { return c.Network }, func(a app.AttemptRecord) string { return a.Network }, true, "network"},
}

// none is our value if nothing was reported.
func (f billedMember) none() string { return f.here(app.AttemptRecord{}) }

func digits(d decimal.Decimal) string { return d.StringFixed(8) }

func number(n *int) string {
	if n == nil {
		return "none"
	}
	return strconv.Itoa(*n)
}

func second(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// fields compares everything that is known about an attempt's call.
func (c *comparison) fields(a app.AttemptRecord, call Call) {
	c.statuses(a, call)
	if call.EndedAt.IsZero() {
		return
	}
	if a.State != campaign.Ended {
		c.pending("I12", "attempt %s is %s, and its call %s has ended", a.ID, a.State, call.UUID)
	} else if may := call.dispositions(); !slices.Contains(may, a.Disposition) {
		c.broken("I12", "attempt %s ended as %s; its call %s was %s", a.ID, a.Disposition, call.UUID, may[0])
	}
	c.answeredAt(a, call)
	c.said(a, call)
	c.bill(a, call)
}

// bill compares the price and the members that come with it.
func (c *comparison) bill(a app.AttemptRecord, call Call) {
	if !call.Priced {
		return
	}
	if !a.Price.Valid {
		c.pending("I6", "attempt %s has no price yet; Vonage's is %s", a.ID, digits(call.Price))
		return
	}
	c.result.PriceDifference = c.result.PriceDifference.Add(a.Price.Decimal.Sub(call.Price).Abs())
	for _, f := range billed {
		if f.onlyByList && a.BillSource != campaign.FromList || f.member == call.Unsaid && f.here(a) == f.none() {
			continue
		}
		c.result.Compared++
		if here, there := f.here(a), f.vonage(call); here != there {
			c.broken("I6", "attempt %s has %s %s here and %s at Vonage", a.ID, f.name, here, there)
		}
	}
}

// answeredTolerance is how far an event's time may be from the answer itself.
const answeredTolerance = 100 * time.Millisecond

// answeredAt compares the time of the answer, if an event reported it. A record of the
// list that shows the call answered may have been read before by our clock, which may be
// behind.
func (c *comparison) answeredAt(a app.AttemptRecord, call Call) {
	if !slices.Contains(call.Told, "answered") {
		return
	}
	c.result.Compared++
	if late := a.AnsweredAt.Sub(call.AnsweredAt); late > answeredTolerance || late < -max(answeredTolerance, c.orders.Slack) {
		c.unless(a.State.Open() || c.recent(call), "I12", "attempt %s was answered %v from when its call %s was", a.ID, late.Abs(), call.UUID)
	}
}

// statuses compares Vonage's status words with the stored ones: each word that was
// reported is a stored webhook and a word of the attempt, and no word is impossible for
// such a call. Reports about a call that ended just now may have come after the records
// were read.
func (c *comparison) statuses(a app.AttemptRecord, call Call) {
	for _, word := range call.Told {
		c.result.Compared++
		if !slices.Contains(a.Events, word) {
			c.unless(c.recent(call), "I13", "the webhook %s of call %s was answered 200 and is not stored for attempt %s", word, call.UUID, a.ID)
		}
		if !slices.Contains(a.Statuses, word) {
			c.unless(a.State.Open() || c.recent(call), "I12", "attempt %s does not show the status %s of its call %s", a.ID, word, call.UUID)
		}
	}
	for _, word := range a.Statuses {
		if !slices.Contains(call.words(), word) {
			c.broken("I12", "attempt %s shows the status %s, which its call %s never had", a.ID, word, call.UUID)
		}
	}
}

// words are the statuses that the call may have had.
func (c Call) words() []string {
	words := []string{"started", "ringing", "completed"}
	if c.Answered {
		words = append(words, "answered")
	}
	if c.Outcome != "" {
		words = append(words, c.Outcome)
	}
	return words
}

// dispositions are the possible recorded dispositions of the ended call, the true one
// first. Only an event reports who answered, so without that event only "answered" can be
// known. Our own hang-up says nothing about the person.
func (c Call) dispositions() []campaign.Disposition {
	truth := campaign.Disposition(c.Outcome)
	switch {
	case c.HungUp && !c.Answered:
		return []campaign.Disposition{campaign.Cancelled, campaign.Unexplained}
	case !c.Answered && c.Unsaid == "status" && !slices.Contains(c.Told, c.Outcome):
		return []campaign.Disposition{truth, campaign.Unexplained}
	case !c.Answered:
		return []campaign.Disposition{truth}
	case slices.Contains(c.Told, c.Outcome):
		return []campaign.Disposition{truth}
	case c.DurationS == 0 && !slices.ContainsFunc(c.Told, isAnswer):
		return []campaign.Disposition{truth, campaign.Answered, campaign.Unexplained}
	}
	return []campaign.Disposition{truth, campaign.Answered}
}

func isAnswer(word string) bool { return word == "answered" || word == "human" || word == "machine" }
