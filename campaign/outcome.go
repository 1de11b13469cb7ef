package campaign

import "fmt"

// Outcome is what is known once a POST was tried.
type Outcome struct {
	Kind     OutcomeKind
	Evidence Evidence // with OutcomeCreated: uuid and conversation uuid
	Refusal  Refusal  // with OutcomeRefused
	// MustExist, with OutcomeUnknown: Vonage said that it made the call.
	MustExist bool
}

// OutcomeKind is one of three: there is no fourth thing to know of a POST.
type OutcomeKind string

const (
	OutcomeCreated OutcomeKind = "created"
	OutcomeRefused OutcomeKind = "refused"
	OutcomeUnknown OutcomeKind = "unknown"
)

// Refusal says why it is certain that no call was made.
type Refusal string

const (
	RefusedInvalid     Refusal = "invalid"      // 400, 422: this call, and it would be refused again
	RefusedAuth        Refusal = "unauthorized" // 401: the key, or the clock
	RefusedAccount     Refusal = "account"      // 403, 404, 3xx: the account, the application or the address
	RefusedRate        Refusal = "rate"         // 429: neither made nor queued
	RefusedUnreachable Refusal = "unreachable"  // no byte was written to Vonage
	RefusedStale       Refusal = "stale"        // too long between the gate and the send; nothing was sent
)

// Remedy is what a refusal leads to.
type Remedy struct {
	Final bool // the contact ends as refused; otherwise it is due again
	Pause bool // the campaign is paused until a person looks
	// Counts: so many in a row end the contact as in WithoutCallMost. A refusal
	// before anything was sent, or one of the account, says nothing of the contact.
	Counts bool
}

// WithoutCallMost is how many attempts of a contact in a row may be without a call
// before the contact ends, with an alarm: about a day of them. It is no part of a
// campaign's policy, whose limit counts only calls that Vonage had.
const WithoutCallMost = 30

// Remedies is the one place that says what follows from each refusal.
var Remedies = map[Refusal]Remedy{
	//guard:value({}) storage.TestRecordOutcomes: a call is not repeated where it would be refused again
	RefusedInvalid: {Final: true},
	//guard:value({}) storage.TestRecordPausesTheCampaign: an unauthorized POST pauses the campaign
	RefusedAuth:        {Pause: true},
	RefusedAccount:     {Pause: true},
	RefusedRate:        {Counts: true},
	RefusedUnreachable: {},
	RefusedStale:       {},
}

// Withdrawal says why an attempt was voided before it was dialed.
type Withdrawal string

const (
	WithdrawnPaused     Withdrawal = "paused"
	WithdrawnStopped    Withdrawal = "stopped"
	WithdrawnSuppressed Withdrawal = "suppressed"
	WithdrawnHours      Withdrawal = "outside_hours"
	WithdrawnMessage    Withdrawal = "message"         // the message could not be rendered for this contact
	WithdrawnBusy       Withdrawal = "number_busy"     // late evidence: another call to the number is open
	WithdrawnAnswered   Withdrawal = "answered_before" // late evidence: an earlier attempt reached the contact
	WithdrawnLocked     Withdrawal = "dial_lock"       // of manual calls only: the others wait until the database is released
	WithdrawnAbandoned  Withdrawal = "abandoned"       // a manual call whose command ended before the gate
)

// Meaning says for people what stands in the way of a call: every reason that
// call_obstacles gives, and a withdrawal's.
func (w Withdrawal) Meaning() string {
	switch w {
	case WithdrawnLocked:
		return "the database is locked and calls nobody (dialer lock show)"
	case WithdrawnSuppressed:
		return "the number is suppressed (dialer suppress list)"
	case WithdrawnBusy:
		return "a call to it is open, or whether there was one is not known yet"
	case WithdrawnAbandoned:
		return "the command took too long"
	case WithdrawnPaused:
		return "the campaign is paused"
	case WithdrawnStopped:
		return "the campaign is stopped"
	case WithdrawnMessage:
		return "the message could not be made for this contact (dialer alarms)"
	case WithdrawnHours:
		return "it is outside the calling hours"
	case "importing":
		return "the campaign's import is not finished"
	case "finished":
		return "the campaign is finished"
	case "unknown_zone":
		return "Postgres does not know its time zone (dialer alarms)"
	case "not_started":
		return "the campaign has not started"
	}
	return string(w)
}

// Conclude adds to an attempt the outcome of a POST that made no call, or of
// which it is not known. It is too late for that where evidence or the settler
// has moved the attempt on: it stays as it is then.
func Conclude(a Attempt, o Outcome) (Attempt, []Alarm, error) {
	after := a
	switch o.Kind {
	case OutcomeRefused:
		after.State, after.Note = Refused, string(o.Refusal)
	case OutcomeUnknown:
		after.State, after.MustExist = Unknown, a.MustExist || o.MustExist
	default:
		return a, nil, fmt.Errorf("outcome %q is neither refused nor unknown", o.Kind)
	}
	//guard:true test/histories.TestHistories: an outcome that comes too late changes nothing
	if MayMove(a.State, Caller, after.State) || a.State == Unknown {
		return after, nil, nil
	}
	if o.MustExist && (a.State == Absent || a.State == Lost) {
		return a, []Alarm{{
			Kind: AlarmLateEvidence, AttemptID: a.ID,
			Detail: fmt.Sprintf("attempt %s, and Vonage had said that it made the call", a.State),
		}}, nil
	}
	return a, nil, nil
}
