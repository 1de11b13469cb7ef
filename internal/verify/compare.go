package verify

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// Call is one call that Vonage really placed, as its own ledger has it.
type Call struct {
	UUID      string
	AttemptID uuid.UUID // from the call's event_url; uuid.Nil when it had none
	TokenID   uuid.UUID // of the token that placed it; uuid.Nil when it is none of ours
	To        string
	PlacedAt  time.Time
	EndedAt   time.Time // zero while the call is up
	Answered  bool
	Price     decimal.Decimal
	Priced    bool // Vonage shows the price by now
}

// Books is what the dialer recorded. The sequences may be long; each is read
// once, attempts before contacts.
type Books struct {
	Attempts iter.Seq2[campaign.Attempt, error]
	Contacts iter.Seq2[campaign.Contact, error]
	ByHand   iter.Seq2[HandCall, error] // nil: there are none
	// Policies holds each campaign's retry policy by campaign id.
	Policies map[int64]campaign.Policy
}

// HandCall is a call that somebody made by hand, of no campaign.
type HandCall struct {
	ID       uuid.UUID            // of its token
	Outcome  campaign.OutcomeKind // "" when none was recorded
	CallUUID string
}

// Finding is one broken promise, with enough to look it up: ids, no numbers.
type Finding struct {
	Invariant string // I1 ... I10 of docs/reliability.md
	What      string
}

// Result is the comparison's bottom line and the findings behind it.
type Result struct {
	Calls           int             // at Vonage
	Attempts        int             // here, past the gate
	ByHand          int             // calls here that somebody made by hand
	RungTwice       int             // contacts called again without the right to
	NeverRung       int             // contacts that ended as called, or undecided, without a call
	PriceDifference decimal.Decimal // sum of the absolute differences, call by call
	Findings        []Finding
}

// Sound reports whether every promise held.
func (r Result) Sound() bool { return len(r.Findings) == 0 }

// Compare holds the books against Vonage's ledger.
func Compare(ledger []Call, books Books) (Result, error) {
	c := comparison{
		byAttempt: map[uuid.UUID][]Call{},
		byToken:   map[uuid.UUID][]Call{},
		byUUID:    make(map[string]*entry, len(ledger)),
		contacts:  map[int64][]attemptCalls{},
		policies:  books.Policies,
		known:     map[uuid.UUID]bool{},
	}
	c.readLedger(ledger)
	if err := c.readAttempts(books.Attempts); err != nil {
		return Result{}, err
	}
	c.findUnknownCalls()
	if err := c.readHandCalls(books.ByHand); err != nil {
		return Result{}, err
	}
	c.judgeAdoptions()
	if err := c.judgeContacts(books.Contacts); err != nil {
		return Result{}, err
	}
	slices.SortFunc(c.result.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Invariant, b.Invariant), cmp.Compare(a.What, b.What))
	})
	return c.result, nil
}

type comparison struct {
	byAttempt map[uuid.UUID][]Call
	byToken   map[uuid.UUID][]Call
	byUUID    map[string]*entry
	contacts  map[int64][]attemptCalls
	policies  map[int64]campaign.Policy
	known     map[uuid.UUID]bool // attempts here
	adopted   []adoption
	result    Result
}

// adoption is a forgotten call and the attempt that it was given.
type adoption struct {
	attempt uuid.UUID
	call    Call
}

// entry is a ledger call and whether an attempt here has its uuid.
type entry struct {
	call  Call
	known bool
}

// attemptCalls is an attempt with the calls that Vonage placed for it.
type attemptCalls struct {
	attempt campaign.Attempt
	calls   []Call
}

func (c *comparison) readLedger(ledger []Call) {
	c.result.Calls = len(ledger)
	for _, call := range ledger {
		c.byUUID[call.UUID] = &entry{call: call}
		c.byAttempt[call.AttemptID] = append(c.byAttempt[call.AttemptID], call)
		c.byToken[call.TokenID] = append(c.byToken[call.TokenID], call)
	}
}

func (c *comparison) readAttempts(attempts iter.Seq2[campaign.Attempt, error]) error {
	for a, err := range attempts {
		if err != nil {
			return fmt.Errorf("read attempts: %w", err)
		}
		if !a.DialedAt.IsZero() {
			c.result.Attempts++
		}
		c.known[a.ID] = true
		calls := c.byAttempt[a.ID]
		if e, ok := c.byUUID[a.CallUUID]; ok && a.Adopted && e.call.AttemptID != a.ID {
			calls = append(slices.Clone(calls), e.call)
			c.adopted = append(c.adopted, adoption{a.ID, e.call})
		}
		if len(calls) > 1 {
			c.find("I1", "attempt %s has %d calls at Vonage", a.ID, len(calls))
		}
		c.checkUUID(a, calls)
		c.contacts[a.ContactID] = append(c.contacts[a.ContactID], attemptCalls{a, calls})
	}
	return nil
}

// checkUUID holds an attempt's uuid and price against the ledger's.
func (c *comparison) checkUUID(a campaign.Attempt, calls []Call) {
	if a.CallUUID == "" {
		for _, call := range calls {
			c.find("I5", "call %s of attempt %s is not known here: the attempt is %s without a uuid", call.UUID, a.ID, a.State)
		}
		return
	}
	e, ok := c.byUUID[a.CallUUID]
	if !ok {
		c.find("I5", "attempt %s has call %s, which Vonage's ledger does not", a.ID, a.CallUUID)
		return
	}
	e.known = true
	if e.call.AttemptID != uuid.Nil && e.call.AttemptID != a.ID && !a.Adopted {
		c.find("I5", "attempt %s has call %s, which Vonage placed for attempt %s", a.ID, a.CallUUID, e.call.AttemptID)
	}
	if e.call.TokenID != uuid.Nil && e.call.TokenID != a.ID && !a.Adopted {
		c.find("I5", "attempt %s has call %s, which was placed with the token of %s", a.ID, a.CallUUID, e.call.TokenID)
	}
	c.checkPrice(a, e.call)
}

func (c *comparison) checkPrice(a campaign.Attempt, call Call) {
	if !call.Priced {
		return
	}
	ours := a.Bill.Price.Decimal // zero when there is none: the difference shows it
	diff := ours.Sub(call.Price).Abs()
	if diff.IsZero() && a.Bill.Price.Valid {
		return
	}
	c.result.PriceDifference = c.result.PriceDifference.Add(diff)
	if !a.Bill.Price.Valid {
		c.find("I6", "attempt %s has no price; Vonage's is %s", a.ID, call.Price.StringFixed(8))
		return
	}
	c.find("I6", "attempt %s costs %s here and %s at Vonage", a.ID, ours.StringFixed(8), call.Price.StringFixed(8))
}

// findUnknownCalls names Vonage's calls that no attempt here explains.
// Calls without an attempt id were placed by somebody else.
func (c *comparison) findUnknownCalls() {
	for id, calls := range c.byAttempt {
		if id == uuid.Nil {
			continue
		}
		for _, call := range calls {
			if !c.byUUID[call.UUID].known {
				c.find("I5", "call %s at Vonage, for attempt %s, stands on no attempt here", call.UUID, id)
			}
		}
	}
}

// readHandCalls holds the calls that people made against the ledger's.
func (c *comparison) readHandCalls(made iter.Seq2[HandCall, error]) error {
	if made == nil {
		return nil
	}
	for h, err := range made {
		if err != nil {
			return fmt.Errorf("read calls made by hand: %w", err)
		}
		c.result.ByHand++
		c.checkHandCall(h, c.byToken[h.ID])
	}
	return nil
}

func (c *comparison) checkHandCall(h HandCall, calls []Call) {
	if len(calls) > 1 {
		c.find("I1", "call %s, made by hand, has %d calls at Vonage", h.ID, len(calls))
	}
	if h.CallUUID != "" && c.byUUID[h.CallUUID] == nil {
		c.find("I5", "call %s, made by hand, is %s, which Vonage's ledger does not have", h.ID, h.CallUUID)
	}
	for _, call := range calls {
		if h.Outcome == campaign.OutcomeRefused || h.CallUUID != "" && h.CallUUID != call.UUID {
			c.find("I5", "call %s, made by hand, is %s at Vonage, and %s %s here", h.ID, call.UUID, h.Outcome, h.CallUUID)
		}
	}
}

// judgeAdoptions finds calls that were adopted although the attempt that they
// were placed for is known here.
func (c *comparison) judgeAdoptions() {
	for _, a := range c.adopted {
		if c.known[a.call.AttemptID] {
			c.find("I5", "attempt %s has call %s, which Vonage placed for attempt %s", a.attempt, a.call.UUID, a.call.AttemptID)
		}
	}
}

func (c *comparison) judgeContacts(contacts iter.Seq2[campaign.Contact, error]) error {
	for contact, err := range contacts {
		if err != nil {
			return fmt.Errorf("read contacts: %w", err)
		}
		attempts := c.contacts[contact.ID]
		if why := rungTwice(c.policies[contact.CampaignID], attempts); why != "" {
			c.result.RungTwice++
			c.find("I3", "contact %d was rung twice: %s", contact.ID, why)
		}
		if why := neverRung(contact, attempts); why != "" {
			c.result.NeverRung++
			c.find("I4", "contact %d was never rung: %s", contact.ID, why)
		}
	}
	return nil
}

// rungTwice says what is wrong with a contact's calls, if anything: each call
// but the first needs an earlier one that had ended and was to be retried.
func rungTwice(policy campaign.Policy, attempts []attemptCalls) string {
	var calls []placed
	for _, a := range attempts {
		for _, call := range a.calls {
			calls = append(calls, placed{call, a.attempt})
		}
	}
	slices.SortFunc(calls, func(a, b placed) int { return a.call.PlacedAt.Compare(b.call.PlacedAt) })
	for i := 1; i < len(calls); i++ {
		before, after := calls[i-1], calls[i]
		switch {
		case before.attempt.ID == after.attempt.ID:
			return fmt.Sprintf("twice for attempt %s", before.attempt.ID)
		case before.call.EndedAt.IsZero() || before.call.EndedAt.After(after.call.PlacedAt):
			return fmt.Sprintf("call %s began while call %s was up", after.call.UUID, before.call.UUID)
		case !mayRepeat(policy, before):
			return fmt.Sprintf("call %s was final (%s), and call %s followed", before.call.UUID, before.attempt.Disposition(), after.call.UUID)
		}
	}
	return ""
}

// placed is a call at Vonage with the attempt that it was made for.
type placed struct {
	call    Call
	attempt campaign.Attempt
}

// mayRepeat reports whether a call's end leaves the contact to be called
// again: by the policy, and, where Vonage says that somebody answered,
// only if the policy asks for answered calls to be repeated.
func mayRepeat(policy campaign.Policy, p placed) bool {
	d := p.attempt.Disposition()
	if _, again := policy.Again[d]; !again {
		return false
	}
	reached := d == campaign.Answered || d == campaign.Human || d == campaign.Machine
	return reached || !p.call.Answered
}

// neverRung says why a contact that should have been rung was not, if so.
// Contacts that still wait, and those that ended for a reason that forbids a
// call, owe nobody one.
func neverRung(contact campaign.Contact, attempts []attemptCalls) string {
	if contact.State != campaign.Done {
		return ""
	}
	for _, a := range attempts {
		if len(a.calls) > 0 {
			return ""
		}
	}
	if contact.Reason == campaign.ReasonUnresolved {
		return "its attempt could not be settled"
	}
	if slices.Contains(campaign.Dispositions, campaign.Disposition(contact.Reason)) {
		return fmt.Sprintf("it ended as %s, and Vonage has no call to it", contact.Reason)
	}
	return ""
}

// findingsLimit bounds the list: beyond it the counts still tell.
const findingsLimit = 1000

func (c *comparison) find(invariant, format string, args ...any) {
	if len(c.result.Findings) < findingsLimit {
		c.result.Findings = append(c.result.Findings, Finding{invariant, fmt.Sprintf(format, args...)})
	}
}
