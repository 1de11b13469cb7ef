package campaign

import (
	"cmp"
	"time"

	"github.com/google/uuid"
)

// HangUp is the order to end a call that should not be up.
type HangUp struct {
	CallUUID  string
	AttemptID uuid.UUID
	Why       string // the kind of the alarm that came with the order, or HangUpStopped
	Tries     int    // includes the current one
	Request   HangUpRequest
}

// HangUpRequest is one request to Vonage to end a call.
type HangUpRequest struct {
	ID       uuid.UUID
	CallUUID string
	At       time.Time // by the database's clock; zero: no call of an attempt was up
}

// FoldHangUp adds the result of a request to end the attempt's call. A request is noted
// before it is sent, because the call's end may be reported before the answer to the
// request. If a request certainly had no effect, its own note is removed: the call
// ended by itself. The note of another request stays, because that one may have ended
// the call. So does the note of a request that may have had an effect. FoldHangUp is
// idempotent.
func FoldHangUp(a Attempt, r HangUpRequest, e Effect) Attempt {
	switch {
	//guard:true campaign.TestFoldHangUp: a hang-up that had no effect is taken back
	case e != EffectRefused:
		a.HungUpAt, a.HungUpBy = cmp.Or(a.HungUpAt, stored(r.At)), uuid.Nil
	//guard:true campaign.TestFoldHangUp: a hang-up that had no effect takes back no other
	case a.HungUpBy == r.ID:
		a.HungUpAt, a.HungUpBy = time.Time{}, uuid.Nil
	}
	return a
}

// HangUpTry is the result of one try to hang up a call.
type HangUpTry struct {
	State  HangUpState
	Effect Effect
	Answer string // Vonage's answer
}

// HangUpState is the state of an order to hang up.
type HangUpState string

const (
	HangUpPending      HangUpState = "pending"       // the call must still be ended: there was no try yet, or the last one failed
	HangUpDone         HangUpState = "done"          // Vonage ended the call
	HangUpAlreadyEnded HangUpState = "already_ended" // the call had ended by itself
	HangUpFailed       HangUpState = "failed"        // given up, with an alarm
)

// HangUpStates lists them all.
var HangUpStates = []HangUpState{HangUpPending, HangUpDone, HangUpAlreadyEnded, HangUpFailed}

// Effect says what is known about the effect of an action on a call in progress.
type Effect string

const (
	EffectDone    Effect = "done"
	EffectRefused Effect = "refused" // it certainly had no effect
	EffectUnknown Effect = "unknown" // it may have had an effect
)

// HangUpStopped: the call is hung up because its campaign was stopped together with its
// calls. It comes with no alarm.
const HangUpStopped = "campaign_stopped"

// MaxHangUps is the most calls that are hung up for one attempt. Anyone who can sign
// events could report any number of calls.
const MaxHangUps = 3

// Superfluous says why a call that is proved to be up by this evidence alone should not
// be up: the kind of the alarm that it raises. "" means that nobody is hung up.
//
// Only the reply to the attempt's own POST, and a signed event that names the attempt,
// prove that. A record of Vonage's list is matched to an attempt by numbers and time.
// That is good enough to attribute a price, but not to cut off a person.
func Superfluous(a Attempt, e Evidence) string {
	//guard:value(e.CallUUID == "") campaign.TestSuperfluous: a record of the list hangs nobody up
	if e.CallUUID == "" || e.Source == FromList {
		return ""
	}
	switch other, kind := otherCall(&a, &e); {
	case kind == AlarmSecondCall && a.calledTwiceBy(e):
		return kind
	case kind == AlarmEvidenceForVoid && !Ends(e.Status):
		return kind
	case !other && a.State.thoughtOver() && !Ends(e.Status):
		return AlarmLateEvidence
	}
	return ""
}

// thoughtOver reports the states in which we no longer expected a call of the attempt.
// The contact may have been called again since.
func (s State) thoughtOver() bool {
	return s == Refused || s == Absent || s == Lost
}

// calledTwiceBy reports whether another uuid is a second call to the person, and not
// another leg of the first. A leg shares its conversation, or names another number or
// none.
func (a Attempt) calledTwiceBy(e Evidence) bool {
	leg := e.Leg || SameConversation(e.ConversationUUID, a.ConversationUUID)
	//guard:true campaign.TestSuperfluous: another leg is not hung up as a second call
	return !leg && (e.To != "" && !NumbersDiffer(e.To, a.To) || e.Source == FromResponse)
}

// Ends reports whether a call with this status is over, so that there is nothing to
// hang up. completed follows most failures, and nobody hears anything in between.
func Ends(status string) bool {
	w := words[normalizeStatus(status)]
	return w.closes || w.kind == kindFailure
}

// EndWords are the status words after which there is nothing to hang up.
func EndWords() []string {
	var list []string
	for w := range words {
		if Ends(w) {
			list = append(list, w)
		}
	}
	return list
}

// Surplus picks which of an attempt's two calls to hang up: the one that began later by
// Vonage's times, or "" if that one is known to be over. If a time is missing, it picks
// the call in the evidence, not the attempt's own. After that spared must stay up,
// whatever evidence comes.
func Surplus(a Attempt, e Evidence, ownBegan, otherBegan time.Time) (call, spared string) {
	over := Ends(e.Status)
	call, spared = e.CallUUID, a.CallUUID
	//guard:false campaign.TestSurplusIsTheLaterCall: of two calls the later is hung up
	if !ownBegan.IsZero() && !otherBegan.IsZero() && ownBegan.After(otherBegan) {
		over = a.State == Ended || a.Failure != ""
		call, spared = spared, call
	}
	if over {
		return "", spared
	}
	return call, spared
}
