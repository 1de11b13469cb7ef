package campaign

import (
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// AttemptKind says where an attempt comes from.
type AttemptKind string

const (
	CampaignCall AttemptKind = "campaign" // a contact of a campaign is called
	ManualCall   AttemptKind = "manual"   // a person makes one call, outside any campaign
)

// Attempt is one POST to Vonage that may have happened. The call's event_url and
// answer_url contain its id.
type Attempt struct {
	ID         uuid.UUID // UUIDv7
	Kind       AttemptKind
	CampaignID int64  // 0 for a manual call
	ContactID  int64  // 0 for a manual call
	No         int    // 1 for a contact's first attempt row; void and refused rows count here
	To         string // E.164 digits, no plus sign; "" if no telephone is called
	From       string // E.164 digits; "" if Vonage picks one of the application's numbers
	Manual     Manual // of a manual call
	State      State
	CreatedAt  time.Time
	DialedAt   time.Time // when the attempt passed the gate; zero before
	// TokenID is the jti of the POST's token. Attempts that pass the gate together share
	// one.
	TokenID uuid.UUID
	// TokenExpiresAt is the moment from which Vonage refuses this attempt's POST. Zero
	// before the gate.
	TokenExpiresAt time.Time
	// MustExist: Vonage answered 201, but its uuid could not be read. The call certainly
	// exists, so absence must never be concluded.
	MustExist bool
	// Note says why the attempt was refused or withdrawn: one of the Refusal
	// and Withdrawal names, empty otherwise.
	Note string
	// PostError is Vonage's answer to the POST when it made no call, or the reason why no
	// answer came.
	PostError string
	// Recovered: the call was found in Vonage's list after the database had forgotten it.
	// The id of its own attempt is not known any more.
	Recovered bool
	// EventsUnread: an event named the attempt before its call was known. It could not be
	// told from an event of a leg, so it is folded once the call is known.
	EventsUnread bool
	// Result is the word of the last key that has one. The words belong to the message, so
	// Result is computed where the campaign is known.
	Result string
	Facts
}

// Manual is what is known about a manual call besides its attempt.
type Manual struct {
	RequestedBy string
	ToKind      string // phone, sip, websocket, vbc or app
	Address     string // the address that is called if it is no telephone
	Detail      string // what the call should say; never the digits that were sent
}

// KindPhone is the Manual.ToKind of a call to a telephone.
const KindPhone = "phone"

// Facts is what Vonage has told us about one call, from any source. Facts only grow:
// folding evidence in any order, any number of times, gives the same facts. The
// disposition is computed from them.
type Facts struct {
	CallUUID         string // opaque, write-once
	ConversationUUID string
	Statuses         []string  // every status word seen, sorted, each once; includes unknown words
	AnsweredAt       time.Time // earliest answer; zero when none
	Failure          string    // the earliest failing status word
	FailedAt         time.Time
	EndedAt          time.Time // when the call was first known to be over; zero while it is not
	OverSeenAt       time.Time // when we first heard that it had failed or ended
	HungUpAt         time.Time // when we first asked Vonage to hang it up; zero: never, or it had no effect
	HungUpBy         uuid.UUID // the HangUpRequest that did so, while its answer is not known
	Bill             Bill
	Dialogue
}

// Bill is the cost of a call, as one source reported it at one time. The bills of a
// call are ordered (see Bill.Before), and the greatest one counts.
type Bill struct {
	Source     Source
	ObservedAt time.Time // when we read the bill; zero: none is known yet
	Price      decimal.NullDecimal
	Rate       decimal.NullDecimal // per minute
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
	Unexplained Disposition = "unexplained" // the call is over, but nothing says how it ended
)

// Dispositions lists them all, in the order in which reports show them.
var Dispositions = []Disposition{
	Answered, Human, Machine, Busy, Unanswered, Timeout, Failed, Rejected, Cancelled, Unexplained,
}
