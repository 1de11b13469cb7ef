package campaign

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Fold adds one thing that Vonage said to what is known of an attempt.
//
// It is pure, and a join: evidence about one call in any order, any number of
// times, from any mixture of sources, gives the same attempt. Facts only grow,
// closed is for ever, and the state follows from the facts alone. (Only the
// time at which a standing list bill was last read moves with a repetition:
// see Bill.Before.)
//
// Evidence that cannot belong to the attempt leaves it unchanged and raises an
// alarm. Evidence without a call uuid leaves it unchanged as well: without one
// it cannot be told from evidence of another call. ObservedAt must be set.
func Fold(a Attempt, e Evidence) (Attempt, []Alarm) {
	if kind := objection(&a, &e); kind != "" {
		return a, []Alarm{alarm(kind, &a, &e)}
	}
	if e.CallUUID == "" {
		return a, nil
	}
	var alarms []Alarm
	if !a.expectsEvidence() {
		alarms = append(alarms, alarm(AlarmLateEvidence, &a, &e))
	}
	w := normalizeStatus(e.Status)
	if contradicts(&a, &e) {
		alarms = append(alarms, Alarm{Kind: AlarmNumberMismatch, AttemptID: a.ID, Detail: fmt.Sprintf(
			"the attempt's own call %q is said to be between other numbers", truncate(e.CallUUID, maxWordBytes))})
	}
	isNew := a.Facts.add(&e, w)
	if isNew && words[w].kind == kindUnknown {
		alarms = append(alarms, alarm(AlarmUnknownStatus, &a, &e))
	}
	a.Note = ""
	a.State = Accepted
	if !a.EndedAt.IsZero() {
		a.State = Ended
	}
	return a, alarms
}

// objection names the reason for which the evidence cannot be folded, or "".
// The attempt's own uuid settles it: Vonage words numbers in more ways
// than one. Of a uuid that is new, numbers come first: an event of another leg
// of our call carries our attempt's id, another uuid and another number, and
// rang nobody twice.
func objection(a *Attempt, e *Evidence) string {
	switch {
	case e.CallUUID != "" && e.CallUUID == a.CallUUID:
		return ""
	case contradicts(a, e):
		return AlarmNumberMismatch
	case a.State == Void:
		return AlarmEvidenceForVoid
	//guard:false campaign.TestFoldRefusesWhatCannotBelongToTheAttempt: a second call is not folded
	case a.CallUUID != "" && e.CallUUID != "":
		return AlarmSecondCall
	}
	return ""
}

// contradicts reports whether the evidence names a number that is not the
// attempt's. What is not all digits, such as unknown, names none.
func contradicts(a *Attempt, e *Evidence) bool {
	return otherNumber(a.To, e.To) || otherNumber(a.From, e.From)
}

func otherNumber(known, said string) bool {
	return known != "" && said != "" && known != said && strings.Trim(said, "0123456789") == ""
}

// expectsEvidence reports whether a call of this attempt is no surprise.
func (a *Attempt) expectsEvidence() bool {
	switch a.State {
	case Dialing, Unknown, Accepted, Ended:
		return true
	}
	return false
}

func alarm(kind string, a *Attempt, e *Evidence) Alarm {
	detail := fmt.Sprintf("attempt %s, %s says %q of call %q", a.State, e.Source, masked(normalizeStatus(e.Status)), truncate(e.CallUUID, maxWordBytes))
	if kind == AlarmSecondCall {
		detail += fmt.Sprintf("; the attempt has call %q", a.CallUUID)
	}
	return Alarm{Kind: kind, AttemptID: a.ID, Detail: detail}
}

// masked hides the digits of a word, in which a telephone number could stand.
func masked(w string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return '#'
		}
		return r
	}, w)
}

// add adds what the evidence says. isNew: its status word w was not seen yet.
// What other copies of the facts hold stays as it is.
func (f *Facts) add(e *Evidence, w string) (isNew bool) {
	f.CallUUID = e.CallUUID
	f.ConversationUUID = smaller(f.ConversationUUID, e.ConversationUUID)
	f.Statuses, isNew = addStatus(f.Statuses, w)
	known := words[w]
	switch known.kind {
	case kindAnswer, kindDetection:
		f.AnsweredAt = earlier(f.AnsweredAt, evidenceTime(e))
	case kindFailure:
		f.fail(w, evidenceTime(e))
	}
	if closes(e.Source, known) {
		f.EndedAt = earlier(f.EndedAt, evidenceTime(e))
	}
	if b, said := billOf(e); said && f.Bill.Before(b) {
		f.Bill = b
	}
	return isNew
}

// fail keeps the earliest failure; of two at one moment, the lower rank.
func (f *Facts) fail(w string, at time.Time) {
	c := at.Compare(f.FailedAt)
	if f.Failure == "" || c < 0 || c == 0 && words[w].rank < words[f.Failure].rank {
		f.Failure, f.FailedAt = w, at
	}
}

// closes reports whether a word ends the call. A list record shows the call's
// last status, so there a failure is the end; an event's failure is followed
// by completed.
func closes(s Source, w word) bool {
	return w.closes || s == FromList && w.kind == kindFailure
}

// evidenceTime is when the status came about, as far as the evidence knows. A list
// record's At is the call's start, which says nothing of when its status was
// reached: its end does, and failing that the status held when it was read.
func evidenceTime(e *Evidence) time.Time {
	at := e.At
	if e.Source == FromList {
		at = e.Bill.EndTime
	}
	if at.IsZero() {
		at = e.ObservedAt
	}
	return stored(at)
}

func earlier(known, said time.Time) time.Time {
	//guard:true campaign.TestFoldIsAJoin: of two times the earliest stands
	if known.IsZero() || said.Before(known) {
		return said
	}
	return known
}

// smaller keeps one of two names that Vonage gives one thing, whichever
// order they come in.
func smaller(known, said string) string {
	if known == "" || said != "" && said < known {
		return said
	}
	return known
}

// Disposition is how the call ended, computed from all the facts; "" while it
// is not known to be over.
func (f Facts) Disposition() Disposition {
	switch {
	case f.EndedAt.IsZero():
		return ""
	case f.saw("machine"):
		return Machine
	case f.saw("human"):
		return Human
	//guard:false test/histories.TestHistories: an answer counts before a failure
	case f.answered():
		return Answered
	//guard:false test/histories.TestHistories: completed does not mean answered
	case f.Failure != "":
		return Disposition(f.Failure)
	}
	return Unexplained
}

func (f Facts) answered() bool {
	return !f.AnsweredAt.IsZero() || f.Bill.Duration != nil && *f.Bill.Duration > 0
}

func (f Facts) saw(w string) bool {
	_, found := slices.BinarySearch(f.Statuses, w)
	return found
}

// CloseSilent ends an accepted attempt that failed longer than grace ago and
// was never said to be over: completed follows a failure as a rule, and not
// always. The wait lets a late answer still stop a retry. An attempt dialed
// longer than retention ago ends whatever was said of it, because Vonage
// has no record of it any more. It reports whether the attempt changed.
func CloseSilent(a Attempt, grace, retention time.Duration, now time.Time) (Attempt, bool) {
	//guard:true test/histories.TestHistories: a failed call without an end is waited for
	failed := a.Failure != "" && now.Sub(a.FailedAt) > grace
	unrecorded := now.Sub(cmp.Or(a.DialedAt, a.CreatedAt)) > retention
	if a.State != Accepted || !failed && !unrecorded {
		return a, false
	}
	a.EndedAt = stored(now)
	a.State = Ended
	return a, true
}
