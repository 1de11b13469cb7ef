package verify_test

import (
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit/require"
	"dialer/internal/verify"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

var (
	noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	one  = uuid.MustParse("019a0000-0000-7000-8000-000000000001")
	two  = uuid.MustParse("019a0000-0000-7000-8000-000000000002")

	manual = uuid.MustParse("019a0000-0000-7000-8000-000000000003") // a manual call's attempt
	token  = uuid.MustParse("7a000000-0000-4000-8000-000000000001") // of attempt one
	own    = uuid.MustParse("7a000000-0000-4000-8000-000000000002") // of the manual call
)

// fixture is contact 1, who was busy once and then answered. Every promise
// holds; each test breaks one.
type fixture struct {
	ledger   []verify.Call
	attempts []campaign.Attempt
	contacts []campaign.Contact
}

func sound() *fixture {
	return &fixture{
		ledger: []verify.Call{
			{UUID: "a", AttemptID: one, TokenID: token, PlacedAt: noon, EndedAt: noon.Add(10 * time.Second), Price: decimal.Zero, Priced: true},
			{UUID: "b", AttemptID: two, TokenID: token, PlacedAt: noon.Add(time.Minute), EndedAt: noon.Add(2 * time.Minute), Answered: true, Price: price("0.00333333").Decimal, Priced: true},
			{UUID: "h", TokenID: own, PlacedAt: noon, Price: decimal.Zero, Priced: true},
		},
		attempts: []campaign.Attempt{
			attempt(one, "a", campaign.Facts{Failure: "busy", FailedAt: noon, EndedAt: noon, Bill: campaign.Bill{Price: price("0")}}),
			attempt(two, "b", campaign.Facts{Statuses: []string{"answered"}, AnsweredAt: noon, EndedAt: noon, Bill: campaign.Bill{Price: price("0.00333333")}}),
			{ID: manual, Kind: campaign.ManualCall, TokenID: own, State: campaign.Ended, DialedAt: noon, Facts: campaign.Facts{CallUUID: "h", Bill: campaign.Bill{Price: price("0")}}},
		},
		contacts: []campaign.Contact{{ID: 1, CampaignID: 1, State: campaign.Done, Reason: campaign.Reason(campaign.Answered)}},
	}
}

func attempt(id uuid.UUID, callUUID string, f campaign.Facts) campaign.Attempt {
	f.CallUUID = callUUID
	return campaign.Attempt{ID: id, TokenID: token, CampaignID: 1, ContactID: 1, State: campaign.Ended, DialedAt: noon, Facts: f}
}

func price(s string) decimal.NullDecimal {
	return decimal.NewNullDecimal(decimal.RequireFromString(s))
}

func (f *fixture) compare(t *testing.T) verify.Result {
	t.Helper()
	result, err := verify.Compare(f.ledger, verify.Records{
		Attempts: rows(f.attempts),
		Contacts: rows(f.contacts),
		Policies: map[int64]campaign.Policy{1: {Attempts: 3, Again: map[campaign.Disposition]time.Duration{campaign.Busy: time.Second}}},
	})
	require.NoError(t, err)
	return result
}

func rows[T any](all []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, row := range all {
			if !yield(row, nil) {
				return
			}
		}
	}
}

func TestCompareSound(t *testing.T) {
	t.Parallel()
	got := sound().compare(t)
	if !got.Sound() || got.Calls != 3 || got.Attempts != 3 || got.Manual != 1 || got.CalledTwice != 0 || got.NeverCalled != 0 || !got.PriceDifference.IsZero() {
		t.Errorf("got %+v, want 3 calls, 3 attempts, one of them manual, and nothing found", got)
	}
}

// A restored database has forgotten the attempt of a call that it recovered.
func TestCompareRecoveredCalls(t *testing.T) {
	t.Parallel()
	b := sound()
	for i := range b.attempts[:2] {
		b.ledger[i].AttemptID[0]++
		b.attempts[i].Recovered, b.attempts[i].DialedAt = true, time.Time{}
	}
	if got := b.compare(t); !got.Sound() || got.NeverCalled != 0 || got.CalledTwice != 0 {
		t.Errorf("got %+v, want nothing found", got)
	}
}

func TestCompareFindsEachCorruption(t *testing.T) {
	t.Parallel()
	third := verify.Call{UUID: "c", AttemptID: two, PlacedAt: noon.Add(3 * time.Minute)}
	for _, test := range []struct {
		name      string
		corrupt   func(*fixture)
		invariant string
		says      string
	}{
		{"two calls for one attempt", func(b *fixture) { b.ledger = append(b.ledger, third) }, "I1", "has 2 calls"},
		{"called again after an answer", func(b *fixture) { b.ledger[0].Answered = true }, "I3", "was final"},
		{"called again while the first call was up", func(b *fixture) { b.ledger[0].EndedAt = noon.Add(90 * time.Second) }, "I3", "while call a was up"},
		{"called again while the first call never ended", func(b *fixture) { b.ledger[0].EndedAt = time.Time{} }, "I3", "while call a was up"},
		{"called again against the policy", func(b *fixture) { b.attempts[0].Failure = "rejected" }, "I3", "final (rejected)"},
		{"a contact that counts as called and was not", func(b *fixture) { b.ledger, b.attempts = nil, nil }, "I4", "no call to it"},
		{"a contact whose attempt is lost", func(b *fixture) {
			b.ledger, b.attempts = nil, nil
			b.contacts[0].Reason = campaign.ReasonUnresolved
		}, "I4", "could not be settled"},
		{"a call that we do not know", func(b *fixture) { b.attempts = slices.Delete(b.attempts, 1, 2) }, "I5", "belongs to no attempt"},
		{"an attempt without the uuid of its call", func(b *fixture) { b.attempts[0].CallUUID = "" }, "I5", "without a uuid"},
		{"a uuid that Vonage does not have", func(b *fixture) { b.attempts[0].CallUUID = "x" }, "I5", "ledger does not"},
		{"a recovered call of an attempt that is known", func(b *fixture) {
			b.attempts[0].CallUUID, b.attempts[0].Recovered, b.attempts[1].CallUUID = "b", true, ""
		}, "I5", "made for attempt"},
		{"called again although a forgotten call was final", func(b *fixture) {
			b.ledger[0].AttemptID, b.ledger[0].Answered, b.attempts[0].Recovered = uuid.Max, true, true
		}, "I3", "was final"},
		{"two uuids exchanged", func(b *fixture) {
			b.attempts[0].CallUUID, b.attempts[1].CallUUID = b.attempts[1].CallUUID, b.attempts[0].CallUUID
		}, "I5", "made for attempt"},
		{"the call of a manual attempt, bound to another one", func(b *fixture) {
			b.ledger[0].UUID, b.ledger[2].UUID = "h", "a"
			b.attempts[0].CallUUID = "a"
		}, "I5", "with another token"},
		{"two calls for one manual attempt", func(b *fixture) {
			b.ledger = append(b.ledger, verify.Call{UUID: "i", TokenID: own, PlacedAt: noon})
		}, "I1", "has 2 calls"},
		{"a manual call that Vonage does not have", func(b *fixture) { b.ledger = b.ledger[:2] }, "I5", "ledger does not have"},
		{"a manual call that is another one at Vonage", func(b *fixture) { b.attempts[2].CallUUID = "b" }, "I5", "with another token"},
		{"a manual call that was refused, and made", func(b *fixture) {
			b.attempts[2].State, b.attempts[2].CallUUID = campaign.Refused, ""
		}, "I5", "without a uuid"},
		{"a price that differs in the last digit", func(b *fixture) { b.attempts[1].Bill.Price = price("0.00333334") }, "I6", "0.00333334 here"},
		{"a price that is missing", func(b *fixture) { b.attempts[1].Bill.Price = decimal.NullDecimal{} }, "I6", "no price"},
		{"a price of nothing that is missing", func(b *fixture) { b.attempts[0].Bill.Price = decimal.NullDecimal{} }, "I6", "no price"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := sound()
			test.corrupt(b)
			got := b.compare(t)
			found := slices.ContainsFunc(got.Findings, func(f verify.Finding) bool {
				return f.Invariant == test.invariant && strings.Contains(f.What, test.says)
			})
			if !found {
				t.Errorf("got %+v, want a finding of %s that says %q", got.Findings, test.invariant, test.says)
			}
		})
	}
}

func TestPriceDifferencesAddUp(t *testing.T) {
	t.Parallel()
	b := sound()
	b.ledger[0].Price = price("0.00000001").Decimal
	b.attempts[1].Bill.Price = price("0.00333334")
	if got, want := b.compare(t).PriceDifference.StringFixed(8), "0.00000002"; got != want {
		t.Errorf("price difference %s, want %s", got, want)
	}
}

func TestCompareContactsWithoutCalls(t *testing.T) {
	t.Parallel()
	for _, contact := range []campaign.Contact{
		{ID: 2, CampaignID: 1, State: campaign.Pending},
		{ID: 2, CampaignID: 1, State: campaign.Done, Reason: campaign.ReasonSuppressed},
		{ID: 2, CampaignID: 1, State: campaign.Done, Reason: campaign.ReasonStopped},
	} {
		b := sound()
		b.contacts = append(b.contacts, contact)
		if got := b.compare(t); !got.Sound() {
			t.Errorf("%s %s: got %+v, want no finding", contact.State, contact.Reason, got.Findings)
		}
	}
}

func TestCompareIgnoresCallsOfOthers(t *testing.T) {
	t.Parallel()
	b := sound()
	b.ledger = append(b.ledger, verify.Call{UUID: "foreign", PlacedAt: noon})
	if got := b.compare(t); !got.Sound() {
		t.Errorf("got %+v, want no finding", got.Findings)
	}
}
