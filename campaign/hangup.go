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
	Why       string // the kind of the alarm that came with it, or HangUpStopped
	Tries     int    // with the one under way
	Request   HangUpRequest
}

// HangUpRequest is one request to Vonage to end a call.
type HangUpRequest struct {
	ID       uuid.UUID
	CallUUID string
	At       time.Time // by the database's clock; zero: no call of an attempt was up
}

// FoldHangUp adds what came of a request to end the attempt's call. A request is
// noted before it is sent, because the call's end may be told before its answer. One
// that certainly had no effect takes its own note back: the call ended by itself.
// It takes back no other's, which may have ended the call, and one that may have had
// an effect stands. It is idempotent.
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

// HangUpTry is what came of one try to hang a call up.
type HangUpTry struct {
	State  HangUpState
	Effect Effect
	Answer string // what Vonage said of it
}

// HangUpState says where an order to hang up is in its life.
type HangUpState string

const (
	HangUpPending      HangUpState = "pending"       // the call is to be ended, or the last try to did not succeed
	HangUpDone         HangUpState = "done"          // Vonage ended the call
	HangUpAlreadyEnded HangUpState = "already_ended" // the call had ended by itself
	HangUpFailed       HangUpState = "failed"        // given up, with an alarm
)

// HangUpStates are all of them.
var HangUpStates = []HangUpState{HangUpPending, HangUpDone, HangUpAlreadyEnded, HangUpFailed}

// Effect says what is known of an action on a call in progress.
type Effect string

const (
	EffectDone    Effect = "done"
	EffectRefused Effect = "refused" // it is certain that it had no effect
	EffectUnknown Effect = "unknown" // it may have had its effect
)

// HangUpStopped is why the calls of a campaign are hung up that was stopped with
// them. It comes with no alarm.
const HangUpStopped = "campaign_stopped"

// MaxHangUps is how many calls are hung up for one attempt. Anyone who can sign
// events could report any number of calls.
const MaxHangUps = 3

// Superfluous says why a call that the evidence, by itself, proves to be up
// should not be: the kind of the alarm that it raises, or "" where nobody is
// to be hung up.
//
// Only the reply to the attempt's own POST and a signed event that names the
// attempt prove that. A record of Vonage's list is matched to an attempt
// by numbers and time, which is good enough to attribute a price and not to cut a
// person off.
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

// thoughtOver is true of the states in which no call was thought to come of the
// attempt any more. The contact may have been called again since.
func (s State) thoughtOver() bool {
	return s == Refused || s == Absent || s == Lost
}

// calledTwiceBy reports whether another uuid is a second call to the person, and no
// other leg of the first: a leg shares its conversation, or names another
// number or none.
func (a Attempt) calledTwiceBy(e Evidence) bool {
	leg := e.Leg || SameConversation(e.ConversationUUID, a.ConversationUUID)
	//guard:true campaign.TestSuperfluous: another leg is not hung up as a second call
	return !leg && (e.To != "" && !NumbersDiffer(e.To, a.To) || e.Source == FromResponse)
}

// Ends reports whether there is nothing left to hang up once a call has this
// status. completed follows most failures, and nobody hears anything in
// between.
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

// Surplus picks which of an attempt's two calls to hang up: the one that began
// later by Vonage's times, and "" if that one is known to be over. Where a
// time is missing it is the other one, which the evidence tells of and the
// attempt does not have. spared must then stay up, whatever else comes.
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
