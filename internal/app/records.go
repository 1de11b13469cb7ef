package app

import (
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// AttemptRecord is everything that is recorded about an attempt, as it is in the rows:
// nothing is computed. internal/verify judges it.
type AttemptRecord struct {
	ID          uuid.UUID
	Kind        campaign.AttemptKind
	Campaign    string // its name; "" for a manual call
	ContactID   int64  // 0 for a manual call
	No          int
	To          string
	State       campaign.State
	Disposition campaign.Disposition
	DialedAt    time.Time
	TokenID     uuid.UUID
	Recovered   bool
	CallUUID    string
	Statuses    []string
	AnsweredAt  time.Time
	BillSource  campaign.Source
	Price, Rate decimal.NullDecimal
	DurationS   *int
	StartTime   time.Time
	EndTime     time.Time
	Network     string
	HeardAt     time.Time // null if a machine was detected
	VoicemailAt time.Time
	Keys        []string // that were pressed, in order
	Result      string
	// SaidCalled: a person said that the attempt made a call that nobody can name.
	SaidCalled bool
	// Events are the status words of the attempt's stored webhooks, each once.
	Events []string
}

// ContactRecord is everything that is recorded about a contact.
type ContactRecord struct {
	ID       int64
	Campaign string
	To       string
	Numbers  []string // all of the person's
	Zones    []string
	State    campaign.ContactState
	Reason   campaign.Reason
	Calls    int // that Vonage had, as the contact counts them
	Result   string
	HeardAt  time.Time
	RemindAt []time.Time // of its reminders; none: it has none
	AskedAt  []time.Time // when people asked to be called at once
	RangBack campaign.RangBack
	// CallWith is the contact whose calls this one shares; 0: it has its own.
	CallWith int64
}

// VersionRecord is a campaign's settings from one edit to the next.
type VersionRecord struct {
	MadeAt   time.Time
	Settings campaign.Settings
}

// LegRecord is a call in Vonage's list that no attempt made.
type LegRecord struct {
	CallUUID string // in the list's wording
	LegOf    uuid.UUID
	Price    decimal.NullDecimal
}

// EventCount is how many webhooks of a kind are stored for an attempt.
type EventCount struct {
	Attempt uuid.UUID // uuid.Nil: no attempt
	Kind    string
	Rows    int
}

// Records are every attempt and every contact at one moment.
type Records struct {
	At       time.Time // by the database's clock
	Attempts []AttemptRecord
	Contacts []ContactRecord
	// Versions are each campaign's, by its name, the first one first.
	Versions map[string][]VersionRecord
	// Legs are the calls in an attempt's conversation that no attempt made: keys have
	// connected them.
	Legs   []LegRecord
	Events []EventCount
	Alarms []campaign.Alarm // all that were ever raised
	// Suppressed are the numbers that no campaign may ever call.
	Suppressed map[string]bool
	// Lifted is when a suppression of each number ended: lifted, replaced or expired.
	Lifted map[string][]time.Time
}
