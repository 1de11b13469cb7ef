package app

import (
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// Snapshot is what the first page shows, at one moment.
type Snapshot struct {
	At        time.Time
	Locked    string // why nobody is called; "": the database dials
	Campaigns []Report
	Open      int // attempts that are a call or may become one
	Dialed    int // in the last minute
	LastCall  time.Time
	Alarms    int // open ones
	Spent     decimal.Decimal
	Unpriced  int
	// Unsettled are attempts of which nobody knows yet whether they made a call, and
	// Lost those that wait for a person.
	Unsettled, Lost int
}

// ContactEvent is one webhook about a contact's calls.
type ContactEvent struct {
	At        time.Time
	AttemptID uuid.UUID
	Kind      string
	Status    string
}

// Differences are calls that only one side knows.
type Differences struct {
	// Theirs are calls of Vonage's list that no attempt explains.
	Theirs []UnmatchedCall
	// Ours are attempts of which nobody knows whether Vonage had a call.
	Ours []UnsettledAttempt
}

// UnmatchedCall is a call of Vonage's list without an attempt.
type UnmatchedCall struct {
	CallUUID, Status, Direction, To, From string
	StartTime                             time.Time
	Price                                 decimal.NullDecimal
}

// UnsettledAttempt is an attempt without a call, and not proved to have none.
type UnsettledAttempt struct {
	ID       uuid.UUID
	Campaign string
	State    campaign.State
	DialedAt time.Time
}
