package campaign

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

func foldAll(a Attempt, evidence []Evidence) Attempt {
	for _, e := range evidence {
		a, _ = Fold(a, e)
	}
	return a
}

// permute calls f with every order of list, which it reorders in place.
func permute[T any](list []T, f func([]T)) {
	var walk func(int)
	walk = func(n int) {
		if n <= 1 {
			f(list)
			return
		}
		for i := range n {
			list[i], list[n-1] = list[n-1], list[i]
			walk(n - 1)
			list[i], list[n-1] = list[n-1], list[i]
		}
	}
	walk(len(list))
}

func TestFoldGivesOneAttemptInEveryOrder(t *testing.T) {
	t.Parallel()
	orders := 0
	for _, h := range histories() {
		want := foldAll(dialing(), h.evidence)
		if want.State != h.state || want.Disposition() != h.want {
			t.Errorf("%s: got %s %q, want %s %q", h.name, want.State, want.Disposition(), h.state, h.want)
		}
		if got := want.Bill.Price; got.Valid != (h.price != "") || got.Valid && !got.Decimal.Equal(decimal.RequireFromString(h.price)) {
			t.Errorf("%s: price %v, want %q", h.name, got, h.price)
		}
		for double := range h.evidence {
			permute(append(slices.Clone(h.evidence), h.evidence[double]), func(order []Evidence) {
				orders++
				if got := foldAll(dialing(), order); !reflect.DeepEqual(got, want) {
					t.Fatalf("%s, in the order %v:\n%s", h.name, statuses(order), cmp.Diff(want, got))
				}
			})
		}
	}
	if orders < 5_000 {
		t.Errorf("only %d orders were tried", orders)
	}
}

// Lost evidence may change the result, but the result must not depend on the order of
// the rest.
func TestFoldGivesOneAttemptInEveryOrderOfAnySubset(t *testing.T) {
	t.Parallel()
	for _, h := range histories() {
		for set := 1; set < 1<<len(h.evidence); set++ {
			var kept []Evidence
			for i, e := range h.evidence {
				if set&(1<<i) != 0 {
					kept = append(kept, e)
				}
			}
			want := foldAll(dialing(), kept)
			permute(kept, func(order []Evidence) {
				if got := foldAll(dialing(), order); !reflect.DeepEqual(got, want) {
					t.Fatalf("%s, in the order %v:\n%s", h.name, statuses(order), cmp.Diff(want, got))
				}
			})
		}
	}
}

func statuses(evidence []Evidence) []string {
	var list []string
	for _, e := range evidence {
		list = append(list, string(e.Source)+" "+e.Status)
	}
	return list
}

func TestFoldIsAJoin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, x, y := anyAttempt(t), anyEvidence(t, "x"), anyEvidence(t, "y")
		once := foldAll(a, []Evidence{x})
		if again := foldAll(once, []Evidence{x}); !reflect.DeepEqual(once, again) {
			t.Fatalf("folding twice is not folding once:\n%s", cmp.Diff(once, again))
		}
		xy, yx := foldAll(a, []Evidence{x, y}), foldAll(a, []Evidence{y, x})
		if !reflect.DeepEqual(xy, yx) {
			t.Fatalf("the order matters:\n%s", cmp.Diff(xy, yx))
		}
	})
}

func TestFoldNeverTakesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := anyAttempt(t)
		b, _ := Fold(a, anyEvidence(t, "x"))
		for _, w := range a.Statuses {
			if !slices.Contains(b.Statuses, w) {
				t.Fatalf("the word %q is gone", w)
			}
		}
		if !slices.IsSorted(b.Statuses) {
			t.Fatalf("words out of order: %q", b.Statuses)
		}
		if b.State != Ended && (a.State == Ended || !b.EndedAt.IsZero()) {
			t.Fatalf("%s became %s", a.State, b.State)
		}
		for name, pair := range map[string][2]time.Time{"answered": {a.AnsweredAt, b.AnsweredAt}, "failed": {a.FailedAt, b.FailedAt}, "closed": {a.EndedAt, b.EndedAt}} {
			if was, is := pair[0], pair[1]; !was.IsZero() && (is.IsZero() || is.After(was)) {
				t.Fatalf("%s at %v became %v", name, was, is)
			}
		}
		if b.Bill.Before(a.Bill) {
			t.Fatal("a lesser bill stands")
		}
	})
}

// A webhook that is delivered again is read at another time, and must change nothing.
func TestFoldOfARepeatedEventChangesNothing(t *testing.T) {
	t.Parallel()
	for _, h := range histories() {
		want := foldAll(dialing(), h.evidence)
		for _, e := range h.evidence {
			if e.Source != FromEvent {
				continue
			}
			got, alarms := Fold(want, e.readAt(86400))
			if !reflect.DeepEqual(got, want) || alarms != nil {
				t.Errorf("%s, %s again: %v\n%s", h.name, e.Status, alarms, cmp.Diff(want, got))
			}
		}
	}
}

// Reading the list again moves the time of reading, and nothing else.
func TestFoldOfARepeatedRecordMovesOnlyTheTimeOfReading(t *testing.T) {
	t.Parallel()
	a := foldAll(dialing(), []Evidence{listed("completed", 60).billed("0.02", 12)})
	got, _ := Fold(a, listed("completed", 3600).billed("0.02", 12))
	want := a
	want.Bill.ObservedAt = sec(3600)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func alarmKinds(alarms []Alarm) []string {
	var kinds []string
	for _, a := range alarms {
		kinds = append(kinds, a.Kind)
	}
	return kinds
}

func TestFoldRefusesWhatCannotBelongToTheAttempt(t *testing.T) {
	t.Parallel()
	accepted := foldAll(dialing(), []Evidence{response(0.5)})
	void := dialing()
	void.State, void.Note = Void, string(WithdrawnPaused)
	otherCall, otherTo, otherFrom, noCall := event("answered", 5), event("answered", 5), event("answered", 5), event("answered", 5)
	otherCall.CallUUID, otherCall.ConversationUUID = "another", "CON-2"
	otherTo.To, otherTo.CallUUID, otherTo.ConversationUUID = "447700900009", "a call", "CON-2"
	otherFrom.From, otherFrom.CallUUID, otherFrom.ConversationUUID = "447700900009", "a call", ""
	noCall.CallUUID = ""
	tests := []struct {
		name     string
		attempt  Attempt
		evidence Evidence
		alarms   []string
	}{
		{"a second call", accepted, otherCall, []string{AlarmSecondCall}},
		{"a call of a withdrawn attempt", void, event("answered", 5), []string{AlarmEvidenceForVoid}},
		{"a call to another number", accepted, otherTo, []string{AlarmNumberMismatch}},
		{"a call from another number", accepted, otherFrom, []string{AlarmNumberMismatch}},
		{"a call to another number, where the attempt's own is not known", dialing(), otherTo, nil},
		{"no call's name", dialing(), noCall, nil},
	}
	for _, test := range tests {
		got, alarms := Fold(test.attempt, test.evidence)
		if diff := cmp.Diff(test.attempt, got); diff != "" {
			t.Errorf("%s changed the attempt:\n%s", test.name, diff)
		}
		if diff := cmp.Diff(test.alarms, alarmKinds(alarms)); diff != "" {
			t.Errorf("%s: alarms\n%s", test.name, diff)
		}
	}
}

// Vonage writes the numbers of one call in several ways. Evidence that names the
// attempt's own call is still its evidence.
func TestFoldKeepsTheAttemptsOwnCallWhateverItsNumbers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		to, from string
		alarms   []string
	}{
		{"447700900009", "", []string{AlarmNumberMismatch}},
		{"", "447700900009", []string{AlarmNumberMismatch}},
		{"", "unknown", nil},
		{"sip:person@example.com", "", nil},
	} {
		bound := foldAll(dialing(), []Evidence{response(0.5)})
		e := listed("completed", 60).billed("0.02", 12)
		want, _ := Fold(bound, e)
		e.To, e.From = test.to, test.from
		got, alarms := Fold(bound, e)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("to %q from %q (-want +got):\n%s", test.to, test.from, diff)
		}
		if diff := cmp.Diff(test.alarms, alarmKinds(alarms)); diff != "" {
			t.Errorf("to %q from %q: alarms\n%s", test.to, test.from, diff)
		}
	}
	e := event("ringing", 2)
	e.From = "unknown"
	if got, alarms := Fold(dialing(), e); got.CallUUID != aCall || alarms != nil {
		t.Errorf("from unknown, before the call was known: call %q, alarms %v", got.CallUUID, alarms)
	}
}

func TestFoldOfLateEvidence(t *testing.T) {
	t.Parallel()
	for state, surprise := range map[State]bool{
		Reserved: true, Refused: true, Absent: true, Lost: true,
		Dialing: false, Unknown: false, Accepted: false, Ended: false,
	} {
		a := dialing()
		a.State, a.Note = state, "a note of the former state"
		got, alarms := Fold(a, event("ringing", 2))
		if got.State != Accepted || got.CallUUID != aCall || got.Note != "" {
			t.Errorf("%s became %s, call %q, note %q", state, got.State, got.CallUUID, got.Note)
		}
		if (len(alarms) == 1 && alarms[0].Kind == AlarmLateEvidence) != surprise {
			t.Errorf("%s: alarms %v", state, alarms)
		}
		if ended, _ := Fold(a, event("completed", 9)); ended.State != Ended {
			t.Errorf("%s and completed became %s", state, ended.State)
		}
	}
}

// Fold makes only moves that Transitions allow Vonage.
func TestFoldMovesAreAllowed(t *testing.T) {
	t.Parallel()
	for _, from := range []State{Reserved, Dialing, Unknown, Accepted, Ended, Refused, Absent, Lost, Void} {
		for _, status := range []string{"ringing", "completed"} {
			a := dialing()
			a.State = from
			if from == Ended {
				a.EndedAt = sec(1)
			}
			got, _ := Fold(a, event(status, 2))
			if got.State != from && !MayMove(from, Provider, got.State) {
				t.Errorf("%s moved to %s, which Vonage may not", from, got.State)
			}
		}
	}
}

func TestFoldKeepsUnknownWordsWithinBounds(t *testing.T) {
	t.Parallel()
	a := dialing()
	for i := range 100 {
		var alarms []Alarm
		a, alarms = Fold(a, event(fmt.Sprintf("Words-%02d\x00%s", i, strings.Repeat("é", 60)), 2))
		if len(alarms) != 1 || alarms[0].Kind != AlarmUnknownStatus {
			t.Fatalf("word %d: alarms %v", i, alarms)
		}
	}
	a = foldAll(a, []Evidence{event("machine", 3), event("completed", 4)})
	if len(a.Statuses) > maxWords || a.Disposition() != Machine {
		t.Errorf("%d words kept, disposition %q", len(a.Statuses), a.Disposition())
	}
	for _, w := range a.Statuses {
		if len(w) > maxWordBytes || !utf8.ValidString(w) || strings.ContainsRune(w, 0) || strings.ToLower(w) != w {
			t.Errorf("kept %q", w)
		}
	}
	if again, alarms := Fold(a, event(a.Statuses[1], 9)); alarms != nil || !reflect.DeepEqual(a, again) {
		t.Errorf("a word seen before: %v", alarms)
	}
}

func TestAlarmsHoldNoTelephoneNumber(t *testing.T) {
	t.Parallel()
	e := event("moved to 447700900001", 2)
	e.To, e.ConversationUUID = "447700900009", ""
	e.CallUUID = "another"
	_, alarms := Fold(foldAll(dialing(), []Evidence{response(0.5)}), e)
	for _, a := range alarms {
		if strings.Contains(a.Detail, "447700900") {
			t.Errorf("%s: %s", a.Kind, a.Detail)
		}
	}
	if len(alarms) != 1 {
		t.Errorf("alarms %v", alarms)
	}
}

func TestFoldLeavesItsArgumentsAlone(t *testing.T) {
	t.Parallel()
	a := foldAll(dialing(), []Evidence{event("started", 1), event("unanswered", 2)})
	a.Statuses = append(make([]string, 0, 10), a.Statuses...)
	before := slices.Clone(a.Statuses[:4:10][:2])
	Fold(a, event("busy", 1))
	if diff := cmp.Diff(before, a.Statuses); diff != "" {
		t.Error(diff)
	}
}

func TestDispositionOfABillAlone(t *testing.T) {
	t.Parallel()
	got := foldAll(dialing(), []Evidence{event("busy", 3), listed("completed", 60).billed("0.02", 12)})
	if got.Disposition() != Answered {
		t.Errorf("a call that lasted 12 s: %q", got.Disposition())
	}
	got = foldAll(dialing(), []Evidence{event("busy", 3), listed("completed", 60).billed("0", 0)})
	if got.Disposition() != Busy {
		t.Errorf("a call that lasted 0 s: %q", got.Disposition())
	}
}

// A list record's own time is the call's start, not the time of its failure.
func TestFoldOfARecordTellsWhenTheCallFailed(t *testing.T) {
	t.Parallel()
	got := foldAll(dialing(), []Evidence{listed("busy", 60)})
	if !got.FailedAt.Equal(sec(60)) || !got.EndedAt.Equal(sec(60)) {
		t.Errorf("without an end: failed %v, closed %v", got.FailedAt, got.EndedAt)
	}
	record := listed("busy", 60)
	record.Bill.EndTime = sec(9)
	got = foldAll(dialing(), []Evidence{record})
	if !got.FailedAt.Equal(sec(9)) || !got.EndedAt.Equal(sec(9)) {
		t.Errorf("with an end: failed %v, closed %v", got.FailedAt, got.EndedAt)
	}
}

func TestFoldDoesNotEndWithAWebsocket(t *testing.T) {
	t.Parallel()
	if got := foldAll(dialing(), []Evidence{event("answered", 5), event("disconnected", 6)}); got.State != Accepted {
		t.Errorf("got %s", got.State)
	}
}

// Folded values have the form that Postgres returns: UTC, whole microseconds.
func TestFoldKeepsTimesAsTheyAreStored(t *testing.T) {
	t.Parallel()
	e := event("completed", 5.000000001).billed("0.02", 12)
	e.At = e.At.In(time.FixedZone("", 3600))
	e.Bill.EndTime = e.Bill.EndTime.In(time.FixedZone("", 3600)).Add(1)
	got := foldAll(dialing(), []Evidence{e})
	want := foldAll(dialing(), []Evidence{event("completed", 5).billed("0.02", 12).readAt(5.2)})
	if !reflect.DeepEqual(got, want) {
		t.Error(cmp.Diff(want, got))
	}
}

func TestCloseSilent(t *testing.T) {
	t.Parallel()
	const grace, kept = 120 * time.Second, 48 * time.Hour
	failed := foldAll(dialing(), []Evidence{response(0.5), event("busy", 3)})
	if _, changed := CloseSilent(failed, grace, kept, sec(3).Add(grace)); changed {
		t.Error("closed within the grace")
	}
	closed, changed := CloseSilent(failed, grace, kept, sec(4).Add(grace))
	if !changed || closed.State != Ended || closed.Disposition() != Busy {
		t.Errorf("changed %t, %s %q", changed, closed.State, closed.Disposition())
	}
	if _, changed := CloseSilent(closed, grace, kept, sec(3600)); changed {
		t.Error("closed twice")
	}
	ringing := foldAll(dialing(), []Evidence{response(0.5), event("ringing", 3)})
	if _, changed := CloseSilent(ringing, grace, kept, sec(3600)); changed {
		t.Error("closed a call that has not failed")
	}
	ringing.DialedAt = sec(0)
	if _, changed := CloseSilent(ringing, grace, kept, sec(0).Add(kept)); changed {
		t.Error("closed a call that Vonage may still tell of")
	}
	silent, changed := CloseSilent(ringing, grace, kept, sec(1).Add(kept))
	if !changed || silent.State != Ended || silent.Disposition() != Unexplained {
		t.Errorf("without a record any more: changed %t, %s %q", changed, silent.State, silent.Disposition())
	}
	late := foldAll(closed, []Evidence{event("completed", 4)})
	if want := foldAll(failed, []Evidence{event("completed", 4)}); !reflect.DeepEqual(late, want) {
		t.Errorf("completed after all:\n%s", cmp.Diff(want, late))
	}
}
