package campaign

import "time"

// ContactState says whether a contact must still be called.
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

// Reason says why a contact has ended. A contact that was called ends with its last
// attempt's disposition; the other reasons are listed here.
type Reason string

const (
	// ReasonRefused: Vonage refused to place the call, and would refuse it again.
	ReasonRefused Reason = "refused"
	// ReasonSuppressed: the number is on the suppression list.
	ReasonSuppressed Reason = "suppressed"
	// ReasonStopped: the campaign was stopped before the contact was reached.
	ReasonStopped Reason = "stopped"
	// ReasonUnresolved: an attempt is lost, so nobody knows whether the contact was
	// called. A person decides.
	ReasonUnresolved Reason = "unresolved"
	// ReasonMessage: the message could not be rendered for the contact, in a campaign of
	// an earlier version. Now such a failure pauses the campaign.
	ReasonMessage Reason = "message"
	// ReasonExpired: its call_before, or the campaign's end, passed before the
	// contact was reached.
	ReasonExpired Reason = "expired"
	// ReasonCancelledByRequest: a person took the contact out of the campaign, or the new
	// file had no row for it.
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
	Key        string // identifies the person: the number, or the value of a column
	Line       int    // in the CSV, header included, 1-based
	To         string // E.164 digits, no plus sign: the number for the next call, else that of the last one
	// Numbers are all numbers of the person, in the order of calling; empty: there is only
	// To.
	Numbers []string
	// Suppressed are the suppressed ones among Numbers.
	Suppressed []string
	// FreeAt says when each number that has reached its cap may be called again. It is set
	// only if the claim found such a number.
	FreeAt map[string]time.Time
	// Invalid: the only reason not to call the number is that Vonage calls it invalid.
	Invalid bool
	// Zones are the possible IANA zones of the number To. A call must be inside the
	// campaign's hours in all of them.
	Zones     []string
	ZoneBasis ZoneBasis         // how they were found; "": not stored
	Vars      map[string]string // the row's columns by header name
	CallAt    time.Time         // a reminder's own time: the contact is never called before
	DueAt     time.Time
	// AskedAt is when a person last asked for a call at once; zero: never. The request is
	// valid until a later call has passed the gate.
	AskedAt time.Time
	// RemindAt are the times of the contact's reminders, in order; nil: it has none.
	// CallAt is the first. Empty: the appointment moved to a time for which no reminder is
	// left.
	RemindAt []time.Time
	// NotLaterThan is when the contact ends without another call; zero: never.
	NotLaterThan time.Time
	Cancelled    bool // a person asked to stop calling it
	State        ContactState
	Reason       Reason // set exactly when State is Done
	Attempts     int    // calls that reached Vonage
	// Result is that of the latest call that has one. HeardAt is the earliest time at
	// which the message was heard.
	Result  string
	HeardAt time.Time
	// Answered: one of its ended calls was answered, by a person or a machine.
	Answered bool
	RangBack RangBack
}
