package verify_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/verify"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

var (
	noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	one  = uuid.MustParse("019a0000-0000-7000-8000-000000000001")
	two  = uuid.MustParse("019a0000-0000-7000-8000-000000000002")

	manual = uuid.MustParse("019a0000-0000-7000-8000-000000000003") // a manual call's attempt
	token  = uuid.MustParse("7a000000-0000-4000-8000-000000000001") // of attempts one and two
	own    = uuid.MustParse("7a000000-0000-4000-8000-000000000002") // of the manual call
)

const ann, bob = "447700900001", "447700900002"

// world is contact 1, who was busy once and then answered, and a manual call.
// Every promise holds; each test breaks one.
type world struct {
	ledger  []verify.Call
	told    []verify.Webhook
	forged  int // forged webhooks that were accepted
	records app.Records
	orders  verify.Orders
}

func sound() *world {
	rate := decimal.RequireFromString("0.1")
	return &world{
		ledger: []verify.Call{
			{
				UUID: "a", AttemptID: one, TokenID: token, To: ann, PlacedAt: noon, EndedAt: noon.Add(10 * time.Second), Outcome: "busy",
				Rate: rate, Priced: true, StartTime: noon, EndTime: noon, Network: "n", Told: []string{"started", "busy"},
			}, {
				UUID: "b", AttemptID: two, TokenID: token, To: ann, PlacedAt: noon.Add(time.Minute), AnsweredAt: noon.Add(65 * time.Second),
				EndedAt: noon.Add(2 * time.Minute), Outcome: "human", Answered: true, DurationS: 2,
				Rate: rate, Price: price("0.00333333").Decimal, Priced: true, StartTime: noon.Add(65 * time.Second), EndTime: noon.Add(67 * time.Second),
				Network: "n", Told: []string{"answered", "human"},
				HeardAt: noon.Add(70 * time.Second), HeardTold: true, Keys: []string{"3", "1"}, KeysTold: []string{"3", "1"},
			},
			{UUID: "h", TokenID: own, To: bob, PlacedAt: noon, EndedAt: noon.Add(time.Second), Outcome: "failed", Rate: rate, Priced: true, StartTime: noon, EndTime: noon, Network: "n"},
		},
		records: app.Records{
			At: noon.Add(time.Hour),
			Attempts: []app.AttemptRecord{
				{
					ID: one, Campaign: "c", ContactID: 1, To: ann, State: campaign.Ended, Disposition: campaign.Busy, DialedAt: noon, TokenID: token,
					CallUUID: "a", Statuses: []string{"busy", "started"}, Events: []string{"busy", "started"}, BillSource: campaign.FromList,
					Price: price("0"), Rate: price("0.1"), DurationS: new(0), StartTime: noon, EndTime: noon, Network: "n",
				}, {
					ID: two, Campaign: "c", ContactID: 1, To: ann, State: campaign.Ended, Disposition: campaign.Human, DialedAt: noon.Add(time.Minute), TokenID: token,
					CallUUID: "b", Statuses: []string{"answered", "completed", "human"}, Events: []string{"answered", "human"}, AnsweredAt: noon.Add(65 * time.Second),
					BillSource: campaign.FromList, Price: price("0.00333333"), Rate: price("0.1"), DurationS: new(2),
					StartTime: noon.Add(65 * time.Second), EndTime: noon.Add(67 * time.Second), Network: "n",
					HeardAt: noon.Add(70 * time.Second), Keys: []string{"3", "1"}, Result: "confirmed", No: 2,
				}, {
					ID: manual, Kind: campaign.ManualCall, To: bob, State: campaign.Ended, Disposition: campaign.Failed, DialedAt: noon, TokenID: own,
					CallUUID: "h", Statuses: []string{"failed"}, BillSource: campaign.FromList,
					Price: price("0"), Rate: price("0.1"), DurationS: new(0), StartTime: noon, EndTime: noon, Network: "n",
				},
			},
			Contacts: []app.ContactRecord{{
				ID: 1, Campaign: "c", To: ann, Zones: []string{"Europe/London"}, State: campaign.Done, Reason: campaign.Reason(campaign.Human), Calls: 2,
				Result: "confirmed", HeardAt: noon.Add(70 * time.Second),
			}},
		},
		orders: verify.Orders{
			Rules: map[string]verify.Rule{"c": {Terms: verify.Terms{
				Retry: campaign.Policy{Attempts: 2, Again: map[campaign.Disposition]time.Duration{campaign.Busy: 40 * time.Second}}, Open: campaign.Daily(9*60, 20*60).Week},
				Start: noon.Add(-time.Hour), Rows: []string{ann}, Words: map[string]string{"1": "confirmed", "9": "opted_out"}, OptOut: "9",
			}},
			Suppressed: map[string][]verify.Span{},
			Late:       2 * time.Second,
			Alarms:     map[string]bool{},
		},
	}
}

func price(s string) decimal.NullDecimal {
	return decimal.NewNullDecimal(decimal.RequireFromString(s))
}

// rule changes the campaign's rule.
func (w *world) rule(change func(*verify.Rule)) {
	r := w.orders.Rules["c"]
	change(&r)
	w.orders.Rules["c"] = r
}

// contactOnly leaves the contact without an attempt and a call.
func (w *world) contactOnly(reason campaign.Reason) {
	w.ledger, w.records.Attempts = nil, nil
	k := &w.records.Contacts[0]
	k.Reason, k.Calls, k.Result, k.HeardAt = reason, 0, "", time.Time{}
}

// optedOut makes contact 1 opt out in the first call.
func (w *world) optedOut() {
	w.ledger[0].Keys, w.ledger[0].KeysTold = []string{"9"}, []string{"9"}
	w.records.Attempts[0].Keys, w.records.Attempts[0].Result = []string{"9"}, "opted_out"
}

func (w *world) compare() verify.Result {
	return verify.Compare(verify.Ledger{Calls: w.ledger, Webhooks: w.told, ForgedTaken: w.forged}, w.records, w.orders)
}

func TestCompareSound(t *testing.T) {
	t.Parallel()
	got := sound().compare()
	if !got.Sound() || !got.Settled() || got.Calls != 3 || got.Attempts != 3 || got.Manual != 1 || got.CalledTwice != 0 || got.NeverCalled != 0 ||
		!got.PriceDifference.IsZero() || got.Compared != 45 {
		t.Errorf("got %+v, want 3 calls, 3 attempts, one of them manual, 45 fields, and nothing found", got)
	}
}

func TestCompareFindsEachCorruption(t *testing.T) {
	t.Parallel()
	third := verify.Call{UUID: "c", AttemptID: two, To: ann, PlacedAt: noon.Add(3 * time.Minute), Outcome: "busy"}
	span := func(from, to time.Duration) []verify.Span {
		return []verify.Span{{From: noon.Add(from), To: noon.Add(to)}}
	}
	for _, test := range []struct {
		name      string
		corrupt   func(*world)
		invariant string
		says      string
	}{
		{"two calls for one attempt", func(w *world) { w.ledger = append(w.ledger, third) }, "I1", "has 2 calls"},
		{"two calls for one manual attempt", func(w *world) {
			w.ledger = append(w.ledger, verify.Call{UUID: "i", TokenID: own, PlacedAt: noon})
		}, "I1", "has 2 calls"},
		{"a further call by a campaign's token that names no attempt", func(w *world) {
			w.ledger = append(w.ledger, verify.Call{UUID: "i", TokenID: token, To: ann, PlacedAt: noon.Add(3 * time.Minute), EndedAt: noon.Add(4 * time.Minute), Outcome: "human", Answered: true})
		}, "I1", "call i at Vonage names no attempt"},
		{"two calls to one number at once", func(w *world) { w.ledger[2].To = ann }, "I2", "to the same number was up"},
		{"called again after an answer", func(w *world) { w.ledger[0].Answered, w.ledger[0].Outcome = true, "human" }, "I3", "was final"},
		{"called again while the first call was up", func(w *world) { w.ledger[0].EndedAt = noon.Add(90 * time.Second) }, "I3", "while call a was up"},
		{"called again while the first call never ended", func(w *world) { w.ledger[0].EndedAt = time.Time{} }, "I3", "while call a was up"},
		{"called again against the rule", func(w *world) { w.ledger[0].Outcome = "rejected" }, "I3", "final (rejected)"},
		{"called again too soon", func(w *world) { w.ledger[0].EndedAt = noon.Add(21 * time.Second) }, "I3", "the wait is 40s"},
		{"called too often", func(w *world) { w.rule(func(r *verify.Rule) { r.Retry.Attempts = 1 }) }, "I3", "the rule allows 1"},
		{"called again although a forgotten call was final", func(w *world) {
			w.ledger[0].AttemptID, w.ledger[0].Answered, w.ledger[0].Outcome, w.records.Attempts[0].Recovered = uuid.Max, true, "human", true
		}, "I3", "was final"},
		{"a contact that counts as called and was not", func(w *world) { w.contactOnly("busy") }, "I4", "never called"},
		{"a contact whose attempt is lost", func(w *world) { w.contactOnly(campaign.ReasonUnresolved) }, "I4", "never called, and ended as unresolved"},
		{"a contact that ended without a cause", func(w *world) { w.contactOnly(campaign.ReasonRefused) }, "I4", "there is no cause"},
		{"a contact that ended for its message", func(w *world) { w.contactOnly(campaign.ReasonMessage) }, "I4", "ended as message after 0 of 2 calls, for which there is no cause"},
		{"a contact of a campaign that nobody stopped", func(w *world) { w.contactOnly(campaign.ReasonStopped) }, "I4", "ended as stopped after 0 of 2 calls, for which there is no cause"},
		{"a contact suppressed by nobody", func(w *world) { w.contactOnly(campaign.ReasonSuppressed) }, "I4", "there is no cause"},
		{"a contact that ended before its calls were used", func(w *world) {
			w.ledger[1].Outcome, w.ledger[1].Answered = "busy", false
			w.rule(func(r *verify.Rule) { r.Retry.Attempts = 3 })
			w.records.Contacts[0].Reason = "busy"
		}, "I4", "after 2 of 3 calls"},
		{"a contact that ended as another call did", func(w *world) { w.records.Contacts[0].Reason = "machine" }, "I4", "its call b was human"},
		{"a contact that counts more calls", func(w *world) { w.records.Contacts[0].Calls = 3 }, "I4", "counts 3 calls"},
		{"a call that we do not know", func(w *world) { w.records.Attempts = w.records.Attempts[:1] }, "I5", "belongs to no attempt"},
		{"an attempt without the uuid of its call", func(w *world) {
			w.records.Attempts[0].CallUUID, w.records.Attempts[0].State = "", campaign.Absent
		}, "I5", "without a uuid"},
		{"a uuid that Vonage does not have", func(w *world) { w.records.Attempts[0].CallUUID = "x" }, "I5", "ledger does not"},
		{"a recovered call of an attempt that is known", func(w *world) {
			w.records.Attempts[0].CallUUID, w.records.Attempts[0].Recovered, w.records.Attempts[1].CallUUID = "b", true, ""
		}, "I5", "made for attempt"},
		{"two uuids exchanged", func(w *world) {
			w.records.Attempts[0].CallUUID, w.records.Attempts[1].CallUUID = "b", "a"
		}, "I5", "made for attempt"},
		{"the call of a manual attempt, bound to another one", func(w *world) {
			w.ledger[0].UUID, w.ledger[2].UUID = "h", "a"
		}, "I5", "with another token"},
		{"a manual call that Vonage does not have", func(w *world) { w.ledger = w.ledger[:2] }, "I5", "ledger does not have"},
		{"a manual call that was refused, and made", func(w *world) {
			w.records.Attempts[2].State, w.records.Attempts[2].CallUUID = campaign.Refused, ""
		}, "I5", "without a uuid"},
		{"a call to another number", func(w *world) { w.ledger[1].To = bob }, "I5", "went to another number"},
		{"an attempt to another number", func(w *world) { w.ledger[2].To = ann }, "I5", "to another number than its call h"},
		{"a price that differs in the last digit", func(w *world) { w.records.Attempts[1].Price = price("0.00333334") }, "I6", "price 0.00333334 here"},
		{"another rate", func(w *world) { w.records.Attempts[1].Rate = price("0.2") }, "I6", "rate 0.20000000 here"},
		{"a second more", func(w *world) { w.records.Attempts[1].DurationS = new(3) }, "I6", "duration 3 here"},
		{"no duration", func(w *world) { w.records.Attempts[1].DurationS = nil }, "I6", "duration none here"},
		{"another start", func(w *world) { w.records.Attempts[1].StartTime = noon }, "I6", "start 2026-03-02T12:00:00Z here"},
		{"another end", func(w *world) { w.records.Attempts[1].EndTime = noon }, "I6", "end 2026-03-02T12:00:00Z here"},
		{"another network", func(w *world) { w.records.Attempts[1].Network = "" }, "I6", "network  here and n"},
		{"called before the start", func(w *world) { w.rule(func(r *verify.Rule) { r.Start = noon.Add(time.Second) }) }, "I8", "before its campaign's start"},
		{"called while paused", func(w *world) {
			w.rule(func(r *verify.Rule) { r.Closed = span(50*time.Second, 70*time.Second) })
		}, "I8", "paused or stopped"},
		{"called after the stop", func(w *world) {
			w.rule(func(r *verify.Rule) { r.Closed = []verify.Span{{From: noon.Add(50 * time.Second)}} })
		}, "I8", "paused or stopped"},
		{"called although suppressed", func(w *world) { w.orders.Suppressed[ann] = span(50*time.Second, time.Hour) }, "I8", "its number was suppressed"},
		{"called by hand although suppressed", func(w *world) { w.orders.Suppressed[bob] = span(-time.Hour, time.Hour) }, "I8", "call h was made although"},
		{"called before the hours", func(w *world) { w.rule(func(r *verify.Rule) { r.Open = campaign.Daily(12*60+1, 20*60).Week }) }, "I8", "outside the hours"},
		{"called after the hours", func(w *world) { w.rule(func(r *verify.Rule) { r.Open = campaign.Daily(13*60, 20*60).Week }) }, "I8", "outside the hours"},
		{"called outside the hours of one of its zones", func(w *world) {
			w.rule(func(r *verify.Rule) {
				r.Zones = func(string) []string { return []string{"Europe/London", "Australia/Sydney"} }
			})
		}, "I8", "outside the hours"},
		{"a row that is no contact", func(w *world) { w.rule(func(r *verify.Rule) { r.Rows = []string{ann, bob} }) }, "I10", "1 rows of its file are no contacts"},
		{"a contact of no row", func(w *world) { w.rule(func(r *verify.Rule) { r.Rows = []string{} }) }, "I10", "1 contacts are of no row"},
		{"a contact that is there twice", func(w *world) { w.records.Contacts = append(w.records.Contacts, w.records.Contacts[0]) }, "I10", "1 contacts are of no row or there twice"},
		{"machine recorded as human", func(w *world) { w.ledger[1].Outcome, w.ledger[1].Told = "machine", []string{"machine"} }, "I12", "ended as human; its call b was machine"},
		{"a status that the call never had", func(w *world) { w.records.Attempts[0].Statuses = []string{"answered", "busy", "started"} }, "I12", "never had"},
		{"a status that is not kept", func(w *world) { w.records.Attempts[0].Statuses = []string{"busy"} }, "I12", "does not show the status started"},
		{"answered at another time", func(w *world) { w.records.Attempts[1].AnsweredAt = noon }, "I12", "was answered 1m5s from"},
		{"a webhook that is not stored", func(w *world) { w.records.Attempts[0].Events = []string{"busy"} }, "I13", "the webhook started of call a"},
		{"heard, and it was not played to its end", func(w *world) { w.ledger[1].HeardAt = time.Time{} }, "I15", "was heard; the message"},
		{"heard before it was played to its end", func(w *world) { w.ledger[1].HeardAt = noon.Add(80 * time.Second) }, "I15", "was heard 10s before"},
		{"heard by a machine", func(w *world) { w.records.Attempts[1].Statuses = []string{"answered", "machine"} }, "I15", "a machine was detected"},
		{"not heard, and it was told", func(w *world) { w.records.Attempts[1].HeardAt = time.Time{} }, "I15", "was not heard; it was told"},
		{"a text that no machine got", func(w *world) { w.records.Attempts[1].VoicemailAt = noon }, "I15", "there was none"},
		{"a text that a machine did not get to its end", func(w *world) {
			w.records.Attempts[0].VoicemailAt, w.ledger[0].Machine = noon, true
		}, "I15", "nothing was played to its end"},
		{"a text that a machine got, and it was told", func(w *world) { w.ledger[1].Machine, w.ledger[1].LeftTold = true, true }, "I15", "left no text"},
		{"a key that was not pressed", func(w *world) { w.records.Attempts[1].Keys = []string{"3", "2"} }, "I15", "were not pressed"},
		{"keys in another order", func(w *world) { w.records.Attempts[1].Keys = []string{"1", "3"} }, "I15", "were not pressed"},
		{"a key that is not kept", func(w *world) { w.records.Attempts[1].Keys = []string{"1"} }, "I15", "2 were pressed and told"},
		{"a result that no key means", func(w *world) { w.records.Attempts[1].Result = "" }, "I15", `the result ""; its keys mean "confirmed"`},
		{"a contact with another result", func(w *world) { w.records.Contacts[0].Result = "" }, "I15", `its calls came to "confirmed"`},
		{"a contact that was heard at another time", func(w *world) { w.records.Contacts[0].HeardAt = noon }, "I15", "contact 1 was heard at"},
		{"opted out, and not on the list", (*world).optedOut, "I8", "it is not suppressed"},
		{"called again after opting out", (*world).optedOut, "I8", "had opted out by a key"},
		{"a person's word that nothing at Vonage bears out", func(w *world) {
			w.contactOnly(campaign.ReasonUnresolved)
			w.records.Attempts = []app.AttemptRecord{{ID: one, ContactID: 1, State: campaign.Lost}}
			w.orders.Called = map[uuid.UUID]bool{one: true}
		}, "I5", "lost with 0 calls"},
		{"an alarm without a cause", func(w *world) { w.records.Alarms = []campaign.Alarm{{Kind: "attempt_lost", Detail: "why"}} }, "I14", "attempt_lost was raised, for which there is no cause"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := sound()
			test.corrupt(w)
			got := w.compare()
			found := slices.ContainsFunc(got.Broken, func(f verify.Finding) bool {
				return f.Invariant == test.invariant && strings.Contains(f.What, test.says)
			})
			if !found {
				t.Errorf("got %+v, want a finding of %s that says %q", got.Broken, test.invariant, test.says)
			}
		})
	}
}

// Facts that are not known yet contradict nothing.
func TestCompareTellsPendingFromBroken(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*world)
		says   string
	}{
		{"a price to come", func(w *world) { w.records.Attempts[1].Price = decimal.NullDecimal{} }, "has no price yet"},
		{"an outcome that is not known yet", func(w *world) {
			w.ledger[0].Told = nil
			w.records.Attempts[0].CallUUID, w.records.Attempts[0].State, w.records.Attempts[0].Disposition = "", campaign.Unknown, ""
		}, "the attempt is unknown without a uuid"},
		{"an end to come", func(w *world) {
			w.records.Attempts[1].State, w.records.Attempts[1].Disposition = campaign.Accepted, ""
			w.records.Contacts[0].State, w.records.Contacts[0].Reason = campaign.Active, ""
		}, "is accepted, and its call b has ended"},
		{"a webhook that came after the records were read", func(w *world) {
			w.records.At = w.ledger[1].EndedAt
			w.records.Attempts[1].Events = []string{"answered"}
		}, "the webhook human"},
		{"a call that is younger than the records", func(w *world) {
			w.records.At = noon.Add(3 * time.Minute)
			w.ledger = append(w.ledger, verify.Call{UUID: "z", AttemptID: uuid.Max, To: bob, PlacedAt: w.records.At})
		}, "call z at Vonage"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := sound()
			test.change(w)
			got := w.compare()
			found := slices.ContainsFunc(got.Pending, func(f verify.Finding) bool { return strings.Contains(f.What, test.says) })
			if !found || !got.Sound() || got.Settled() {
				t.Errorf("got %+v, want nothing broken, and %q pending", got, test.says)
			}
		})
	}
}

func TestCompareAllows(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*world)
	}{
		{"calls of others", func(w *world) { w.ledger = append(w.ledger, verify.Call{UUID: "foreign", To: ann, PlacedAt: noon}) }},
		{"a manual call whose events went elsewhere", func(w *world) { w.ledger[2].Told = []string{"failed", "started"} }},
		{"uuids without dashes", func(w *world) { w.ledger[0].UUID, w.records.Attempts[0].CallUUID = "0A0B", "0a-0b" }},
		{"an answer of which nobody said whose", func(w *world) {
			w.ledger[1].Told, w.records.Attempts[1].Disposition, w.records.Contacts[0].Reason = nil, campaign.Answered, "answered"
			w.records.Attempts[1].Statuses = []string{"completed"}
		}},
		{"calls that a restored database had forgotten", func(w *world) {
			for i := range w.records.Attempts[:2] {
				w.ledger[i].AttemptID[0]++
				w.records.Attempts[i].Recovered, w.records.Attempts[i].DialedAt, w.records.Attempts[i].Events = true, time.Time{}, nil
				w.ledger[i].Told = nil
				w.records.Attempts[i].Disposition = campaign.Disposition(w.ledger[i].Outcome)
			}
		}},
		{"a contact that waits", func(w *world) {
			w.contactOnly("")
			w.records.Contacts[0].State = campaign.Pending
		}},
		{"a contact that was suppressed", func(w *world) {
			w.contactOnly(campaign.ReasonSuppressed)
			w.orders.Suppressed[ann] = []verify.Span{{From: noon}}
		}},
		{"a contact that was stopped", func(w *world) {
			w.contactOnly(campaign.ReasonStopped)
			w.rule(func(r *verify.Rule) { r.Ends = map[campaign.Reason]bool{campaign.ReasonStopped: true} })
		}},
		{"a call whose request was sent before the order", func(w *world) {
			w.orders.Suppressed[ann] = []verify.Span{{From: w.ledger[1].PlacedAt.Add(-2 * time.Second)}}
		}},
		{"a call after the resume", func(w *world) {
			w.rule(func(r *verify.Rule) {
				r.Closed = []verify.Span{{From: noon.Add(5 * time.Second), To: noon.Add(55 * time.Second)}}
			})
		}},
		{"another call after one that we hung up", func(w *world) {
			w.ledger[0].Outcome, w.ledger[0].HungUp, w.ledger[0].Told = "cancelled", true, nil
			w.records.Attempts[0].Disposition, w.records.Attempts[0].Statuses = campaign.Cancelled, []string{"cancelled"}
			w.rule(func(r *verify.Rule) { r.Retry.Again[campaign.Unanswered] = 40 * time.Second })
		}},
		{"a call that a person knows of and nobody can name", func(w *world) {
			w.ledger, w.records.Attempts = w.ledger[:1], []app.AttemptRecord{{ID: one, ContactID: 1, State: campaign.Lost}}
			k := &w.records.Contacts[0]
			k.Reason, k.Calls, k.Result, k.HeardAt = campaign.ReasonUnresolved, 0, "", time.Time{}
			w.orders.Called = map[uuid.UUID]bool{one: true}
		}},
		{"a member that the record lacks", func(w *world) {
			w.ledger[1].Unsaid, w.records.Attempts[1].StartTime = "start_time", time.Time{}
		}},
		{"the network in an event's words", func(w *world) {
			w.records.Attempts[1].Network, w.records.Attempts[1].BillSource = "N-MOBILE", campaign.FromEvent
		}},
		{"answered, as the list showed it by a clock that is behind", func(w *world) {
			w.orders.Slack = time.Second
			w.records.Attempts[1].AnsweredAt = noon.Add(65*time.Second - 300*time.Millisecond)
		}},
		{"a key of which nobody was told", func(w *world) {
			w.ledger[1].KeysTold, w.records.Attempts[1].Keys = []string{"1"}, []string{"1"}
		}},
		{"a message that went on after a key of which nobody was told", func(w *world) {
			w.ledger[1].KeysTold, w.ledger[1].HeardAt = []string{"1"}, time.Time{}
		}},
		{"a message that was heard later, after a key of which nobody was told", func(w *world) {
			w.ledger[1].KeysTold, w.ledger[1].HeardAt = []string{"1"}, noon.Add(80*time.Second)
		}},
		{"a message of which nobody was told that it was heard", func(w *world) {
			w.ledger[1].HeardTold = false
			w.records.Attempts[1].HeardAt, w.records.Contacts[0].HeardAt = time.Time{}, time.Time{}
		}},
		{"called again after opting out, of which nobody was told", func(w *world) {
			w.optedOut()
			w.ledger[0].KeysTold = nil
		}},
		{"called again before the opting out was told", func(w *world) {
			w.optedOut()
			w.records.Suppressed = map[string]bool{ann: true}
			w.ledger[0].ToldAt = noon.Add(62 * time.Second)
		}},
		{"called again after opting out, which was lifted", func(w *world) {
			w.optedOut()
			w.orders.Lifted = map[string][]time.Time{ann: {noon.Add(30 * time.Second)}}
		}},
		{"a contact that ends because the person opted out", func(w *world) {
			w.optedOut()
			w.ledger, w.records.Attempts = w.ledger[:1], w.records.Attempts[:1]
			k := &w.records.Contacts[0]
			k.Reason, k.Calls, k.Result, k.HeardAt = campaign.ReasonSuppressed, 1, "opted_out", time.Time{}
			w.records.Suppressed = map[string]bool{ann: true}
		}},
		{"an alarm that the run gives cause for", func(w *world) {
			w.records.Alarms, w.orders.Alarms = []campaign.Alarm{{Kind: "k"}}, map[string]bool{"k": true}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := sound()
			test.change(w)
			if got := w.compare(); !got.Sound() || !got.Settled() {
				t.Errorf("got %+v, want no finding", got)
			}
		})
	}
}

func TestPriceDifferencesAddUp(t *testing.T) {
	t.Parallel()
	w := sound()
	w.ledger[0].Price = price("0.00000001").Decimal
	w.records.Attempts[1].Price = price("0.00333334")
	if got, want := w.compare().PriceDifference.StringFixed(8), "0.00000002"; got != want {
		t.Errorf("price difference %s, want %s", got, want)
	}
}
