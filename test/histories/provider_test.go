package histories

import (
	"strconv"
	"time"

	"dialer/campaign"

	"github.com/shopspring/decimal"
)

// provider has what really happens: the calls and how they ended.
type provider struct {
	calls []call
	// While the list is stale it shows nothing of the last hour, as a replica
	// without replication does. While it is down it cannot be read.
	staleFrom, staleTo time.Time
	downFrom, downTo   time.Time
	answers            []campaign.Outcome  // to the POSTs
	records            []campaign.Evidence // of the last reading; the memory is reused
}

// call is one call that Vonage made.
type call struct {
	uuid         string
	conversation string
	by           attemptRef // its attempt; p is -1: another caller's
	denied       bool       // Vonage said that it did not make it
	created      time.Time
	listed       time.Time // when the list begins to show it
	missed       bool      // one reading of the list will lack it
	end          time.Time
	ending       campaign.Disposition
	detected     bool // the webhook that says human or machine arrives
	seconds      int
	// The price is known from pricedAt on, the corrected one from correctedAt on.
	price, corrected      decimal.NullDecimal
	pricedAt, correctedAt time.Time
}

func (h *history) resetProvider() {
	h.provider = provider{calls: h.calls[:0], answers: h.answers[:0], records: h.records[:0]}
	if h.chance(0.1) {
		h.staleFrom = h.begin.Add(h.upTo(time.Hour))
		h.staleTo = h.staleFrom.Add(h.upTo(time.Hour))
	}
	if h.params.outage > 0 {
		h.downFrom, h.downTo = h.begin, h.begin.Add(h.params.outage)
	}
}

// addAnswer keeps the answer to a POST and returns its index.
func (h *history) addAnswer(o campaign.Outcome) int {
	h.answers = append(h.answers, o)
	return len(h.answers) - 1
}

// post is a POST /calls that reaches Vonage. It returns the index of the answer,
// and how long the answer takes.
func (h *history) post(at attemptRef, expires time.Time) (answer int, takes time.Duration) {
	if !h.now.Before(expires) && !h.without(tokenExpiry) {
		h.logf("provider: attempt %d of contact %d arrives after its token expired: 401", at.i, at.p)
		return h.addAnswer(refused(campaign.RefusedAuth)), 0
	}
	fault := h.drawFault()
	if h.logged {
		h.logf("provider: POST of attempt %d of contact %d: %s", at.i, at.p, fault.name)
	}
	takes = h.upTo(clientTimeout / 2)
	answer = h.addAnswer(fault.outcome)
	if fault.made {
		c := h.placeCall(at)
		c.denied = fault.outcome.Kind == campaign.OutcomeRefused
		if fault.outcome.Kind == campaign.OutcomeCreated {
			h.answers[answer].Evidence = campaign.Evidence{
				Source: campaign.FromResponse, CallUUID: c.uuid, ConversationUUID: c.conversation, Status: "started", Direction: "outbound",
			}
		}
	}
	if fault.late {
		takes = clientTimeout
	}
	return answer, takes
}

// fault is what happens to a POST.
type fault struct {
	name    string
	made    bool // the call
	late    bool // the answer comes after the client's timeout
	outcome campaign.Outcome
}

var (
	unknown = campaign.Outcome{Kind: campaign.OutcomeUnknown}
	created = fault{"201", true, false, campaign.Outcome{Kind: campaign.OutcomeCreated}}

	faults = []fault{
		{"500, no call", false, false, unknown},
		{"500, call made", true, false, unknown},
		{"cut before the call was made", false, false, unknown},
		{"cut after the call was made", true, false, unknown},
		{"answered too late", true, true, unknown},
		{"201 that cannot be read", true, false, campaign.Outcome{Kind: campaign.OutcomeUnknown, MustExist: true}},
		{"429", false, false, refused(campaign.RefusedRate)},
		{"no connection", false, false, refused(campaign.RefusedUnreachable)},
		{"403", false, false, refused(campaign.RefusedAccount)},
	}
	invalid = fault{"400", false, false, refused(campaign.RefusedInvalid)}
	denials = []fault{
		{"429, call made", true, false, refused(campaign.RefusedRate)},
		{"no connection, call made", true, false, refused(campaign.RefusedUnreachable)},
	}
)

func refused(why campaign.Refusal) campaign.Outcome {
	return campaign.Outcome{Kind: campaign.OutcomeRefused, Refusal: why}
}

// drawFault draws what happens to a POST. After six hours nothing fails.
func (h *history) drawFault() fault {
	switch {
	case h.now.Sub(h.begin) > 6*time.Hour || !h.chance(h.params.faults):
		return created
	case h.params.kind == lying && h.chance(0.5):
		return pick(h, denials)
	case h.chance(0.03):
		return invalid
	}
	return pick(h, faults)
}

// newCall adds a call that begins now, and returns its index.
func (h *history) newCall(by attemptRef) int {
	n := len(h.calls)
	c := call{uuid: "call-?", conversation: "CON-?", by: by, created: h.now, listed: h.now.Add(h.upTo(settleAfter))}
	if n < len(callNames) {
		c.uuid, c.conversation = callNames[n], conversations[n]
	}
	h.calls = append(h.calls, c)
	return n
}

// The names of a history's calls, more than any history has.
var callNames, conversations = numbered("call-"), numbered("CON-")

func numbered(prefix string) (names [64]string) {
	for i := range names {
		names[i] = prefix + strconv.Itoa(i)
	}
	return names
}

// placeCall makes a call and draws what happens to it.
func (h *history) placeCall(at attemptRef) *call {
	h.checkCall(at)
	n := h.newCall(at)
	c := &h.calls[n]
	if h.params.kind == listLate && h.chance(0.5) {
		c.listed = h.now.Add(settleAfter + h.upTo(time.Hour))
	}
	c.missed = h.params.kind != shared && h.chance(0.3)
	h.script(n)
	h.priceCall(c)
	if h.logged {
		h.logf("provider: %s begins, and will end as %s", c.uuid, c.ending)
	}
	return c
}

var endings = []campaign.Disposition{
	campaign.Answered, campaign.Answered, campaign.Human, campaign.Machine,
	campaign.Busy, campaign.Busy, campaign.Timeout, campaign.Failed, campaign.Unanswered, campaign.Cancelled, campaign.Rejected,
}

// script draws the call's end and sends its webhooks. The call is given by its
// index, because the slice of calls grows.
func (h *history) script(n int) {
	c := &h.calls[n]
	c.ending = pick(h, endings)
	h.webhook(n, "started", 0)
	h.webhook(n, "ringing", time.Second)
	at := time.Second + h.upTo(50*time.Second)
	switch c.ending {
	case campaign.Answered, campaign.Human, campaign.Machine:
		h.webhook(n, "answered", at)
		if c.ending != campaign.Answered {
			c.detected = h.webhook(n, string(c.ending), at+2*time.Second)
		}
		c.seconds = 3 + h.rng.IntN(120)
		at += time.Duration(c.seconds) * time.Second
	case campaign.Rejected:
		c.end = c.created.Add(at)
		h.webhook(n, "rejected", at)
		return
	default:
		h.webhook(n, string(c.ending), at)
		if h.chance(0.2) { // completed usually follows, but not always
			c.end = c.created.Add(at)
			return
		}
		at += 10 * time.Millisecond
	}
	c.end = c.created.Add(at)
	h.webhook(n, "completed", at)
}

// webhook sends one. It may be lost, late, duplicated or out of order. It reports
// whether it arrives.
func (h *history) webhook(n int, status string, at time.Duration) bool {
	c := &h.calls[n]
	if c.by.p < 0 || h.chance(h.params.lost) {
		return false
	}
	reached := c.created.Add(at)
	delay := h.upTo(2 * time.Second)
	if h.chance(h.params.late) {
		delay = h.upTo(time.Hour)
	}
	deliver := event{do: (*history).receive, n: n, status: status, since: reached}
	h.after(at+delay, deliver)
	if h.chance(0.1) {
		h.after(at+delay+h.upTo(time.Hour), deliver)
	}
	return true
}

// receive is storage's Receive.
func (h *history) receive(w event) {
	c := &h.calls[w.n]
	e := campaign.Evidence{
		Source: campaign.FromEvent, CallUUID: c.uuid, ConversationUUID: c.conversation, Status: w.status, Direction: "outbound",
		To: theirNumber, From: ourNumber, At: w.since, ObservedAt: h.now,
	}
	if w.status == "completed" {
		e.Bill = h.bill(c, w.since)
	}
	h.fold(c.by, &e, campaign.Provider)
}

// priceCall draws what a call costs, when that is known, and whether it is
// corrected later.
func (h *history) priceCall(c *call) {
	c.price = decimal.NewNullDecimal(decimal.New(int64(c.seconds)*100_000+int64(h.rng.IntN(1000)), -8))
	c.pricedAt = c.end
	if h.chance(0.3) {
		c.pricedAt = c.end.Add(h.upTo(time.Hour))
	}
	if h.params.corrected {
		c.corrected = decimal.NewNullDecimal(c.price.Decimal.Add(decimal.New(1, -8)))
		c.correctedAt = c.pricedAt.Add(h.upTo(24 * time.Hour))
	}
}

// bill is the call's bill as known at a time after its end.
func (h *history) bill(c *call, at time.Time) campaign.Bill {
	return campaign.Bill{Duration: &c.seconds, StartTime: c.created, EndTime: c.end, Network: "23420", Price: c.priceAt(at)}
}

// priceAt is the price as known at a time after the call's end.
func (c *call) priceAt(at time.Time) decimal.NullDecimal {
	switch {
	case c.corrected.Valid && !at.Before(c.correctedAt):
		return c.corrected
	case !at.Before(c.pricedAt):
		return c.price
	}
	return decimal.NullDecimal{}
}

// finalPrice is what the call costs in the end.
func (c *call) finalPrice() decimal.NullDecimal {
	if c.corrected.Valid {
		return c.corrected
	}
	return c.price
}

// list is GET /calls over everything that Vonage still keeps, filtered. whole is
// false if a page failed. proven is false if the list lacks calls that it must
// show.
func (h *history) list(filter func(*call) bool) (found []campaign.Evidence, whole, proven bool) {
	if within(h.now, h.downFrom, h.downTo) || h.chance(0.05) {
		return nil, false, true
	}
	stale := within(h.now, h.staleFrom, h.staleTo)
	lastHour, kept := h.now.Add(-time.Hour), h.now.Add(-retention)
	h.records = h.records[:0]
	for n := range h.calls {
		c := &h.calls[n]
		switch {
		case h.now.Before(c.listed) || c.created.Before(kept) || stale && c.created.After(lastHour):
		case c.missed && c.by.p >= 0:
			c.missed = false
		case filter(c):
			h.records = append(h.records, h.listRecord(c))
		}
	}
	return h.records, true, !stale
}

// listStatus is the status that the list shows.
func (h *history) listStatus(c *call) string {
	switch {
	case h.now.Before(c.end):
		return "ringing"
	case c.seconds > 0:
		return "completed"
	}
	return string(c.ending)
}

// listRecord is the list's record of a call. It has no start before the call
// ends.
func (h *history) listRecord(c *call) campaign.Evidence {
	e := campaign.Evidence{
		Source: campaign.FromList, CallUUID: c.uuid, ConversationUUID: c.conversation, Status: h.listStatus(c), Direction: "outbound",
		To: theirNumber, From: ourNumber, ObservedAt: h.now,
	}
	if !h.now.Before(c.end) {
		e.At, e.Bill = c.created, h.bill(c, h.now)
	}
	return e
}

func within(now, from, to time.Time) bool { return !now.Before(from) && now.Before(to) }

// otherCall is a call of another caller between the same two numbers.
func (h *history) otherCall(event) {
	n := h.newCall(attemptRef{p: -1})
	h.script(n)
	h.priceCall(&h.calls[n])
	h.logf("provider: %s is another caller's, and will end as %s", h.calls[n].uuid, h.calls[n].ending)
}
