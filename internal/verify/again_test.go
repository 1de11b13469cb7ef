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
)

// made is a call of contact 1, at this time after noon; it lasts ten seconds.
type made struct {
	at      time.Duration
	outcome string
	to      string // "": ann
	heard   bool
	result  string
	hungUp  bool
}

// history is a world in which contact 1 had these calls, and waits or has ended.
func history(p campaign.Policy, reason campaign.Reason, calls ...made) *world {
	w := sound()
	w.ledger, w.records.Attempts = nil, nil
	w.records.At = noon.Add(1000 * time.Hour)
	k := &w.records.Contacts[0]
	k.State, k.Reason, k.Calls, k.Result, k.HeardAt = campaign.Done, reason, len(calls), "", time.Time{}
	if reason == "" {
		k.State = campaign.Waiting
	}
	for i, m := range calls {
		id := uuid.UUID{15: byte(i + 1)}
		at := noon.Add(m.at)
		call := verify.Call{
			UUID: id.String(), AttemptID: id, TokenID: token, To: ann, PlacedAt: at, EndedAt: at.Add(10 * time.Second),
			Outcome: m.outcome, Told: []string{m.outcome}, ToldAt: at.Add(10 * time.Second), HungUp: m.hungUp,
		}
		a := app.AttemptRecord{
			ID: id, Campaign: "c", ContactID: 1, No: i + 1, State: campaign.Ended, Disposition: campaign.Disposition(m.outcome), DialedAt: at,
			TokenID: token, CallUUID: id.String(), Statuses: []string{m.outcome}, Events: []string{m.outcome}, Result: m.result,
		}
		if m.to != "" {
			call.To = m.to
		}
		a.To = call.To
		if call.Answered = m.outcome == "human" || m.outcome == "machine"; call.Answered {
			call.AnsweredAt, call.DurationS = at.Add(time.Second), 9
			a.AnsweredAt = call.AnsweredAt
		}
		if m.heard {
			call.HeardAt, call.HeardTold, a.HeardAt = at.Add(8*time.Second), true, at.Add(8*time.Second)
			if k.HeardAt.IsZero() {
				k.HeardAt = a.HeardAt
			}
		}
		if m.result != "" {
			call.Keys, call.KeysTold, a.Keys = []string{"1"}, []string{"1"}, []string{"1"}
			k.Result = m.result
		}
		w.ledger, w.records.Attempts = append(w.ledger, call), append(w.records.Attempts, a)
	}
	w.rule(func(r *verify.Rule) { r.Retry, r.Open = p, nil })
	return w
}

func TestCompareByThePolicy(t *testing.T) {
	t.Parallel()
	const m = time.Minute
	waits := func(d campaign.Disposition) map[campaign.Disposition]time.Duration {
		return map[campaign.Disposition]time.Duration{d: 10 * m}
	}
	steps := campaign.Policy{Attempts: 4, Again: waits(campaign.Busy), Later: map[campaign.Disposition][]time.Duration{campaign.Busy: {60 * m, 240 * m}}}
	jitter := campaign.Policy{Attempts: 2, Again: waits(campaign.Busy), Jitter: 10 * m}
	heard := campaign.Policy{Attempts: 3, Until: campaign.UntilHeard, Again: waits(campaign.Unheard)}
	twice := campaign.Policy{Attempts: 2, Again: waits(campaign.Busy)}
	three := campaign.Policy{Attempts: 3, Again: waits(campaign.Busy)}
	both := campaign.Policy{Attempts: 5, Again: map[campaign.Disposition]time.Duration{campaign.Busy: 10 * m, campaign.Failed: 10 * m}, Later: map[campaign.Disposition][]time.Duration{campaign.Busy: {60 * m}}}
	unanswered := campaign.Policy{Attempts: 2, Again: map[campaign.Disposition]time.Duration{campaign.Unanswered: 10 * m, campaign.Busy: 10 * m}}
	machines := campaign.Policy{Attempts: 2, Again: waits(campaign.Machine)}
	result := campaign.Policy{Attempts: 3, Until: campaign.UntilResult, Again: waits(campaign.Unheard)}
	remind := func(w *world) {
		w.records.Contacts[0].RemindAt = []time.Time{noon, noon.Add(20 * m)}
	}
	numbers := func(w *world) { w.records.Contacts[0].Numbers = []string{ann, bob} }
	rang := func(at time.Duration) func(*world) {
		return func(w *world) {
			k := &w.records.Contacts[0]
			k.RangBack.HeardAt, k.HeardAt = noon.Add(at), noon.Add(at)
		}
	}
	asked := func(at time.Duration) func(*world) {
		return func(w *world) { w.records.Contacts[0].AskedAt = []time.Time{noon.Add(at)} }
	}
	busy := func(at time.Duration) made { return made{at: at, outcome: "busy"} }
	human := func(at time.Duration) made { return made{at: at, outcome: "human", heard: true} }
	for _, test := range []struct {
		name   string
		p      campaign.Policy
		reason campaign.Reason
		calls  []made
		change func(*world)
		says   string // "": nothing is wrong
	}{
		{"steps", steps, "busy", []made{busy(0), busy(11 * m), busy(72 * m), busy(313 * m)}, nil, ""},
		{"a second step that is too short", steps, "", []made{busy(0), busy(11 * m), busy(22 * m)}, nil, "the wait is 1h0m0s"},
		{"a third step that is too short", steps, "", []made{busy(0), busy(11 * m), busy(72 * m), busy(140 * m)}, nil, "the wait is 4h0m0s"},
		{"jitter", jitter, "busy", []made{busy(0), busy(21 * m)}, nil, ""},
		{"jitter at its least", jitter, "busy", []made{busy(0), busy(10*m + 11*time.Second)}, nil, ""},
		{"sooner than the wait, with jitter", jitter, "", []made{busy(0), busy(9 * m)}, nil, "the wait is 10m0s"},
		{"a last step that holds for all that follow", campaign.Policy{Attempts: 5, Again: steps.Again, Later: map[campaign.Disposition][]time.Duration{campaign.Busy: {60 * m}}}, "",
			[]made{busy(0), busy(11 * m), busy(72 * m), busy(100 * m)}, nil, "the wait is 1h0m0s"},
		{"steps of their own for each word", both, "", []made{busy(0), {at: 11 * m, outcome: "failed"}, busy(22 * m), busy(40 * m)}, nil, "the wait is 1h0m0s"},
		{"the first step of another word", both, "", []made{busy(0), {at: 11 * m, outcome: "failed"}, busy(22 * m)}, nil, ""},
		{"after we hung up, as after nobody answered", unanswered, "", []made{{outcome: "cancelled", hungUp: true}, busy(11 * m)}, nil, ""},
		{"too soon after we hung up", unanswered, "", []made{{outcome: "cancelled", hungUp: true}, busy(5 * m)}, nil, "the wait is 10m0s"},
		{"after we hung up, where nobody is called again", twice, "", []made{{outcome: "cancelled", hungUp: true}, busy(11 * m)}, nil, "was final (unanswered)"},
		{"a call that we hung up, and steps", campaign.Policy{Attempts: 3, Again: unanswered.Again, Later: map[campaign.Disposition][]time.Duration{campaign.Unanswered: {60 * m}}}, "",
			[]made{{outcome: "cancelled", hungUp: true}, {at: 11 * m, outcome: "unanswered"}, busy(30 * m)}, nil, "the wait is 1h0m0s"},
		{"a machine that is called again", machines, "", []made{{outcome: "machine"}, busy(11 * m)}, nil, ""},
		{"a machine that is called again too soon", machines, "", []made{{outcome: "machine"}, busy(5 * m)}, nil, "the wait is 10m0s"},
		{"a machine, and it is not called again", twice, "", []made{{outcome: "machine"}, busy(11 * m)}, nil, "was final (machine)"},
		{"until a result, and it was heard", result, "", []made{human(0), busy(11 * m)}, nil, ""},
		{"until a result, which was given", result, "", []made{{outcome: "human", heard: true, result: "confirmed"}, busy(11 * m)}, nil, "was final (human)"},
		{"until a result, by default half an hour", campaign.Policy{Attempts: 2, Until: campaign.UntilResult}, "", []made{human(0), busy(20 * m)}, nil, "the wait is 30m0s"},
		{"sooner, as a person asked", twice, "busy", []made{busy(0), busy(5 * m)}, asked(4 * m), ""},
		{"asked before the call before it", twice, "busy", []made{busy(0), busy(5 * m)}, asked(-m), "the wait is 10m"},
		{"asked after it", twice, "busy", []made{busy(0), busy(5 * m)}, asked(6 * m), "the wait is 10m"},
		{"until heard", heard, "human", []made{{outcome: "human"}, human(11 * m)}, nil, ""},
		{"until heard, too soon", heard, "human", []made{{outcome: "human"}, human(5 * m)}, nil, "the wait is 10m"},
		{"called after it was heard", heard, "human", []made{human(0), human(11 * m)}, nil, "was final (human)"},
		{"ended before it was heard", heard, "human", []made{{outcome: "human"}}, nil, "after 1 of 3 calls"},
		{"heard, and told after the next call began", heard, "", []made{human(0), {at: 11 * m, outcome: "human"}}, func(w *world) {
			w.ledger[0].ToldAt = noon.Add(12 * m)
		}, ""},

		{"reminders", twice, "human", []made{busy(0), busy(11 * m), human(20 * m)}, remind, ""},
		{"a reminder after an answer", twice, "busy", []made{human(0), busy(20 * m), busy(31 * m)}, remind, ""},
		{"a reminder called too often", twice, "busy", []made{busy(0), busy(20 * m), busy(31 * m), busy(42 * m)}, remind, "3 calls, and the rule allows 2"},
		{"a reminder called again too soon", twice, "busy", []made{busy(0), busy(20 * m), busy(25 * m)}, remind, "the wait is 10m"},
		{"a reminder called after its answer", twice, "", []made{human(0), busy(11 * m)}, remind, "was final (human)"},
		{"reminded after a result", twice, "", []made{{outcome: "human", heard: true, result: "confirmed"}, busy(20 * m)}, remind, "had said confirmed"},
		{"ended by a result", twice, "human", []made{{outcome: "human", heard: true, result: "confirmed"}}, remind, ""},
		{"ended before its last reminder", twice, "human", []made{human(0)}, remind, "there is no cause"},

		{"the next number at once", three, "human", []made{busy(0), {at: m, outcome: "human", to: bob, heard: true}}, numbers, ""},
		{"a number again too soon", three, "", []made{busy(0), {at: m, outcome: "busy", to: bob}, busy(2 * m)}, numbers, "the wait is"},
		{"a number after its end", three, "", []made{{outcome: "rejected"}, {at: m, outcome: "busy", to: bob}, busy(30 * m)}, numbers, "and call"},
		{"a number's end, and the other's calls used", three, "busy", []made{
			{outcome: "rejected"}, {at: m, outcome: "busy", to: bob}, {at: 12 * m, outcome: "busy", to: bob},
		}, numbers, ""},
		{"all numbers at their end", three, "rejected", []made{{outcome: "rejected"}, {at: m, outcome: "rejected", to: bob}}, numbers, ""},
		{"ended with a number left", three, "rejected", []made{{outcome: "rejected"}}, numbers, "there is no cause"},
		{"the next number after an answer", three, "", []made{human(0), {at: m, outcome: "busy", to: bob}}, numbers, "was final (human)"},

		{"rang back", three, "busy", []made{busy(0)}, rang(5 * m), ""},
		{"rang back while the next call began", three, "busy", []made{busy(0), busy(11 * m)}, rang(11 * m), ""},
		{"called after ringing back", three, "busy", []made{busy(0), busy(11 * m)}, rang(5 * m), "had rung back"},
		{"a contact that did not hear it when it rang back", three, "busy", []made{busy(0)}, nil, "after 1 of 3 calls"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := history(test.p, test.reason, test.calls...)
			if test.change != nil {
				test.change(w)
			}
			broken := w.compare().Broken
			broken = slices.DeleteFunc(broken, func(f verify.Finding) bool { return f.Invariant == "I6" })
			says := func(f verify.Finding) bool { return strings.Contains(f.What, test.says) }
			if test.says == "" && len(broken) > 0 || test.says != "" && !slices.ContainsFunc(broken, says) {
				t.Errorf("found %+v, want %q", broken, test.says)
			}
		})
	}
}
