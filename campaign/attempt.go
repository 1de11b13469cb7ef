package campaign

import (
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// Attempt is one POST to Vonage that may have happened. Its id rides in
// the call's own event_url and answer_url and is the token's jti.
type Attempt struct {
	ID         uuid.UUID // UUIDv7
	CampaignID int64
	ContactID  int64
	No         int    // 1 for a contact's first attempt row; void and refused rows count here
	To         string // E.164 digits, no plus sign
	From       string // E.164 digits
	State      State
	CreatedAt  time.Time
	DialedAt   time.Time // when the gate was passed; zero before
	// TokenExpiresAt is the moment from which Vonage itself refuses this
	// attempt's POST. Zero before the gate.
	TokenExpiresAt time.Time
	// MustExist: Vonage said 201 and its uuid could not be read. The call
	// exists for certain, so absence must never be concluded.
	MustExist bool
	// Note says why the attempt was refused or withdrawn: one of the Refusal
	// and Withdrawal names, empty otherwise.
	Note string
	// Adopted: the call was found in Vonage's list when the database had
	// forgotten it. Its own attempt's id is not known any more.
	Adopted bool
	Facts
}

// Facts is what Vonage has told us of one call, from any source. Facts
// only grow: folding evidence in any order, any number of times, gives the
// same facts. The disposition is computed from them.
type Facts struct {
	CallUUID         string // opaque, write-once
	ConversationUUID string
	Seen             []string  // every status word seen, sorted, each once; words not known included
	AnsweredAt       time.Time // earliest answer; zero when none
	Failure          string    // the earliest failing status word
	FailedAt         time.Time
	ClosedAt         time.Time // when the call was first known to be over; zero while it is not
	Bill             Bill
}

// Bill is what a call cost, as one source told it at one time. The bills of a
// call are ordered (see Bill.Before), and the greatest one stands.
type Bill struct {
	Source     Source
	ObservedAt time.Time // when we read it; zero: no bill known yet
	Price      decimal.NullDecimal
	Rate       decimal.NullDecimal // a minute
	Duration   *int                // whole seconds
	StartTime  time.Time
	EndTime    time.Time
	Network    string
}

// Disposition is how an attempt ended.
type Disposition string

// The dispositions. An attempt that has not ended has none ("").
const (
	Answered    Disposition = "answered"
	Human       Disposition = "human"
	Machine     Disposition = "machine"
	Busy        Disposition = "busy"
	Unanswered  Disposition = "unanswered"
	Timeout     Disposition = "timeout"
	Failed      Disposition = "failed"
	Rejected    Disposition = "rejected"
	Cancelled   Disposition = "cancelled"
	Unexplained Disposition = "unexplained" // over, and nobody said how
)

// Dispositions lists them all, in the order in which reports show them.
var Dispositions = []Disposition{
	Answered, Human, Machine, Busy, Unanswered, Timeout, Failed, Rejected, Cancelled, Unexplained,
}
