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

// Call is one call that Vonage made, from its own ledger.
type Call struct {
	UUID      string
	AttemptID uuid.UUID // from the call's event_url; uuid.Nil: it had none
	TokenID   uuid.UUID // of the token that requested it; uuid.Nil: not one of ours
	To        string
	PlacedAt  time.Time
	EndedAt   time.Time // zero: the call is up
	Answered  bool
	Price     decimal.Decimal
	Priced    bool // Vonage shows the price
}

// Records is what the dialer recorded. The sequences may be long. Each is read
// once, attempts before contacts.
type Records struct {
	Attempts iter.Seq2[campaign.Attempt, error]
	Contacts iter.Seq2[campaign.Contact, error]
	// Policies holds each campaign's retry policy by campaign id.
	Policies map[int64]campaign.Policy
}

// Finding is one broken promise, with enough to look it up: ids, no numbers.
type Finding struct {
	Invariant string // I1 ... I10 of docs/internals/reliability.md
	What      string
}

// Result is the counts and the findings.
type Result struct {
	Calls           int             // at Vonage
	Attempts        int             // here, past the gate
	Manual          int             // of these, manual calls
	CalledTwice     int             // contacts called again although that was not allowed
	NeverCalled     int             // contacts that ended as called, or as unresolved, without a call
	PriceDifference decimal.Decimal // sum of the absolute differences, call by call
	Findings        []Finding
}

// Sound reports whether every promise holds.
func (r Result) Sound() bool { return len(r.Findings) == 0 }

// Compare compares the dialer's records with Vonage's ledger.
func Compare(ledger []Call, records Records) (Result, error) {
	c := comparison{
		byAttempt: map[uuid.UUID][]Call{},
		byToken:   map[uuid.UUID][]Call{},
		byUUID:    make(map[string]*entry, len(ledger)),
		contacts:  map[int64][]attemptCalls{},
		policies:  records.Policies,
		known:     map[uuid.UUID]bool{},
	}
	c.readLedger(ledger)
	if err := c.readAttempts(records.Attempts); err != nil {
		return Result{}, err
	}
	c.findUnknownCalls()
	c.checkRecovered()
	if err := c.checkContacts(records.Contacts); err != nil {
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
	recovered []recoveredCall
	result    Result
}

// recoveredCall is a call that a restored database had forgotten, and the attempt
// that was made for it.
type recoveredCall struct {
	attempt uuid.UUID
	call    Call
}

// entry is a ledger call and whether an attempt here has its uuid.
type entry struct {
	call  Call
	known bool
}

// attemptCalls is an attempt with the calls that Vonage made for it.
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
		calls := c.callsOf(a)
		if e, ok := c.byUUID[a.CallUUID]; ok && a.Recovered && e.call.AttemptID != a.ID {
			calls = append(slices.Clone(calls), e.call)
			c.recovered = append(c.recovered, recoveredCall{a.ID, e.call})
		}
		if len(calls) > 1 {
			c.find("I1", "attempt %s has %d calls at Vonage", a.ID, len(calls))
		}
		c.checkUUID(a, calls)
		if a.Kind != campaign.ManualCall {
			c.contacts[a.ContactID] = append(c.contacts[a.ContactID], attemptCalls{a, calls})
		}
	}
	return nil
}

// callsOf are the calls that Vonage made for an attempt. A manual call's own
// event_url need not name the attempt, so its calls are found by their token,
// which is of that attempt alone.
func (c *comparison) callsOf(a campaign.Attempt) []Call {
	if a.Kind != campaign.ManualCall {
		return c.byAttempt[a.ID]
	}
	c.result.Manual++
	if a.TokenID == uuid.Nil {
		return nil
	}
	return c.byToken[a.TokenID]
}

// checkUUID compares an attempt's uuid and price with the ledger's.
func (c *comparison) checkUUID(a campaign.Attempt, calls []Call) {
	if a.CallUUID == "" {
		for _, call := range calls {
			c.find("I5", "call %s of attempt %s is not known here: the attempt is %s without a uuid", call.UUID, a.ID, a.State)
		}
		return
	}
	e, ok := c.byUUID[a.CallUUID]
	if !ok {
		c.find("I5", "attempt %s has call %s, which Vonage's ledger does not have", a.ID, a.CallUUID)
		return
	}
	e.known = true
	if e.call.AttemptID != uuid.Nil && e.call.AttemptID != a.ID && !a.Recovered {
		c.find("I5", "attempt %s has call %s, which Vonage made for attempt %s", a.ID, a.CallUUID, e.call.AttemptID)
	}
	if e.call.TokenID != uuid.Nil && e.call.TokenID != a.TokenID && !a.Recovered {
		c.find("I5", "attempt %s has call %s, which was requested with another token, %s", a.ID, a.CallUUID, e.call.TokenID)
	}
	c.checkPrice(a, e.call)
}

func (c *comparison) checkPrice(a campaign.Attempt, call Call) {
	if !call.Priced {
		return
	}
	ours := a.Bill.Price.Decimal // zero: none, and the difference shows that
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

// findUnknownCalls finds Vonage's calls that belong to no attempt here. Calls
// without an attempt id are not ours.
func (c *comparison) findUnknownCalls() {
	for id, calls := range c.byAttempt {
		if id == uuid.Nil {
			continue
		}
		for _, call := range calls {
			if !c.byUUID[call.UUID].known {
				c.find("I5", "call %s at Vonage, for attempt %s, belongs to no attempt here", call.UUID, id)
			}
		}
	}
}

// checkRecovered finds calls that were recovered although the attempt that they
// were made for is known here.
func (c *comparison) checkRecovered() {
	for _, a := range c.recovered {
		if c.known[a.call.AttemptID] {
			c.find("I5", "attempt %s has call %s, which Vonage made for attempt %s", a.attempt, a.call.UUID, a.call.AttemptID)
		}
	}
}

func (c *comparison) checkContacts(contacts iter.Seq2[campaign.Contact, error]) error {
	for contact, err := range contacts {
		if err != nil {
			return fmt.Errorf("read contacts: %w", err)
		}
		attempts := c.contacts[contact.ID]
		if why := calledTwice(c.policies[contact.CampaignID], attempts); why != "" {
			c.result.CalledTwice++
			c.find("I3", "contact %d was called twice: %s", contact.ID, why)
		}
		if why := neverCalled(contact, attempts); why != "" {
			c.result.NeverCalled++
			c.find("I4", "contact %d was never called: %s", contact.ID, why)
		}
	}
	return nil
}

// calledTwice says what is wrong with a contact's calls, or "". Each call but
// the first needs an earlier one that had ended and that the policy retries.
func calledTwice(policy campaign.Policy, attempts []attemptCalls) string {
	var calls []contactCall
	for _, a := range attempts {
		for _, call := range a.calls {
			calls = append(calls, contactCall{call, a.attempt})
		}
	}
	slices.SortFunc(calls, func(a, b contactCall) int { return a.call.PlacedAt.Compare(b.call.PlacedAt) })
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

// contactCall is a call at Vonage with the attempt that it was made for.
type contactCall struct {
	call    Call
	attempt campaign.Attempt
}

// mayRepeat reports whether the policy allows another call after this one. If
// Vonage says that the call was answered, the policy must repeat answered
// calls.
func mayRepeat(policy campaign.Policy, p contactCall) bool {
	d := p.attempt.Disposition()
	if _, again := policy.Again[d]; !again {
		return false
	}
	reached := d == campaign.Answered || d == campaign.Human || d == campaign.Machine
	return reached || !p.call.Answered
}

// neverCalled says why a contact that should have been called was not, or "".
// Contacts that still wait need no call, and neither do those that ended for a
// reason that forbids one.
func neverCalled(contact campaign.Contact, attempts []attemptCalls) string {
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

// findingsLimit bounds the list. The counts include the rest.
const findingsLimit = 1000

func (c *comparison) find(invariant, format string, args ...any) {
	if len(c.result.Findings) < findingsLimit {
		c.result.Findings = append(c.result.Findings, Finding{invariant, fmt.Sprintf(format, args...)})
	}
}
