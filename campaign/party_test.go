package campaign

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// wordings are ways to write the same number, for a country code of so many digits.
func wordings(number string, code int) []string {
	national := number[code:]
	return []string{
		number, "+" + number, "00" + number, "011" + number, "0" + national, "8" + national, "01" + national, national,
		number[:code] + "0" + national, number[:code] + "9" + national, " " + number,
		"", "unknown", "anonymous", "Private", "tel:+" + number, "sip:" + number + "@example.com", "+44 (0)" + national, "0", "00000000", national[len(national)-6:],
	}
}

// A telephone's number, in any wording, is never taken for another's.
func TestNumbersDifferInNoWording(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`[1-9][0-9]{10,12}`).Draw(t, "number")
		said := rapid.SampledFrom(wordings(number, rapid.IntRange(1, 3).Draw(t, "code"))).Draw(t, "said")
		if NumbersDiffer(number, said) || NumbersDiffer(said, number) {
			t.Fatalf("%s and %q are said to differ", number, said)
		}
		if got := ReadNumber(said); got != "" && strings.Trim(got, "0123456789") != "" {
			t.Fatalf("%q was read as %q", said, got)
		}
	})
}

func TestNumbersDiffer(t *testing.T) {
	t.Parallel()
	for _, test := range numberPairs {
		for _, pair := range [][2]string{{test.a, test.b}, {test.b, test.a}} {
			if got := NumbersDiffer(pair[0], pair[1]); got != test.differ {
				t.Errorf("NumbersDiffer(%q, %q) = %v, want %v", pair[0], pair[1], got, test.differ)
			}
		}
	}
}

var numberPairs = []struct {
	a, b   string
	differ bool
}{
	{"447700900001", "447700900001", false},
	{"447700900001", "447700900002", true},
	{"447700900001", "+447700900001", false},
	{"447700900001", "00447700900001", false},
	{"447700900001", "07700900001", false},
	{"447700900001", "7700900001", false},
	{"447700900001", "4407700900001", false},
	{"79161234567", "89161234567", false},
	{"3545551234", "5551234", false}, // seven digits are a whole number in Iceland
	{"3545551234", "5551235", true},
	{"447700900001", "900001", false}, // six digits are not enough
	{"447700900001", "0", false},
	{"447700900001", "", false},
	{"447700900001", "unknown", false},
	{"447700900001", "15550100001", true},
	{"12345", "54321", false},
}

func TestReadNumber(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"447700900001": "447700900001", "+447700900001": "447700900001", "00447700900001": "447700900001", "+00447700900001": "447700900001",
		"07700900001": "07700900001", "": "", "+": "", "unknown": "", "44 7700 900001": "", "447700900001;ext=1": "", "0000000": "", "123456": "",
		strings.Repeat("1", 21): "",
	} {
		if got := ReadNumber(said); got != want {
			t.Errorf("ReadNumber(%q) = %q, want %q", said, got, want)
		}
	}
}

const someCall = "63f61863-4a51-4f6b-86e1-46edebcf9356"

func TestSameCall(t *testing.T) {
	t.Parallel()
	bare := strings.ReplaceAll(someCall, "-", "")
	for _, said := range []string{
		someCall, strings.ToUpper(someCall), bare, strings.ToUpper(bare), "{" + someCall + "}", "urn:uuid:" + someCall, "CALL-" + someCall, "leg_" + bare,
	} {
		if !SameCall(someCall, said) || !SameCall(said, bare) {
			t.Errorf("%q is not %q", said, someCall)
		}
		for _, spelling := range CallSpellings(said) {
			if !SameCall(spelling, someCall) {
				t.Errorf("%q is a spelling of %q", spelling, said)
			}
		}
	}
	for _, pair := range [][2]string{
		{"", ""}, {"", someCall}, {"call-1", "call-2"}, {"call-1", "CALL-1"}, {someCall, someCall[:35] + "7"}, {someCall, someCall + "0"}, {someCall, "a" + bare},
	} {
		if a, b := pair[0], pair[1]; a != b && SameCall(a, b) {
			t.Errorf("%q is taken for %q", a, b)
		}
	}
	if got := CallSpellings("0A0000000123ABCD1"); len(got) != 1 {
		t.Errorf("a name that is no uuid has the spellings %v", got)
	}
}

// A leg that connect opened is known by its conversation or by its party. It changes no
// attempt and raises no alarm. An event that could be a leg's binds no attempt either.
func TestFoldOfLegs(t *testing.T) {
	t.Parallel()
	in := func(s State) Attempt {
		a := dialing()
		a.State = s
		return a
	}
	accepted := foldAll(dialing(), []Evidence{response(0.5)})
	leg := func(change func(*Evidence)) Evidence {
		e := event("busy", 9)
		e.CallUUID = "a leg"
		change(&e)
		return e
	}
	sip := leg(func(e *Evidence) { e.To, e.ToKind, e.ConversationUUID = "", PartyOther, "" })
	named := leg(func(e *Evidence) { e.To, e.ToKind = "", PartyUnreadable })
	agent := leg(func(e *Evidence) { e.To, e.ToKind, e.From = "442079460001", PartyPhone, "447700900000" })
	same := leg(func(*Evidence) {})
	in1 := func(conversation string) Evidence {
		return leg(func(e *Evidence) { e.ConversationUUID = conversation })
	}
	worded := accepted
	worded.ConversationUUID = "CON-" + someCall
	marked := leg(func(e *Evidence) { e.To, e.ConversationUUID, e.Leg = "", "", true })
	markedAgent := leg(func(e *Evidence) { e.To, e.ConversationUUID, e.Leg = "442079460001", "", true })
	for _, test := range []struct {
		name     string
		attempt  Attempt
		evidence Evidence
		alarms   []string
	}{
		{"to SIP, before the call is known", in(Dialing), sip, nil},
		{"to SIP, of an unknown attempt", in(Unknown), sip, nil},
		{"to SIP, of an accepted one", accepted, sip, nil},
		{"to SIP, of one that was thought to have no call", in(Absent), sip, []string{AlarmLateEvidence}},
		{"to a user by name, before the call is known", in(Unknown), named, nil},
		{"to a user by name, in the call's conversation", accepted, named, nil},
		{"to another telephone, before the call is known", in(Unknown), agent, nil},
		{"to another telephone, in the call's conversation", accepted, agent, nil},
		{"to the same telephone, in the call's conversation", accepted, same, nil},
		{"in the call's conversation in upper case", worded, in1(strings.ToUpper("CON-" + someCall)), nil},
		{"in the call's conversation without its prefix", worded, in1(someCall), nil},
		{"in the call's conversation without dashes", worded, in1(strings.ReplaceAll(someCall, "-", "")), nil},
		{"at a leg's address, before the call is known", in(Unknown), marked, nil},
		{"at a leg's address, of an accepted one", accepted, marked, nil},
		{"at a leg's address, to another telephone", accepted, markedAgent, nil},
	} {
		got, alarms := Fold(test.attempt, test.evidence)
		if diff := cmp.Diff(test.attempt, got); diff != "" {
			t.Errorf("%s: it changed the attempt:\n%s", test.name, diff)
		}
		if diff := cmp.Diff(test.alarms, alarmKinds(alarms)); diff != "" {
			t.Errorf("%s: alarms\n%s", test.name, diff)
		}
	}
	desk := in(Dialing)
	desk.To, desk.Kind, desk.Manual.ToKind = "", ManualCall, "sip"
	if got, alarms := Fold(desk, sip); got.CallUUID != "a leg" || alarms != nil {
		t.Errorf("a manual call to SIP has call %q, alarms %v", got.CallUUID, alarms)
	}
	unsaid := event("ringing", 2)
	unsaid.To = ""
	if got, _ := Fold(in(Unknown), unsaid); got.CallUUID != aCall {
		t.Error("an event that does not say whom the call went to is not its attempt's")
	}
}

// A conversation keeps the name in Vonage's own form, whichever wording comes first.
func TestConversationKeepsItsName(t *testing.T) {
	t.Parallel()
	own := "CON-" + someCall
	for _, other := range []string{someCall, strings.ToUpper(someCall), strings.ToUpper(own), strings.ReplaceAll(own, "-", "")} {
		if a, b := smaller(own, other), smaller(other, own); a != own || b != own {
			t.Errorf("of %q and %q stays %q or %q", own, other, a, b)
		}
	}
}

// In whatever wording Vonage names the call and its numbers, the attempt gets the same
// facts. In no wording does another call become its own.
func TestFoldInEveryWording(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		plain := []Evidence{response(0.5), event("ringing", 2), event("busy", 5), listed("busy", 9), event("completed", 6)}
		words := wordings("447700900001", 2)[:8]
		worded := make([]Evidence, len(plain))
		for i, e := range plain {
			e.CallUUID = someCall
			plain[i] = e
			e.CallUUID = rapid.SampledFrom(append(CallSpellings(someCall), "CALL-"+someCall)).Draw(t, "uuid")
			if e.To != "" {
				e.To = rapid.SampledFrom(words).Draw(t, "to")
			}
			worded[i] = e
		}
		want, got := foldAll(dialing(), plain), foldAll(dialing(), worded)
		got.CallUUID = want.CallUUID
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("another wording, another attempt (-want +got):\n%s", diff)
		}
		foreign := event("answered", 7)
		foreign.CallUUID, foreign.ConversationUUID = "another", rapid.SampledFrom([]string{"", "CON-1", "CON-9"}).Draw(t, "conversation")
		foreign.To = rapid.SampledFrom([]string{"447700900002", "+447700900002", "00447700900002", "07700900002"}).Draw(t, "other to")
		for _, a := range []Attempt{dialing(), want} {
			if after, _ := Fold(a, foreign); after.CallUUID != a.CallUUID || after.Disposition() != a.Disposition() {
				t.Fatalf("a call to %s became the attempt's", foreign.To)
			}
		}
	})
}

// Our own hang-up says nothing about the person: a failure after our order to hang up
// is no disposition, in whatever order we learn the two.
func TestOurHangUpIsNoDisposition(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		hungUp   float64
		said     []Evidence
		want     Disposition
		ourDoing bool
	}{
		{"cancelled after it", 4, []Evidence{event("ringing", 2), event("cancelled", 5), event("completed", 5)}, Unexplained, true},
		{"failed in the same second, by Vonage's clock before it", 4, []Evidence{event("ringing", 2), event("failed", 3), event("completed", 5)}, Unexplained, true},
		{"busy long before it", 30, []Evidence{event("ringing", 2), event("busy", 5), event("completed", 31)}, Busy, false},
		{"answered before it", 9, []Evidence{event("answered", 5), event("completed", 10)}, Answered, false},
		{"only that it is over", 4, []Evidence{event("ringing", 2), event("completed", 5)}, Unexplained, true},
	} {
		a := dialing()
		a.HungUpAt = sec(test.hungUp)
		got := foldAll(a, test.said)
		if got.Disposition() != test.want || got.HungUpByUs() != test.ourDoing {
			t.Errorf("%s: %q, our doing: %v; want %q, %v", test.name, got.Disposition(), got.HungUpByUs(), test.want, test.ourDoing)
		}
		later := foldAll(dialing(), test.said)
		later.HungUpAt = sec(test.hungUp)
		if later.Disposition() != test.want {
			t.Errorf("%s, the order learnt last: %q, want %q", test.name, later.Disposition(), test.want)
		}
	}
}

// A person whose telephone rang until we hung up is called again like one who did not
// answer. If the policy calls nobody again, the contact ends as unexplained.
func TestDecideAfterOurHangUp(t *testing.T) {
	t.Parallel()
	cut := call(Cancelled, time.Minute)
	cut.HungUpAt = noon.Add(-61 * time.Second)
	d := Decide(Settings{Retry: DefaultPolicy()}, Running, activeContact(), attempts(cut), noon)
	if d.State != Waiting || !d.DueAt.Equal(noon.Add(59*time.Minute)) || d.Attempts != 1 {
		t.Errorf("%+v, want it waiting for the time after an unanswered call", d)
	}
	none := Settings{Retry: Policy{Attempts: 3}}
	if d := Decide(none, Running, activeContact(), attempts(cut), noon); d.State != Done || d.Reason != Reason(Unexplained) {
		t.Errorf("nobody is called again: %+v, want it to end as unexplained", d)
	}
	if d := Decide(Settings{Retry: DefaultPolicy()}, Running, activeContact(), attempts(cut, call(Human, time.Second)), noon); d.Reason != Reason(Human) {
		t.Errorf("its successor was answered: %+v", d)
	}
}

// A wait starts at the later of Vonage's time and ours: if Vonage's clock is behind, no
// call is early.
func TestDecideWaitsFromTheLaterTime(t *testing.T) {
	t.Parallel()
	old := call(Busy, time.Hour) // by Vonage's clock
	old.OverSeenAt = noon.Add(-time.Minute)
	d := Decide(Settings{Retry: DefaultPolicy()}, Running, activeContact(), attempts(old), noon)
	if want := noon.Add(9 * time.Minute); !d.DueAt.Equal(want) {
		t.Errorf("due %v, want %v", d.DueAt, want)
	}
	heard := foldAll(dialing(), []Evidence{event("busy", 5).readAt(3600), event("completed", 6).readAt(3599)})
	if !heard.OverSeenAt.Equal(sec(3599)) {
		t.Errorf("first heard at %v", heard.OverSeenAt)
	}
}

// A contact that never gets a call at Vonage ends, with a reason. Attempts that do not
// show this are not counted.
func TestDecideEndsAContactThatNeverHasACall(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		tried Attempt
		want  Reason // "": the contact does not end
	}{
		{"refused for the rate", refused(RefusedRate), ReasonRefused},
		{"absent", in(Absent), ReasonUnresolved},
		{"never sent", refused(RefusedUnreachable), ""},
		{"too slow to send", refused(RefusedStale), ""},
		{"withdrawn", voided(WithdrawnPaused), ""},
	} {
		var list []Attempt
		for range WithoutCallMost {
			if d := Decide(Settings{Retry: DefaultPolicy()}, Running, activeContact(), attempts(list...), noon); d.State == Done {
				t.Fatalf("%s: ended after %d", test.name, len(list))
			}
			list = append(list, test.tried)
		}
		d := Decide(Settings{Retry: DefaultPolicy()}, Running, activeContact(), attempts(list...), noon)
		if d.Reason != test.want || d.GivenUp != (test.want != "") {
			t.Errorf("%s: %+v after %d, want reason %q", test.name, d, len(list), test.want)
		}
		list = append(list[:len(list)-1:len(list)-1], call(Busy, time.Minute), test.tried)
		if d := Decide(Settings{Retry: DefaultPolicy()}, Running, activeContact(), attempts(list...), noon); d.State == Done {
			t.Errorf("%s: ended although there was a call between", test.name)
		}
	}
}
