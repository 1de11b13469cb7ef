package verify_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/verify"

	"github.com/shopspring/decimal"
)

// edit edits the campaign of a world, typed and done at these times after noon.
func (w *world) edit(typed, done time.Duration, change func(*verify.Terms)) {
	w.rule(func(r *verify.Rule) {
		terms := r.Terms
		change(&terms)
		*r = r.Edited(terms, noon.Add(typed), noon.Add(done))
	})
}

// row loads another file with another row for contact 1, typed and done at these times
// after noon.
func (w *world) row(says string, callAt time.Time, typed, done time.Duration) {
	w.rule(func(r *verify.Rule) {
		r.People = map[string][]verify.Row{ann: {
			{Says: "Hello Ann,", Span: verify.Span{To: noon.Add(done)}}, {Says: says, CallAt: callAt, Span: verify.Span{From: noon.Add(typed)}},
		}}
	})
}

// Contact 1 is called at noon and a minute later, by a campaign that is edited. A token's
// life after an edit has returned, only the new terms are in force.
func TestCompareAfterAnEdit(t *testing.T) {
	t.Parallel()
	attempts := func(n int) func(*verify.Terms) {
		return func(terms *verify.Terms) { terms.Retry.Attempts = n }
	}
	wait := func(d time.Duration) func(*verify.Terms) {
		return func(terms *verify.Terms) {
			terms.Retry.Again = map[campaign.Disposition]time.Duration{campaign.Busy: d}
		}
	}
	closed := func(terms *verify.Terms) { terms.Open = campaign.Daily(14*60, 15*60).Week }
	limits := func(change func(*campaign.Limits)) func(*verify.Terms) {
		return func(terms *verify.Terms) { change(&terms.Limits) }
	}
	says := func(words string) func(*verify.Terms) {
		return func(terms *verify.Terms) { terms.Says = words }
	}
	for _, test := range []struct {
		name  string
		world func(*world)
		finds string // "": nothing
	}{
		{"fewer calls, before the second", func(w *world) { w.edit(20*time.Second, 30*time.Second, attempts(1)) }, "I3: contact 1 was called twice: 2 calls, and the rule allows 1"},
		{"fewer calls, while the second begins", func(w *world) { w.edit(50*time.Second, 61*time.Second, attempts(1)) }, ""},
		{"fewer calls, and nobody knows whether", func(w *world) {
			w.edit(20*time.Second, 0, attempts(1))
			w.rule(func(r *verify.Rule) { r.Earlier[0].To = time.Time{} })
		}, ""},
		{"more calls, after the last", func(w *world) { w.edit(10*time.Minute, 11*time.Minute, attempts(3)) }, ""},
		{"more calls, while the last was up", func(w *world) {
			w.ledger, w.records.Attempts = w.ledger[:1], w.records.Attempts[:1]
			k := &w.records.Contacts[0]
			k.Reason, k.Calls, k.Result, k.HeardAt = "busy", 1, "", time.Time{}
			w.rule(func(r *verify.Rule) { r.Retry.Attempts = 1 })
			w.edit(5*time.Second, 6*time.Second, attempts(2))
		}, ""},
		{"more calls, long before", func(w *world) {
			w.ledger, w.records.Attempts = w.ledger[:1], w.records.Attempts[:1]
			k := &w.records.Contacts[0]
			k.Reason, k.Calls, k.Result, k.HeardAt = "busy", 1, "", time.Time{}
			w.rule(func(r *verify.Rule) { r.Retry.Attempts = 1 })
			w.edit(-2*time.Minute, -time.Minute, attempts(2))
		}, "I4: contact 1 ended as busy after 1 of 2 calls, for which there is no cause"},
		{"a longer wait", func(w *world) { w.edit(20*time.Second, 30*time.Second, wait(time.Hour)) }, "the wait is 1h0m0s"},
		{"a shorter wait", func(w *world) {
			w.rule(func(r *verify.Rule) { wait(time.Hour)(&r.Terms) })
			w.edit(20*time.Second, 30*time.Second, wait(10*time.Second))
		}, ""},
		{"closed hours", func(w *world) { w.edit(20*time.Second, 30*time.Second, closed) }, "I8: contact 1 was called by b outside the hours"},
		{"closed hours, taken back", func(w *world) {
			open := w.orders.Rules["c"].Open
			w.edit(20*time.Second, 30*time.Second, closed)
			w.edit(50*time.Second, 52*time.Second, func(terms *verify.Terms) { terms.Open = open })
		}, ""},
		{"another text", func(w *world) { w.edit(20*time.Second, 30*time.Second, says("notice 1.")) }, ""},
		{"another text, and the old one is said", func(w *world) {
			w.ledger[1].Said = "Hello, until noon."
			w.edit(20*time.Second, 30*time.Second, says("notice 1."))
		}, "I16: call b said what its campaign does not say since an edit"},
		{"another text, which is said", func(w *world) {
			w.ledger[1].Said = "Hello, notice 1."
			w.edit(20*time.Second, 30*time.Second, says("notice 1."))
		}, ""},
		{"another name in the row, and the old one is said", func(w *world) {
			w.ledger[1].Said = "Hello Ann, the water is off."
			w.row("Hello Anne,", time.Time{}, 20*time.Second, 30*time.Second)
		}, "I16: call b said what its person's row does not say"},
		{"another name in the row, which is said", func(w *world) {
			w.ledger[1].Said = "Hello Anne, the water is off."
			w.row("Hello Anne,", time.Time{}, 20*time.Second, 30*time.Second)
		}, ""},
		{"another name in the row, while the call begins", func(w *world) {
			w.ledger[1].Said = "Hello Ann, the water is off."
			w.row("Hello Anne,", time.Time{}, 50*time.Second, 61*time.Second)
		}, ""},
		{"another name, and nobody knows whether", func(w *world) {
			w.ledger[1].Said = "Hello Ann, the water is off."
			w.row("Hello Anne,", time.Time{}, 20*time.Second, 0)
			w.orders.Rules["c"].People[ann][0].To = time.Time{}
		}, ""},
		{"the name of another person", func(w *world) {
			w.ledger[1].Said = "Hello Bob, the water is off."
			w.rule(func(r *verify.Rule) { r.Names = map[string]string{ann: "Hello Ann,"} })
		}, "I16: call b said what its person's row does not say"},
		{"another time in the row", func(w *world) { w.row("", noon.Add(55*time.Second), 20*time.Second, 30*time.Second) }, ""},
		{"another time in the row, and a call before it", func(w *world) {
			w.row("", noon.Add(5*time.Minute), 20*time.Second, 30*time.Second)
		}, "I16: call b began 4m0s before the time of its person's row"},
		{"one call at once", func(w *world) {
			w.edit(20*time.Second, 30*time.Second, limits(func(l *campaign.Limits) { l.AtOnce = 1 }))
		}, ""},
		{"one call at once, and two are up", func(w *world) {
			w.another(50 * time.Second)
			w.edit(20*time.Second, 30*time.Second, limits(func(l *campaign.Limits) { l.AtOnce = 1 }))
		}, "I7: call b was the 2th that was up at once; the campaign allows 1"},
		{"one call that can be connected, and two are up", func(w *world) {
			w.another(50 * time.Second)
			w.edit(20*time.Second, 30*time.Second, limits(func(l *campaign.Limits) { l.Connected = 1 }))
		}, "I7: call b was the 2th"},
		{"a call in twenty seconds", func(w *world) {
			w.another(50 * time.Second)
			w.edit(20*time.Second, 30*time.Second, limits(func(l *campaign.Limits) { l.PerSecond = 0.05 }))
		}, "I7: campaign \"c\" made more than 1 calls in 20s"},
		{"a call in a second", func(w *world) {
			w.another(50 * time.Second)
			w.edit(20*time.Second, 30*time.Second, limits(func(l *campaign.Limits) { l.PerSecond = 1 }))
		}, ""},
		{"a budget", func(w *world) {
			w.edit(20*time.Second, 30*time.Second, limits(func(l *campaign.Limits) { l.Budget = price("0.00333333") }))
		}, ""},
		{"a budget that is too little", func(w *world) {
			w.edit(20*time.Second, 30*time.Second, limits(func(l *campaign.Limits) { l.Budget = price("0.00333332") }))
		}, "I7: call b brought the campaign's cost to 0.00333333; its budget was 0.00333332"},
		{"a call long after its gate", func(w *world) { w.records.Attempts[1].DialedAt = noon.Add(50 * time.Second) }, "I1: call b began 10s after attempt"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := sound()
			test.world(w)
			got := w.compare()
			found := func(f verify.Finding) bool { return strings.Contains(f.Invariant+": "+f.What, test.finds) }
			if test.finds == "" && len(got.Broken) > 0 || test.finds != "" && (len(got.Broken) == 0 || !slices.ContainsFunc(got.Broken, found)) {
				t.Errorf("found %v, want %q", got.Broken, test.finds)
			}
		})
	}
}

// another is a call to a second contact, up for a minute.
func (w *world) another(at time.Duration) {
	id := manual
	id[15] = 9
	call, a, k := w.ledger[0], w.records.Attempts[0], w.records.Contacts[0]
	call.UUID, call.AttemptID, call.To, call.PlacedAt, call.EndedAt = "z", id, bob, noon.Add(at), noon.Add(at+time.Minute)
	a.ID, a.ContactID, a.To, a.CallUUID, a.DialedAt = id, 2, bob, "z", noon.Add(at)
	k.ID, k.To, k.State, k.Reason, k.Calls, k.Result, k.HeardAt = 2, bob, campaign.Waiting, "", 1, "", time.Time{}
	w.ledger = append(w.ledger, call)
	w.records.Attempts = append(w.records.Attempts, a)
	w.records.Contacts = append(w.records.Contacts, k)
	w.rule(func(r *verify.Rule) { r.Rows = nil })
}

// A leg that a key connected belongs to no attempt, raises no alarm, and is stored with
// its price.
func TestCompareLegs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		world func(*world)
		finds string
		waits string
	}{
		{"in the books", func(*world) {}, "", ""},
		{"not listed yet", func(w *world) { w.records.Legs = nil }, "", "leg L is not listed yet"},
		{"not listed while records were kept", func(w *world) { w.records.Legs, w.orders.Kept = nil, time.Hour }, "", ""},
		{"an attempt's", func(w *world) { w.records.Attempts[0].CallUUID = "L" }, "which Vonage's ledger does not have", ""},
		{"an alarm's", func(w *world) {
			w.records.Alarms, w.orders.Alarms = []campaign.Alarm{{Kind: campaign.AlarmUnmatchedCall, Detail: "call L is of no attempt"}}, nil
		}, "I14: the alarm unmatched_call was raised for the leg L", ""},
		{"an alarm's that blocks", func(w *world) {
			w.records.Alarms = []campaign.Alarm{{Kind: campaign.AlarmAbsenceBlocked, Detail: "call L may be its call"}}
			w.orders.Alarms = map[string]bool{campaign.AlarmAbsenceBlocked: true}
		}, "I14: the alarm absence_blocked was raised for the leg L", ""},
		{"an alarm's that blocks, of a record that hides whom it went to", func(w *world) {
			w.records.Alarms = []campaign.Alarm{{Kind: campaign.AlarmAbsenceBlocked, Detail: "call L may be its call"}}
			w.orders.Alarms = map[string]bool{campaign.AlarmAbsenceBlocked: true}
			w.ledger[len(w.ledger)-1].Unread = true
		}, "", ""},
		{"an alarm's that blocks, while no event of the attempt's own call was received", func(w *world) {
			w.records.Alarms = []campaign.Alarm{{Kind: campaign.AlarmAbsenceBlocked, Detail: "an event of call L names it"}}
			w.orders.Alarms = map[string]bool{campaign.AlarmAbsenceBlocked: true}
			w.ledger[len(w.ledger)-1].ParentUntold = true
		}, "", ""},
		{"an alarm's, of a record that names no conversation", func(w *world) {
			w.records.Alarms, w.orders.Alarms = []campaign.Alarm{{Kind: campaign.AlarmUnmatchedCall, Detail: "call L is of no attempt"}}, nil
			w.ledger[len(w.ledger)-1].Unsaid = "conversation_uuid"
		}, "", ""},
		{"at another price", func(w *world) { w.records.Legs[0].Price = price("0.2") }, "I6: leg L has price 0.20000000 here and 0.10000000 at Vonage", ""},
		{"at no price yet", func(w *world) { w.records.Legs[0].Price = decimal.NullDecimal{} }, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := sound()
			w.orders.Kept = 10 * time.Hour
			w.ledger = append(w.ledger, verify.Call{
				UUID: "L", Leg: true, To: bob, PlacedAt: noon, EndedAt: noon.Add(time.Minute), Priced: true, Price: price("0.1").Decimal,
			})
			w.records.Legs = []app.LegRecord{{CallUUID: "l", LegOf: two, Price: price("0.1")}}
			test.world(w)
			got := w.compare()
			says := func(text string) func(verify.Finding) bool {
				return func(f verify.Finding) bool { return text != "" && strings.Contains(f.Invariant+": "+f.What, text) }
			}
			if (test.finds == "") != got.Sound() || test.finds != "" && !slices.ContainsFunc(got.Broken, says(test.finds)) {
				t.Errorf("found %v, want %q", got.Broken, test.finds)
			}
			if (test.waits == "") != got.Settled() || test.waits != "" && !slices.ContainsFunc(got.Pending, says(test.waits)) {
				t.Errorf("waits for %v, want %q", got.Pending, test.waits)
			}
		})
	}
}
