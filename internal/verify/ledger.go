package verify

import (
	"encoding/json"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/voice/voicesim"

	"github.com/google/uuid"
)

// LedgerOf is a simulator's ledger. If webhooks is empty, webhooks are not judged.
func LedgerOf(calls []voicesim.LedgerCall, webhooks []voicesim.LedgerWebhook, s voicesim.Summary) Ledger {
	l := Ledger{Calls: callsOf(calls), Webhooks: make([]Webhook, 0, len(webhooks)), ForgedTaken: s.ForgedTaken}
	for _, w := range webhooks {
		if w.Forged || w.Kind == "answer" { // a request for a message, which reports nothing
			continue
		}
		l.Webhooks = append(l.Webhooks, Webhook{
			Attempt: idOf(w.AttemptID), Kind: w.Kind, Token: idOf(w.JTI), At: w.Answered, Taken: w.Status >= 200 && w.Status <= 205,
		})
	}
	return l
}

func callsOf(ledger []voicesim.LedgerCall) []Call {
	told := make(map[string]bool, len(ledger))
	for _, c := range ledger {
		told[c.UUID] = len(c.Acknowledged) > 0
	}
	calls := make([]Call, 0, len(ledger))
	for _, c := range ledger {
		calls = append(calls, Call{
			UUID: c.UUID, AttemptID: idOf(c.AttemptID), TokenID: idOf(c.JTI), To: c.To,
			PlacedAt: c.PlacedAt, AnsweredAt: c.AnsweredAt, EndedAt: c.EndedAt,
			Outcome: c.Outcome, Answered: c.Answered, HungUp: c.Control.HungUp,
			DurationS: c.DurationS, Rate: c.Rate, Price: c.Price, Priced: c.PriceShown,
			StartTime: c.StartTime, EndTime: c.EndTime, Network: c.Network, Told: c.Acknowledged,
			Unsaid: c.Wording["member_missing"], Unread: partyUnread(c), Said: c.Said, Leg: c.Parent != "", ParentUntold: c.Parent != "" && !told[c.Parent],
			HeardAt: c.HeardAt, Machine: c.Machine, Keys: c.Keys, KeysTold: c.KeysTaken, ToldAt: c.TakenAt,
			HeardTold: notified(c, "heard"), LeftTold: notified(c, "voicemail"),
		})
	}
	return calls
}

// partyUnread reports whether a call's record leaves open which number was called: it has
// no number, or an address without its type.
func partyUnread(c voicesim.LedgerCall) bool {
	if c.ToType == "phone" {
		return c.Wording["number_to"] == "number_missing" || c.Wording["number_to"] == "number_unknown" || c.Wording["member_missing"] == "to"
	}
	return c.Wording["other_party"] == "text" || c.Wording["other_party"] == "untyped" || c.Wording["member_missing"] == "to"
}

// notified reports whether our side acknowledged that the call reached the notify action
// of this name.
func notified(c voicesim.LedgerCall, name string) bool {
	return slices.ContainsFunc(c.NotifiedTaken, func(raw json.RawMessage) bool {
		var payload struct{ Dialer string }
		return json.Unmarshal(raw, &payload) == nil && payload.Dialer == name
	})
}

// idOf is uuid.Nil if the text is not a uuid: then the call is not ours.
func idOf(text string) uuid.UUID {
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil
	}
	return id
}

// StoredOrders are the orders that the database itself keeps: each campaign's settings.
// They do not include when a campaign was paused and when a number was suppressed.
func StoredOrders(r app.Records) Orders {
	o := Orders{Rules: map[string]Rule{}, Slack: storedSlack, Called: map[uuid.UUID]bool{}, Lifted: r.Lifted}
	for name, versions := range r.Versions {
		for i, v := range versions {
			if rule := RuleOf(v.Settings); i == 0 {
				o.Rules[name] = rule
			} else {
				o.Rules[name] = o.Rules[name].Edited(rule.Terms, v.MadeAt, v.MadeAt.Add(storedLate))
			}
		}
	}
	for _, a := range r.Attempts {
		if a.SaidCalled {
			o.Called[a.ID] = true
		}
	}
	return o
}

// storedSlack allows for different clocks, to the same extent as the dialer.
const storedSlack = readAgo

// storedLate is how long after an edit, by the database's clock, a call may still begin
// by the old terms: the edit must commit, and a token must expire.
const storedLate = time.Minute

// RuleOf is the rule that settings order.
func RuleOf(s campaign.Settings) Rule {
	words, optOut, spoken := wordsOf(s.Message)
	return Rule{
		Terms: Terms{Retry: s.Retry, Open: s.Hours.Week, LeftOut: s.Hours.Except, Limits: s.Limits},
		Words: words, OptOut: optOut, Spoken: spoken, Start: s.Start,
		Ends: map[campaign.Reason]bool{
			campaign.ReasonSuppressed: true, campaign.ReasonStopped: true, campaign.ReasonRefused: true, campaign.ReasonMessage: true,
			campaign.ReasonExpired: true, campaign.ReasonCancelledByRequest: true,
		},
	}
}
