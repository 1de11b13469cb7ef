package campaign

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

const (
	callee = "447700900001"
	caller = "447700900100"
)

// eventOf is a signed event about a call to the attempt's number.
func eventOf(uuid, status string) Evidence {
	return Evidence{Source: FromEvent, CallUUID: uuid, Status: status, To: callee, From: caller, ObservedAt: noon}
}

func TestSuperfluous(t *testing.T) {
	t.Parallel()
	with := func(e Evidence, change func(*Evidence)) Evidence { change(&e); return e }
	for _, test := range []struct {
		name  string
		state State
		uuid  string
		e     Evidence
		want  string
	}{
		{"the attempt's own call", Accepted, "A", eventOf("A", "ringing"), ""},
		{"a second call", Accepted, "A", eventOf("B", "ringing"), AlarmSecondCall},
		{"a second call after the first", Ended, "A", eventOf("B", "started"), AlarmSecondCall},
		{"a second call by the response", Accepted, "A", Evidence{Source: FromResponse, CallUUID: "B", Status: "started"}, AlarmSecondCall},
		{"another leg by its number", Accepted, "A", with(eventOf("B", "ringing"), func(e *Evidence) { e.To = "447700900002" }), ""},
		{"another leg by its conversation", Accepted, "A", with(eventOf("B", "ringing"), func(e *Evidence) { e.ConversationUUID = "CON-A" }), ""},
		{"another leg perhaps: no number", Accepted, "A", with(eventOf("B", "ringing"), func(e *Evidence) { e.To = "" }), ""},
		{"a second call in the list", Accepted, "A", with(eventOf("B", "ringing"), func(e *Evidence) { e.Source = FromList }), ""},
		{"withdrawn", Void, "", eventOf("B", "ringing"), AlarmEvidenceForVoid},
		{"withdrawn, and the call is over", Void, "", eventOf("B", "completed"), ""},
		{"withdrawn, and another's number", Void, "", with(eventOf("B", "ringing"), func(e *Evidence) { e.To = "447700900002" }), ""},
		{"absent", Absent, "", eventOf("B", "answered"), AlarmLateEvidence},
		{"refused", Refused, "", eventOf("B", "started"), AlarmLateEvidence},
		{"lost", Lost, "", eventOf("B", "started"), AlarmLateEvidence},
		{"absent, and the call failed", Absent, "", eventOf("B", "busy"), ""},
		{"absent, by the list", Absent, "", with(eventOf("B", "answered"), func(e *Evidence) { e.Source = FromList }), ""},
		{"absent, without a call", Absent, "", eventOf("", "answered"), ""},
		{"waited for", Unknown, "", eventOf("A", "ringing"), ""},
		{"dialing", Dialing, "", eventOf("A", "ringing"), ""},
		{"reserved", Reserved, "", eventOf("A", "ringing"), ""},
	} {
		a := Attempt{State: test.state, To: callee, From: caller, Facts: Facts{CallUUID: test.uuid, ConversationUUID: "CON-A"}}
		if got := Superfluous(a, test.e); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestSurplusIsTheLaterCall(t *testing.T) {
	t.Parallel()
	later := noon.Add(time.Second)
	live, over := Attempt{State: Accepted, Facts: Facts{CallUUID: "A"}}, Attempt{State: Ended, Facts: Facts{CallUUID: "A"}}
	for _, test := range []struct {
		name       string
		a          Attempt
		e          Evidence
		own, other time.Time
		call       string
	}{
		{"the other began later", live, eventOf("B", "ringing"), noon, later, "B"},
		{"the attempt's own began later", live, eventOf("B", "ringing"), later, noon, "A"},
		{"at once", live, eventOf("B", "ringing"), noon, noon, "B"},
		{"the own time is not known", live, eventOf("B", "ringing"), time.Time{}, noon, "B"},
		{"the other time is not known", live, eventOf("B", "ringing"), noon, time.Time{}, "B"},
		{"the later one is over", live, eventOf("B", "completed"), noon, later, ""},
		{"the earlier one is over", live, eventOf("B", "completed"), later, noon, "A"},
		{"the own, later, is over", over, eventOf("B", "ringing"), later, noon, ""},
		{"the own, earlier, is over", over, eventOf("B", "ringing"), noon, later, "B"},
	} {
		if got, _ := Surplus(test.a, test.e, test.own, test.other); got != test.call {
			t.Errorf("%s: hung up %q, want %q", test.name, got, test.call)
		}
	}
}

// For any times and words, one of the two calls stays up, and the other one is hung up.
func TestSurplusNeverBothCalls(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		moment := rapid.Custom(func(t *rapid.T) time.Time {
			if rapid.Bool().Draw(t, "known") {
				return noon.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "s")) * time.Second)
			}
			return time.Time{}
		})
		a := Attempt{State: rapid.SampledFrom([]State{Accepted, Ended}).Draw(t, "state"), Facts: Facts{CallUUID: "A"}}
		e := eventOf("B", rapid.SampledFrom([]string{"started", "ringing", "answered", "busy", "completed"}).Draw(t, "status"))
		call, spared := Surplus(a, e, moment.Draw(t, "own"), moment.Draw(t, "other"))
		if spared == call || (spared != "A" && spared != "B") {
			t.Fatalf("hung up %q, spared %q", call, spared)
		}
		if call == "B" && Ends(e.Status) || call == "A" && a.State == Ended {
			t.Fatalf("hung up %q, which is over", call)
		}
	})
}

// A hang-up without an effect does not cause what Vonage says about the call, in any
// order of its answer and the events, and with any repetitions.
func TestFoldHangUp(t *testing.T) {
	t.Parallel()
	first := HangUpRequest{ID: uuid.New(), CallUUID: "U1", At: sec(6)}
	second := HangUpRequest{ID: uuid.New(), CallUUID: "U1", At: sec(7)}
	early := HangUpRequest{ID: uuid.New(), CallUUID: "U1"} // the call was known to be over
	type answer struct {
		HangUpRequest
		effect Effect
	}
	for _, test := range []struct {
		name    string
		answers []answer
		want    Disposition
	}{
		{"none yet", nil, Unexplained},
		{"done", []answer{{first, EffectDone}}, Unexplained},
		{"unknown", []answer{{first, EffectUnknown}}, Unexplained},
		{"the call was over", []answer{{first, EffectRefused}}, Busy},
		{"done, and asked again", []answer{{first, EffectDone}, {second, EffectRefused}}, Unexplained},
		{"no answer yet, and asked again", []answer{{second, EffectRefused}}, Unexplained},
		{"refused, and asked again", []answer{{first, EffectRefused}, {second, EffectDone}}, Unexplained},
		{"asked twice at once", []answer{{second, EffectDone}, {first, EffectRefused}}, Unexplained},
		{"asked after its end", []answer{{first, EffectRefused}, {early, EffectUnknown}}, Busy},
	} {
		for at := range 4 { // the answers come before one of the events, or after all of them
			a := dialing()
			a.HungUpAt, a.HungUpBy = first.At, first.ID
			for i, e := range []Evidence{event("ringing", 2), event("busy", 5), event("completed", 6), event("completed", 6)} {
				if i == at {
					for range 2 {
						for _, got := range test.answers {
							a = FoldHangUp(a, got.HangUpRequest, got.effect)
						}
					}
				}
				a, _ = Fold(a, e)
			}
			if got := a.Disposition(); got != test.want {
				t.Errorf("%s, before event %d: %q, want %q", test.name, at, got, test.want)
			}
		}
	}
}
