package main

import (
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/verify"
	"dialer/test/fleet"

	"github.com/google/go-cmp/cmp"
)

func TestOrders(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return time.Unix(int64(s), 0).UTC() }
	o := newOrders(options{})
	o.begun("c", settings(), []string{"1"})
	o.added("c", "2")
	o.closed("c", at(10))
	o.reopened("c", at(20))
	o.closed("c", at(30))
	o.stopping("c")
	o.suppress("1", at(1), at(5))
	o.suppress("1", at(2), time.Time{})
	if got := o.forever(); len(got) != 1 || got[0] != "1" {
		t.Errorf("forever %v", got)
	}
	o.unsuppress("1", at(7))
	o.suppress("1", at(9), time.Time{})
	got := o.judged()
	want := map[string][]verify.Span{"1": {{From: at(1), To: at(5)}, {From: at(2), To: at(7)}, {From: at(9)}}}
	if diff := cmp.Diff(want, got.Suppressed); diff != "" {
		t.Errorf("suppressed (-want +got):\n%s", diff)
	}
	rule := got.Rules["c"]
	if diff := cmp.Diff([]verify.Span{{From: at(10), To: at(20)}, {From: at(30)}}, rule.Closed); diff != "" {
		t.Errorf("closed (-want +got):\n%s", diff)
	}
	if len(rule.Rows) != 2 || !rule.Ends["stopped"] || rule.Ends["refused"] || rule.Retry.Attempts != 3 {
		t.Errorf("%+v", rule)
	}
	o.added("c", "")
	o.added("c", "3")
	if rows := o.judged().Rules["c"].Rows; rows != nil {
		t.Errorf("rows %v after a file of which a part may be there", rows)
	}
}

// An alarm without a cause in the run is found.
func TestExpectedAlarms(t *testing.T) {
	t.Parallel()
	calm := options{Faults: "none", Wording: "usual", EventsLost: "0"}
	with := func(change func(*options)) options {
		o := calm
		change(&o)
		return o
	}
	faults, other := with(func(o *options) { o.Faults = "some" }), with(func(o *options) { o.Wording = "other" })
	killed, lost := with(func(o *options) { o.Kills = 1 }), with(func(o *options) { o.EventsLost = "0.5" })
	timed, edited := with(func(o *options) { o.Kills, o.Acts = -1, -1 }), with(func(o *options) { o.Acts, o.Act = 3, actEdit })
	hungUp := with(func(o *options) { o.Acts, o.Act = 3, actHangUp })
	for _, test := range []struct {
		kind    string
		in, not []options
	}{
		{campaign.AlarmNumberMismatch, []options{other}, []options{calm, faults, killed, lost}},
		{campaign.AlarmUnsigned, []options{other}, []options{calm, faults, killed, lost}},
		{campaign.AlarmUnreadableRecord, []options{other}, []options{calm, faults, killed, lost}},
		{campaign.AlarmAbsenceBlocked, []options{faults, killed, timed}, []options{calm, other, lost, edited}},
		{campaign.AlarmUnknownAttempt, nil, []options{calm, faults, other, killed}},
		{campaign.AlarmBudget, []options{edited, timed}, []options{calm, hungUp, faults}},
		{campaign.AlarmRedisUnusable, []options{calm, other, killed}, nil},
		{campaign.AlarmSecondCall, nil, []options{calm, faults, other, killed, timed, edited}},
	} {
		for _, o := range test.in {
			if !o.expectedAlarms()[test.kind] {
				t.Errorf("%s is not expected in %+v", test.kind, o)
			}
		}
		for _, o := range test.not {
			if o.expectedAlarms()[test.kind] {
				t.Errorf("%s is expected in %+v", test.kind, o)
			}
		}
	}
}

// Whatever faults Vonage has, others join some of the calls.
func TestProviderHasLegs(t *testing.T) {
	t.Parallel()
	for _, faults := range []string{"none", "some", "heavy"} {
		if cfg := providerConfig(options{Faults: faults}, newWebhookProxy(1, 0)); cfg.Faults.ExtraLegs == 0 {
			t.Errorf("with faults %s nobody joins a call", faults)
		}
	}
}

// A person's row may be in force from the moment its file was typed, and only it is in
// force after the command has returned.
func TestOrdersOfRows(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return time.Unix(int64(s), 0).UTC() }
	o := newOrders(options{Contacts: 2})
	o.begun("c", settings(), nil)
	number := fleet.Number(1)
	o.row("c", number, verify.Row{Says: "Hello Ann,", Span: verify.Span{From: at(10)}})
	before := o.judged().Rules["c"].People[number]
	o.rowDone("c", number, true, at(12))
	o.row("c", number, verify.Row{Says: "Hello Bob,", Span: verify.Span{From: at(20)}})
	o.rowDone("c", number, false, at(22))
	o.row("c", "1", verify.Row{Says: "Hello Late,"})
	got := o.judged().Rules["c"]
	want := []verify.Row{
		{Says: "Hello Person 2,", Span: verify.Span{To: at(12)}},
		{Says: "Hello Ann,", Span: verify.Span{From: at(10)}},
	}
	if diff := cmp.Diff(want, got.People[number]); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if len(before) != 2 || !before[0].To.IsZero() {
		t.Errorf("while the command runs %v, want both without an end", before)
	}
	if rows := got.People["1"]; len(rows) != 1 || rows[0].Says != "Hello Late," {
		t.Errorf("a newcomer's rows %v", rows)
	}
	if got.Names[fleet.Number(0)] != "Hello Person 1," {
		t.Errorf("names %v", got.Names)
	}
}
