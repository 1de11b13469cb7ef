package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// Ledger is what Vonage did.
type Ledger struct {
	Calls []Call
	// Webhooks are all webhooks that Vonage sent; none: they were not kept, and are not
	// judged.
	Webhooks []Webhook
	// ForgedTaken are webhooks with another one's token that our side accepted.
	ForgedTaken int
}

// Call is one call that Vonage made, from its own ledger.
type Call struct {
	UUID       string
	AttemptID  uuid.UUID // from the call's event_url; uuid.Nil: it had none
	TokenID    uuid.UUID // of the token that requested it; uuid.Nil: not one of ours
	To         string
	PlacedAt   time.Time
	AnsweredAt time.Time
	EndedAt    time.Time // zero: the call is up
	Outcome    string    // how it really ended; "" until it is known
	Answered   bool
	HungUp     bool // by our request
	DurationS  int
	Rate       decimal.Decimal
	Price      decimal.Decimal
	Priced     bool // Vonage shows the price
	// The record of the ended call.
	StartTime, EndTime time.Time
	Network            string
	// Told are the status words of the events that our side acknowledged.
	Told []string
	// The message played and the keys pressed, and what our side acknowledged.
	HeardAt             time.Time // when the message, or a text for machines, was first played to its end
	Machine             bool      // a machine answered, whether that was detected or not
	Keys, KeysTold      []string
	HeardTold, LeftTold bool
	ToldAt              time.Time // when the last of it was reported
	// Unsaid is the member that the call's record lacks; "" for none.
	Unsaid string
	// Unread: the call's record does not say with certainty which number was called. It
	// blocks the proof of absence, and that is an alarm.
	Unread bool
	Said   string // the first spoken words
	// Leg: a key connected the call. It belongs to no attempt.
	Leg bool
	// ParentUntold: no event of the call that opened this leg was received.
	ParentUntold bool
}

// Rule has the rules of a campaign's calls, as they were ordered.
type Rule struct {
	Terms                                // as they are now
	Since   time.Time                    // when the edit that made them was typed; zero: they never changed
	Earlier []Edition                    // the terms before each edit
	Start   time.Time                    // nobody is called before
	Zones   func(number string) []string // the zones of the hours; nil: those in the contact's record
	Rows    []string                     // the numbers that it must have as contacts; nil: not judged
	Names   map[string]string            // a number's words from its row, unless a later file changed them
	People  map[string][]Row             // the rows of a number, one file after the other
	Closed  []Span                       // when it was paused or stopped
	// Words are the meanings of the campaign's keys. OptOut is the key that suppresses
	// the number everywhere; "": none.
	Words  map[string]string
	OptOut string
	// Spoken are the keys that a text may be a word for; nil: there are no words.
	Spoken func(text string) []string
	Ends   map[campaign.Reason]bool // the reasons other than a disposition for which a contact may end
}

// Terms are the parts of a campaign that an edit may change.
type Terms struct {
	Retry campaign.Policy // who is called again, how often, and when
	// Open has the minutes of the week at which calls may begin; empty: all.
	Open    []campaign.Span
	LeftOut []string // dates on which no call may begin
	Limits  campaign.Limits
	// Says is a part of each call's first words; "": not judged.
	Says string
}

// Span is a time, from the moment at which a command had returned.
type Span struct{ From, To time.Time } // To is zero if the span never ended

// Orders are people's orders while the calls were made, and the effects that the run
// itself allows.
type Orders struct {
	Rules map[string]Rule // by the campaign's name
	// Suppressed is when each number must not be called; nil: not known, so suppressions
	// are not judged.
	Suppressed map[string][]Span
	// Lifted is when somebody took each number off the list again.
	Lifted map[string][]time.Time
	// Late is how long after an order a call may still begin if its request was sent
	// before: the life of its token.
	Late time.Duration
	// Slack is how much earlier a call may seem than it was: clocks differ, and
	// records have whole seconds.
	Slack time.Duration
	// Alarms are the kinds of alarms for which the run gives cause; nil: not judged.
	Alarms map[string]bool
	// Called are the attempts that made a call that nobody could name, as a person said.
	Called map[uuid.UUID]bool
	// Kept is how long Vonage keeps a record after its call; zero: whether each leg is
	// listed is not judged.
	Kept time.Duration
}

// Finding is one broken promise, or something that is not settled yet. It has ids to look
// it up, but no numbers.
type Finding struct {
	Invariant string // I1 ... I16 of docs/internals/reliability.md
	What      string
	Pending   bool // no contradiction: a webhook, a price or a proof is still to come
}

// Result is the counts and the findings.
type Result struct {
	Calls           int             // at Vonage
	Attempts        int             // here, past the gate
	Manual          int             // of these, manual calls
	Compared        int             // fields that were equal, or found to differ
	CalledTwice     int             // contacts that were called again without permission
	NeverCalled     int             // contacts that ended as called, or as unresolved, without a call
	Said            map[string]int  // attempts that were heard, whose text a machine got, and that had each result
	PriceDifference decimal.Decimal // sum of the absolute differences, call by call
	Broken          []Finding
	Pending         []Finding
}

// Sound reports whether no promise is broken.
func (r Result) Sound() bool { return len(r.Broken) == 0 }

// Settled reports whether nothing is still to come.
func (r Result) Settled() bool { return len(r.Pending) == 0 }

// Compare compares the dialer's records with Vonage's ledger, which must have
// been read after them.
func Compare(ledger Ledger, records app.Records, orders Orders) Result {
	c := newComparison(ledger.Calls, records, orders)
	c.findOptOuts(records.Attempts)
	for _, a := range records.Attempts {
		c.attempt(a)
	}
	c.unknownCalls()
	c.webhooks(ledger, records.Events)
	c.legs(records)
	c.campaigns()
	c.numbers()
	for _, k := range records.Contacts {
		c.contact(k)
	}
	c.imports(records.Contacts)
	c.alarms(records.Alarms)
	c.optOuts(records.Suppressed)
	for _, list := range [][]Finding{c.result.Broken, c.result.Pending} {
		slices.SortFunc(list, func(a, b Finding) int {
			return cmp.Or(cmp.Compare(a.Invariant, b.Invariant), cmp.Compare(a.What, b.What))
		})
	}
	return c.result
}

type comparison struct {
	orders    Orders
	at        time.Time // of the records
	ledger    []Call    // without legs
	opened    []Call    // the legs
	byAttempt map[uuid.UUID][]Call
	byToken   map[uuid.UUID][]Call
	byUUID    map[string]*entry
	attempts  map[uuid.UUID]app.AttemptRecord
	optedOut  map[string][]optOut // by number
	contacts  map[int64]*history
	result    Result
}

// entry is a ledger call and whether an attempt here has its uuid.
type entry struct {
	call  Call
	known bool
}

func newComparison(all []Call, records app.Records, orders Orders) *comparison {
	ledger := slices.DeleteFunc(slices.Clone(all), func(call Call) bool { return call.Leg })
	c := &comparison{
		orders: orders, at: records.At, ledger: ledger, opened: slices.DeleteFunc(slices.Clone(all), func(call Call) bool { return !call.Leg }),
		byAttempt: map[uuid.UUID][]Call{}, byToken: map[uuid.UUID][]Call{}, byUUID: make(map[string]*entry, len(ledger)),
		attempts: make(map[uuid.UUID]app.AttemptRecord, len(records.Attempts)), contacts: map[int64]*history{}, optedOut: map[string][]optOut{},
		result: Result{Calls: len(ledger), Said: map[string]int{}},
	}
	for _, call := range ledger {
		c.byUUID[plainUUID(call.UUID)] = &entry{call: call}
		c.byAttempt[call.AttemptID] = append(c.byAttempt[call.AttemptID], call)
		c.byToken[call.TokenID] = append(c.byToken[call.TokenID], call)
	}
	for _, a := range records.Attempts {
		c.attempts[a.ID] = a
	}
	return c
}

// plainUUID is a uuid in one spelling.
func plainUUID(s string) string { return strings.ToLower(strings.ReplaceAll(s, "-", "")) }

// attempt judges one attempt, and keeps its calls for its contact.
func (c *comparison) attempt(a app.AttemptRecord) {
	if !a.DialedAt.IsZero() {
		c.result.Attempts++
	}
	calls := c.callsOf(a)
	if e, ok := c.byUUID[plainUUID(a.CallUUID)]; ok && a.Recovered && e.call.AttemptID != a.ID {
		// A restored database has forgotten the attempt that this call was made for.
		if _, known := c.attempts[e.call.AttemptID]; known {
			c.broken("I5", "attempt %s has call %s, which Vonage made for attempt %s", a.ID, a.CallUUID, e.call.AttemptID)
		}
		calls = append(slices.Clone(calls), e.call)
	}
	if len(calls) > 1 {
		c.broken("I1", "attempt %s has %d calls at Vonage", a.ID, len(calls))
	}
	c.uuid(a, calls)
	if a.ContactID != 0 {
		h := c.historyOf(a.ContactID)
		h.add(a, calls)
		h.called = h.called || c.orders.Called[a.ID]
	}
}

// callsOf are the calls that Vonage made for an attempt. A manual call's own event_url
// need not name the attempt, so its calls are found by their token, which only that
// attempt has.
func (c *comparison) callsOf(a app.AttemptRecord) []Call {
	if a.Kind != campaign.ManualCall {
		return c.byAttempt[a.ID]
	}
	c.result.Manual++
	if a.TokenID == uuid.Nil {
		return nil
	}
	return c.byToken[a.TokenID]
}

// uuid compares an attempt's call uuid with its calls.
func (c *comparison) uuid(a app.AttemptRecord, calls []Call) {
	if a.CallUUID == "" {
		if c.orders.Called[a.ID] {
			c.calledByWord(a, calls)
			return
		}
		for _, call := range calls {
			c.unless(a.State.Open(), "I5", "call %s of attempt %s is not known here: the attempt is %s without a uuid", call.UUID, a.ID, a.State)
		}
		return
	}
	e, ok := c.byUUID[plainUUID(a.CallUUID)]
	if !ok {
		c.broken("I5", "attempt %s has call %s, which Vonage's ledger does not have", a.ID, a.CallUUID)
		return
	}
	e.known = true
	if e.call.AttemptID != uuid.Nil && e.call.AttemptID != a.ID && !a.Recovered {
		c.broken("I5", "attempt %s has call %s, which Vonage made for attempt %s", a.ID, a.CallUUID, e.call.AttemptID)
	}
	if e.call.TokenID != uuid.Nil && e.call.TokenID != a.TokenID && !a.Recovered {
		c.broken("I5", "attempt %s has call %s, which was requested with another token, %s", a.ID, a.CallUUID, e.call.TokenID)
	}
	if a.To != "" && a.To != e.call.To {
		c.broken("I5", "attempt %s is to another number than its call %s", a.ID, a.CallUUID)
	}
	call := e.call
	if call.AttemptID != a.ID {
		call.Told = nil // its events went elsewhere, or to a forgotten attempt
		call.KeysTold, call.HeardTold, call.LeftTold = nil, false, false
	}
	c.fields(a, call)
}

// calledByWord judges an attempt that a person settled without naming its call.
func (c *comparison) calledByWord(a app.AttemptRecord, calls []Call) {
	for _, call := range calls {
		c.byUUID[plainUUID(call.UUID)].known = true
	}
	if a.State != campaign.Lost || len(calls) == 0 {
		c.broken("I5", "attempt %s is %s with %d calls at Vonage; a person said that there was one", a.ID, a.State, len(calls))
	}
}

// unknownCalls finds Vonage's calls that belong to no attempt here. A call that
// names no attempt is not ours, unless a campaign's token requested it: each call
// of a campaign names its attempt.
func (c *comparison) unknownCalls() {
	campaigns := map[uuid.UUID]string{} // by their tokens
	for _, a := range c.attempts {
		if a.Kind != campaign.ManualCall && a.TokenID != uuid.Nil {
			campaigns[a.TokenID] = a.Campaign
		}
	}
	for _, call := range c.ledger {
		_, here := c.attempts[call.AttemptID]
		name, ours := campaigns[call.TokenID]
		switch {
		case here || c.byUUID[plainUUID(call.UUID)].known:
		case call.AttemptID != uuid.Nil:
			c.unless(call.PlacedAt.After(c.at.Add(-readAgo)), "I5", "call %s at Vonage, for attempt %s, belongs to no attempt here", call.UUID, call.AttemptID)
		case ours:
			c.broken("I1", "call %s at Vonage names no attempt, and was requested with a token of campaign %q", call.UUID, name)
		}
	}
}

// readAgo is how far the clocks of Vonage and of the database may differ.
const readAgo = 10 * time.Second

// findingsLimit bounds each list. The counts include the rest.
const findingsLimit = 1000

func (c *comparison) broken(invariant, format string, args ...any) {
	if len(c.result.Broken) < findingsLimit {
		c.result.Broken = append(c.result.Broken, Finding{Invariant: invariant, What: fmt.Sprintf(format, args...)})
	}
}

func (c *comparison) pending(invariant, format string, args ...any) {
	if len(c.result.Pending) < findingsLimit {
		c.result.Pending = append(c.result.Pending, Finding{Invariant: invariant, What: fmt.Sprintf(format, args...), Pending: true})
	}
}

// unless adds a finding: pending if something that is still to come may correct it, or
// else broken.
func (c *comparison) unless(toCome bool, invariant, format string, args ...any) {
	if toCome {
		c.pending(invariant, format, args...)
		return
	}
	c.broken(invariant, format, args...)
}

// recent reports whether a call ended so late that reports about it may have come after
// the records were read.
func (c *comparison) recent(call Call) bool {
	return call.EndedAt.IsZero() || call.EndedAt.After(c.at.Add(-readAgo))
}
