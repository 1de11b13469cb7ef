package campaign

import "time"

// ContactState says whether a contact still has to be called.
type ContactState string

const (
	// Pending: not called yet; due at DueAt.
	Pending ContactState = "pending"
	// Active: an attempt is open.
	Active ContactState = "active"
	// Waiting: called before, and due again at DueAt.
	Waiting ContactState = "waiting"
	// Done: ended, with exactly one Reason.
	Done ContactState = "done"
)

// ContactStates lists them all.
var ContactStates = []ContactState{Pending, Active, Waiting, Done}

// Reason says why a contact has ended. A contact that was called ends with its
// last attempt's disposition; the others are listed here.
type Reason string

const (
	// ReasonRefused: Vonage refused to place the call, and would again.
	ReasonRefused Reason = "refused"
	// ReasonSuppressed: the number is on the suppression list.
	ReasonSuppressed Reason = "suppressed"
	// ReasonStopped: the campaign was stopped before the contact was reached.
	ReasonStopped Reason = "stopped"
	// ReasonUnresolved: an attempt is lost, so it is not known whether the
	// contact was called; a person decides.
	ReasonUnresolved Reason = "unresolved"
	// ReasonMessage: the message could not be made from the contact's row, in a
	// campaign of an earlier version. Now that pauses the campaign.
	ReasonMessage Reason = "message"
	// ReasonExpired: its call_before, or the campaign's end, passed before the
	// contact was reached.
	ReasonExpired Reason = "expired"
	// ReasonCancelledByRequest: a person took the contact out of the campaign, or
	// its row was gone from the file.
	ReasonCancelledByRequest Reason = "cancelled_by_request"
)

// Reasons lists every reason, in the order in which reports show them.
var Reasons = append(dispositionReasons(), ReasonRefused, ReasonSuppressed, ReasonStopped, ReasonUnresolved, ReasonMessage,
	ReasonExpired, ReasonCancelledByRequest)

func dispositionReasons() []Reason {
	var list []Reason
	for _, d := range Dispositions {
		list = append(list, Reason(d))
	}
	return list
}

// Contact is one person in one campaign.
type Contact struct {
	ID         int64
	CampaignID int64
	Key        string // what makes the row this person: the number, or the value of a column
	Line       int    // of the CSV, header included, 1-based
	To         string // E.164 digits, no plus sign: the number that is called next, or was called last
	// Numbers are all of the person's, in the order in which they are called; empty:
	// there is only To.
	Numbers []string
	// Suppressed are those of Numbers that are not to be called.
	Suppressed []string
	// FreeAt says when each number that has reached its cap may be called again. It is
	// set only when the claim found such a number.
	FreeAt map[string]time.Time
	// Invalid: the number is not to be called because Vonage calls it invalid, and
	// for nothing else.
	Invalid bool
	// Zones are the IANA zones that the contact may be in by the number To; a call
	// must be inside the campaign's hours in all of them.
	Zones     []string
	ZoneBasis ZoneBasis         // how they were found; "": it was not kept
	Vars      map[string]string // the row's columns by header name
	CallAt    time.Time         // a reminder's own time: it is never called before
	DueAt     time.Time
	// AskedAt is when a person asked last for a call at once; zero: nobody did. It holds
	// until a call has passed the gate since.
	AskedAt time.Time
	// RemindAt are the times of its reminders, in order; nil: it has none. CallAt is
	// the first. Empty: it was moved to a time of which no reminder is left.
	RemindAt []time.Time
	// NotLaterThan is when the contact ends without a further call; zero: never.
	NotLaterThan time.Time
	Cancelled    bool // a person asked that it is not called any more
	State        ContactState
	Reason       Reason // set exactly when State is Done
	Attempts     int    // calls that Vonage had
	// Result is the latest call's that has one, and HeardAt the earliest call's in
	// which the message was heard.
	Result  string
	HeardAt time.Time
	// Answered: one of its calls has ended in which somebody, or something, answered.
	Answered bool
	RangBack RangBack
}
