package campaign

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Fold adds one statement of Vonage to what is known about an attempt.
//
// It is pure, and a join: evidence about one call in any order, any number of times,
// from any mixture of sources, gives the same attempt. Facts only grow, closed is for
// ever, and the state follows from the facts alone. (One thing moves with a repetition:
// the time at which a standing list bill was last read. See Bill.Before.)
//
// Evidence about another call leaves the attempt unchanged. A further leg of its own
// conversation is ignored. A call that cannot be the attempt's raises an alarm.
// Evidence without a call uuid also leaves the attempt unchanged: it cannot be told
// from evidence about another call. ObservedAt must be set.
func Fold(a Attempt, e Evidence) (Attempt, []Alarm) {
	if other, kind := otherCall(&a, &e); kind != "" {
		return a, []Alarm{alarm(kind, &a, &e)}
	} else if other || e.CallUUID == "" {
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

// otherCall reports whether the evidence is about another call than the attempt's, and
// the kind of the alarm that this raises, if any.
//
// The attempt's own uuid decides: Vonage writes numbers in more than one way. A new
// uuid is the attempt's only if nothing says that it is a leg opened by connect. Such a
// leg carries our attempt's id in its events, and rang nobody twice. Binding it would
// give the person the disposition of an agent.
func otherCall(a *Attempt, e *Evidence) (other bool, alarm string) {
	if e.CallUUID != "" && SameCall(e.CallUUID, a.CallUUID) {
		return false, ""
	}
	switch {
	case isLeg(a, e):
	case contradicts(a, e):
		//guard:true campaign.TestFoldRefusesWhatCannotBelongToTheAttempt: evidence of other numbers is an alarm where the call is known
		if !a.waits() {
			return true, AlarmNumberMismatch
		}
	case a.State == Void:
		return true, AlarmEvidenceForVoid
	//guard:false campaign.TestFoldRefusesWhatCannotBelongToTheAttempt: a second call is not folded
	case a.CallUUID != "" && e.CallUUID != "":
		return true, AlarmSecondCall
	//guard:false campaign.TestFoldOfLegs: what cannot be read binds no attempt
	case a.To != "" && e.ToKind == PartyUnreadable:
	default:
		return false, ""
	}
	if !a.expectsEvidence() && e.CallUUID != "" {
		return true, AlarmLateEvidence
	}
	return true, ""
}

// isLeg reports whether the evidence is about a further leg: it came to a leg's
// address, its party is no telephone, or it is another call in the conversation of the
// attempt's own.
func isLeg(a *Attempt, e *Evidence) bool {
	//guard:false campaign.TestFoldOfLegs: an event at the address of a leg binds no attempt
	if e.Leg {
		return true
	}
	//guard:false campaign.TestFoldOfLegs: a leg to something that is no telephone binds no attempt
	if a.To != "" && e.ToKind == PartyOther {
		return true
	}
	//guard:false campaign.TestFoldOfLegs: a leg in the attempt's own conversation is no second call
	//guard:false chaos.Calm: whom a key connects is no call of the attempt's
	return a.CallUUID != "" && e.CallUUID != "" && SameConversation(e.ConversationUUID, a.ConversationUUID)
}

// contradicts reports whether the evidence names a number that is certainly not the
// attempt's, in any wording.
func contradicts(a *Attempt, e *Evidence) bool {
	return NumbersDiffer(a.To, e.To) || NumbersDiffer(a.From, e.From)
}

// waits reports whether the attempt's call is not known yet. An event with another
// number is then treated as a leg's, although there is no conversation to compare. It
// blocks the proof of absence, and the alarm says so.
func (a *Attempt) waits() bool { return a.State == Dialing || a.State == Unknown }

// expectsEvidence reports whether a call of this attempt is expected.
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

// masked hides the digits of a word: they could be a telephone number.
func masked(w string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return '#'
		}
		return r
	}, w)
}

// add adds the evidence to the facts. isNew: its status word w was not seen yet. Other
// copies of the facts do not change.
func (f *Facts) add(e *Evidence, w string) (isNew bool) {
	f.CallUUID = cmp.Or(f.CallUUID, e.CallUUID)
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
	if known.closes || known.kind == kindFailure {
		f.OverSeenAt = earlier(f.OverSeenAt, stored(e.ObservedAt))
	}
	if b, said := billOf(e); said && f.Bill.Before(b) {
		f.Bill = b
	}
	return isNew
}

// fail keeps the earliest failure; of two at the same moment, the one of lower rank.
func (f *Facts) fail(w string, at time.Time) {
	c := at.Compare(f.FailedAt)
	if f.Failure == "" || c < 0 || c == 0 && words[w].rank < words[f.Failure].rank {
		//guard:value(map[bool]string{true: "busy", false: w}[w == "timeout"], at) chaos.Calm: a timeout is not recorded as busy
		f.Failure, f.FailedAt = w, at
	}
}

// closes reports whether a word ends the call. A list record shows the call's last
// status, so there a failure is the end. After a failure in an event, completed
// follows.
func closes(s Source, w word) bool {
	return w.closes || s == FromList && w.kind == kindFailure
}

// evidenceTime is when the call reached the status, as far as the evidence shows. A
// list record's At is the call's start, which does not show when the status was
// reached. The call's end does; without an end, the call had the status when it was
// read.
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

// smaller keeps one of two names that Vonage gives to one conversation, in whichever
// order they come.
func smaller(known, said string) string {
	if known == "" || said != "" && compareConversations(said, known) < 0 {
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
		//guard:value(Human) chaos.Calm: a machine is not recorded as a human
		return Machine
	case f.saw("human"):
		//guard:value(Answered) chaos.Calm: who answered is recorded
		return Human
	//guard:false test/histories.TestHistories: an answer counts before a failure
	case f.answered():
		return Answered
	//guard:value(f.Failure != "") campaign.TestOurHangUpIsNoDisposition: a failure after our own hang-up says nothing of the person
	case f.Failure != "" && !f.HungUpByUs():
		return Disposition(f.Failure)
	}
	return Unexplained
}

// HungUpByUs reports whether we asked Vonage to end the call before anybody had
// answered and before it had failed. Vonage's statuses after that are caused by us.
func (f Facts) HungUpByUs() bool {
	//guard:value(!f.HungUpAt.IsZero()) campaign.TestOurHangUpIsNoDisposition: a failure before our own hang-up counts
	return !f.HungUpAt.IsZero() && !f.answered() && (f.Failure == "" || !f.FailedAt.Before(f.HungUpAt.Add(-ClockTolerance)))
}

func (f Facts) answered() bool {
	return !f.AnsweredAt.IsZero() || f.Bill.Duration != nil && *f.Bill.Duration > 0
}

func (f Facts) saw(w string) bool {
	_, found := slices.BinarySearch(f.Statuses, w)
	return found
}

// CloseSilent ends an accepted attempt that failed longer than grace ago and has no
// reported end: completed usually follows a failure, but not always. During the wait a
// late answer can still stop a retry. An attempt dialed longer than retention ago ends
// whatever its status, because Vonage has no record of it any more. It reports whether
// the attempt changed.
func CloseSilent(a Attempt, grace, retention time.Duration, now time.Time) (Attempt, bool) {
	//guard:true test/histories.TestHistories: a failed call without an end is waited for
	failed := a.Failure != "" && now.Sub(a.FailedAt) > grace
	unrecorded := now.Sub(cmp.Or(a.DialedAt, a.CreatedAt)) > retention
	if a.State != Accepted || !failed && !unrecorded {
		return a, false
	}
	a.EndedAt = stored(now)
	a.OverSeenAt = earlier(a.OverSeenAt, stored(now))
	a.State = Ended
	return a, true
}
