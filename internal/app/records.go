package app

import (
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// AttemptRecord is all that is recorded of an attempt, as the rows have it:
// nothing is computed. It is what internal/verify judges.
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
	HeardAt     time.Time // null where a machine was detected
	VoicemailAt time.Time
	Keys        []string // that were pressed, in order
	Result      string
	// SaidCalled: a person said that it made a call which nobody can name.
	SaidCalled bool
	// Events are the status words of the webhooks that are stored for it, each
	// once.
	Events []string
}

// ContactRecord is all that is recorded of a contact.
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
	AskedAt  []time.Time // when people asked that they are called at once
	RangBack campaign.RangBack
	// CallWith is the contact whose calls it shares; 0: it has its own.
	CallWith int64
}

// VersionRecord is what a campaign said from one edit to the next.
type VersionRecord struct {
	MadeAt   time.Time
	Settings campaign.Settings
}

// LegRecord is a call of Vonage's list that no attempt made.
type LegRecord struct {
	CallUUID string // in the list's wording
	LegOf    uuid.UUID
	Price    decimal.NullDecimal
}

// EventCount is how many webhooks of a kind are stored for an attempt.
type EventCount struct {
	Attempt uuid.UUID // uuid.Nil: for none
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
	// Legs are the calls in an attempt's conversation that are of no attempt: those that
	// keys have connected.
	Legs   []LegRecord
	Events []EventCount
	Alarms []campaign.Alarm // that were ever raised
	// Suppressed are the numbers that no campaign may call, without an end.
	Suppressed map[string]bool
	// Lifted is when a suppression of each number ended: lifted, replaced or expired.
	Lifted map[string][]time.Time
}
