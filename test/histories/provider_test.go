package histories

import (
	"strconv"
	"time"

	"dialer/campaign"

	"github.com/shopspring/decimal"
)

// provider is what really happens: who was rung, and how it ended.
type provider struct {
	calls []call // by their numbers
	// blind is when the list shows nothing of the last hour, as a replica that
	// stands still does. away is when it cannot be read at all.
	blindFrom, blindTo time.Time
	awayFrom, awayTo   time.Time
	said               []campaign.Outcome  // what came back to the POSTs, by its number
	read               []campaign.Evidence // the last reading, kept for its room
}

// call is one call that Vonage placed.
type call struct {
	uuid         string
	conversation string
	by           place // the attempt that it is of; p is -1 for a stranger's
	lied         bool  // it was said not to have been placed
	created      time.Time
	listed       time.Time // from when on the list shows it
	missed       bool      // one reading of the list will leave it out
	end          time.Time
	truth        campaign.Disposition
	told         bool // the word that tells a person from a machine got through
	seconds      int
	// The price, from pricedAt on; and the corrected one, from correctedAt on.
	price, corrected      decimal.NullDecimal
	pricedAt, correctedAt time.Time
}

func (w *world) drawProvider() {
	w.provider = provider{calls: w.calls[:0], said: w.said[:0], read: w.read[:0]}
	if w.chance(0.1) {
		w.blindFrom = w.begin.Add(w.upTo(time.Hour))
		w.blindTo = w.blindFrom.Add(w.upTo(time.Hour))
	}
	if w.terms.outage > 0 {
		w.awayFrom, w.awayTo = w.begin, w.begin.Add(w.terms.outage)
	}
}

// say keeps what comes back to a POST, and returns its number.
func (w *world) say(o campaign.Outcome) int {
	w.said = append(w.said, o)
	return len(w.said) - 1
}

// post is POST /calls as it reaches Vonage: what comes back, by its
// number, and after how long.
func (w *world) post(at place, expires time.Time) (said int, takes time.Duration) {
	if !w.now.Before(expires) && !w.lacks(tokenExpiry) {
		w.tell("provider: attempt %d of person %d comes after its token expired: 401", at.i, at.p)
		return w.say(refused(campaign.RefusedAuth)), 0
	}
	fault := w.drawFault()
	if w.told {
		w.tell("provider: POST of attempt %d of person %d: %s", at.i, at.p, fault.name)
	}
	takes = w.upTo(clientMost / 2)
	said = w.say(fault.outcome)
	if fault.placed {
		c := w.ring(at)
		c.lied = fault.outcome.Kind == campaign.OutcomeRefused
		if fault.outcome.Kind == campaign.OutcomeCreated {
			w.said[said].Evidence = campaign.Evidence{
				Source: campaign.FromResponse, CallUUID: c.uuid, ConversationUUID: c.conversation, Status: "started", Direction: "outbound",
			}
		}
	}
	if fault.late {
		takes = clientMost
	}
	return said, takes
}

// fault is a way in which a POST goes.
type fault struct {
	name    string
	placed  bool
	late    bool // the answer comes after nobody waits for it
	outcome campaign.Outcome
}

var (
	unknown = campaign.Outcome{Kind: campaign.OutcomeUnknown}
	created = fault{"201", true, false, campaign.Outcome{Kind: campaign.OutcomeCreated}}

	faults = []fault{
		{"500, not placed", false, false, unknown},
		{"500, placed", true, false, unknown},
		{"cut before it was placed", false, false, unknown},
		{"cut after it was placed", true, false, unknown},
		{"answered too late", true, true, unknown},
		{"201 that cannot be read", true, false, campaign.Outcome{Kind: campaign.OutcomeUnknown, MustExist: true}},
		{"429", false, false, refused(campaign.RefusedRate)},
		{"no connection", false, false, refused(campaign.RefusedUnreachable)},
		{"403", false, false, refused(campaign.RefusedAccount)},
	}
	invalid = fault{"400", false, false, refused(campaign.RefusedInvalid)}
	lies    = []fault{
		{"429, placed", true, false, refused(campaign.RefusedRate)},
		{"no connection, placed", true, false, refused(campaign.RefusedUnreachable)},
	}
)

func refused(why campaign.Refusal) campaign.Outcome {
	return campaign.Outcome{Kind: campaign.OutcomeRefused, Refusal: why}
}

// drawFault draws how a POST goes. Nothing fails for ever.
func (w *world) drawFault() fault {
	switch {
	case w.now.Sub(w.begin) > 6*time.Hour || !w.chance(w.terms.faults):
		return created
	case w.terms.kind == lying && w.chance(0.5):
		return pick(w, lies)
	case w.chance(0.03):
		return invalid
	}
	return pick(w, faults)
}

// newCall adds a call that begins now, and returns its number.
func (w *world) newCall(by place) int {
	n := len(w.calls)
	c := call{uuid: "call-?", conversation: "CON-?", by: by, created: w.now, listed: w.now.Add(w.upTo(settleAfter))}
	if n < len(callNames) {
		c.uuid, c.conversation = callNames[n], conversations[n]
	}
	w.calls = append(w.calls, c)
	return n
}

// The names of a history's calls: more than anybody may be rung.
var callNames, conversations = numbered("call-"), numbered("CON-")

func numbered(prefix string) (names [64]string) {
	for i := range names {
		names[i] = prefix + strconv.Itoa(i)
	}
	return names
}

// ring places a call and draws how it goes.
func (w *world) ring(at place) *call {
	w.checkRing(at)
	n := w.newCall(at)
	c := &w.calls[n]
	if w.terms.kind == tardy && w.chance(0.5) {
		c.listed = w.now.Add(settleAfter + w.upTo(time.Hour))
	}
	c.missed = w.terms.kind != shared && w.chance(0.3)
	w.script(n)
	w.priceCall(c)
	if w.told {
		w.tell("provider: %s rings, and will end as %s", c.uuid, c.truth)
	}
	return c
}

var fates = []campaign.Disposition{
	campaign.Answered, campaign.Answered, campaign.Human, campaign.Machine,
	campaign.Busy, campaign.Busy, campaign.Timeout, campaign.Failed, campaign.Unanswered, campaign.Cancelled, campaign.Rejected,
}

// script draws the call's end and sends its webhooks. The call is given by its
// number, since the list of calls grows.
func (w *world) script(n int) {
	c := &w.calls[n]
	c.truth = pick(w, fates)
	w.webhook(n, "started", 0)
	w.webhook(n, "ringing", time.Second)
	at := time.Second + w.upTo(50*time.Second)
	switch c.truth {
	case campaign.Answered, campaign.Human, campaign.Machine:
		w.webhook(n, "answered", at)
		if c.truth != campaign.Answered {
			c.told = w.webhook(n, string(c.truth), at+2*time.Second)
		}
		c.seconds = 3 + w.rng.IntN(120)
		at += time.Duration(c.seconds) * time.Second
	case campaign.Rejected:
		c.end = c.created.Add(at)
		w.webhook(n, "rejected", at)
		return
	default:
		w.webhook(n, string(c.truth), at)
		if w.chance(0.2) { // completed follows as a rule, and not always
			c.end = c.created.Add(at)
			return
		}
		at += 10 * time.Millisecond
	}
	c.end = c.created.Add(at)
	w.webhook(n, "completed", at)
}

// webhook sends one, which may be lost, late, doubled and superseded. It reports
// whether it comes through.
func (w *world) webhook(n int, word string, at time.Duration) bool {
	c := &w.calls[n]
	if c.by.p < 0 || w.chance(w.terms.lost) {
		return false
	}
	told := c.created.Add(at)
	delay := w.upTo(2 * time.Second)
	if w.chance(w.terms.late) {
		delay = w.upTo(time.Hour)
	}
	deliver := event{do: (*world).receive, n: n, word: word, since: told}
	w.after(at+delay, deliver)
	if w.chance(0.1) {
		w.after(at+delay+w.upTo(time.Hour), deliver)
	}
	return true
}

// receive is storage's Receive.
func (w *world) receive(told event) {
	c := &w.calls[told.n]
	e := campaign.Evidence{
		Source: campaign.FromEvent, CallUUID: c.uuid, ConversationUUID: c.conversation, Status: told.word, Direction: "outbound",
		To: theirNumber, From: ourNumber, At: told.since, ObservedAt: w.now,
	}
	if told.word == "completed" {
		e.Bill = w.bill(c, told.since)
	}
	w.fold(c.by, &e, campaign.Provider)
}

// priceCall draws what a call costs, when that is known, and whether it is
// corrected.
func (w *world) priceCall(c *call) {
	c.price = decimal.NewNullDecimal(decimal.New(int64(c.seconds)*100_000+int64(w.rng.IntN(1000)), -8))
	c.pricedAt = c.end
	if w.chance(0.3) {
		c.pricedAt = c.end.Add(w.upTo(time.Hour))
	}
	if w.terms.corrected {
		c.corrected = decimal.NewNullDecimal(c.price.Decimal.Add(decimal.New(1, -8)))
		c.correctedAt = c.pricedAt.Add(w.upTo(24 * time.Hour))
	}
}

// bill is the call's, as it is known at a moment after its end.
func (w *world) bill(c *call, at time.Time) campaign.Bill {
	return campaign.Bill{Duration: &c.seconds, StartTime: c.created, EndTime: c.end, Network: "23420", Price: c.priceAt(at)}
}

// priceAt is the price as it is known at a moment after the call's end.
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

// list is GET /calls over all that Vonage still keeps, or of that what is
// asked for. whole is false where a page failed. proven is false where the list
// lacks calls that it must show.
func (w *world) list(asked func(*call) bool) (found []campaign.Evidence, whole, proven bool) {
	if within(w.now, w.awayFrom, w.awayTo) || w.chance(0.05) {
		return nil, false, true
	}
	blind := within(w.now, w.blindFrom, w.blindTo)
	lastHour, kept := w.now.Add(-time.Hour), w.now.Add(-retention)
	w.read = w.read[:0]
	for n := range w.calls {
		c := &w.calls[n]
		switch {
		case w.now.Before(c.listed) || c.created.Before(kept) || blind && c.created.After(lastHour):
		case c.missed && c.by.p >= 0:
			c.missed = false
		case asked(c):
			w.read = append(w.read, w.entry(c))
		}
	}
	return w.read, true, !blind
}

// word is the status that the list shows.
func (w *world) word(c *call) string {
	switch {
	case w.now.Before(c.end):
		return "ringing"
	case c.seconds > 0:
		return "completed"
	}
	return string(c.truth)
}

// entry is the list's record of a call. It has no start before the call ends.
func (w *world) entry(c *call) campaign.Evidence {
	e := campaign.Evidence{
		Source: campaign.FromList, CallUUID: c.uuid, ConversationUUID: c.conversation, Status: w.word(c), Direction: "outbound",
		To: theirNumber, From: ourNumber, ObservedAt: w.now,
	}
	if !w.now.Before(c.end) {
		e.At, e.Bill = c.created, w.bill(c, w.now)
	}
	return e
}

func within(now, from, to time.Time) bool { return !now.Before(from) && now.Before(to) }

// strangerCalls is somebody else's call between the same two numbers.
func (w *world) strangerCalls(event) {
	n := w.newCall(place{p: -1})
	w.script(n)
	w.priceCall(&w.calls[n])
	w.tell("provider: %s is a stranger's and will end as %s", w.calls[n].uuid, w.calls[n].truth)
}
