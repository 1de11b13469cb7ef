package app

import (
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// SnapshotCampaigns is how many campaigns a snapshot has at most.
const SnapshotCampaigns = 50

// Snapshot is what the first page shows, at one moment.
type Snapshot struct {
	At     time.Time
	Locked string // why the database calls nobody; "": it dials
	// Campaigns are the latest ones that are not over, filled up with the latest of all,
	// the oldest first.
	Campaigns []Report
	Totals
	Open   int // calls that are up, or whose request is on its way
	Queued int // attempts that wait for their turn
	// CallsVersion changes with each of these calls.
	CallsVersion string
	Courses      map[int64]Course // of the running ones of Campaigns
	Dialed       int              // in the last minute
	LastCall     time.Time
	Alarms       int // open ones
	// Unsettled counts attempts that may or may not have made a call: it is not known
	// yet.
	Unsettled int
}

// Totals are the sums over all campaigns.
type Totals struct {
	AllCampaigns       int
	Running, Scheduled int
	ToGo               int // people of running campaigns who have not ended
	Calls              int // attempts that Vonage had
	Spent              decimal.Decimal
	Unpriced           int // calls that are over and have no price yet
	Lost               int // attempts that wait for a person
	ByHand             int // people who must be reached by hand, in campaigns that were made in the last 30 days
}

// CurrentReports are the campaigns that are not over, and others that were requested.
type CurrentReports struct {
	Reports []Report
	Newest  int64 // the highest id of a campaign
	Totals
}

// Course counts the people of a running campaign who are still to be called.
type Course struct {
	Dialed int // calls in the last minute
	// Due counts the people who may be called now, and Later those who are due later or
	// outside their hours. Many means that there are more than were counted.
	Due, Later         int
	ManyDue, ManyLater bool
	Next               time.Time // when the first of Later may be called; zero: never, or nobody
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
	// Theirs are calls in Vonage's list that no attempt explains. Next is where their
	// next page begins; "": this is the last.
	Theirs []UnmatchedCall
	Next   string
	// Ours are attempts for which Vonage has shown no call.
	Ours []UnsettledAttempt
	// Untold is how many messages to hooks were given up.
	Untold int
}

// UnmatchedCall is a call of Vonage's list without an attempt.
type UnmatchedCall struct {
	CallUUID, Status, Direction, To, From string
	StartTime                             time.Time
	Price                                 decimal.NullDecimal
}

// UnsettledAttempt is an attempt without a call, but without proof that it made none.
type UnsettledAttempt struct {
	ID       uuid.UUID
	Campaign string
	State    campaign.State
	DialedAt time.Time
}
