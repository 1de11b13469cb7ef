package app

import (
	"time"

	"dialer/campaign"

	"github.com/shopspring/decimal"
)

// Report is the state of a campaign: every row that came in, every attempt, and their
// cost. Rows = Rejected + Pending + Active + Waiting + Done, and Done is the sum of
// Reasons.
type Report struct {
	CampaignID       int64
	Campaign         string
	Status           campaign.Status
	PauseReason      string
	CreatedAt        time.Time
	ImportFinishedAt time.Time
	Start, End       time.Time // zero: at once, and never
	Until            campaign.Until

	Rows, Rejected                 int
	Pending, Active, Waiting, Done int
	Reasons                        map[campaign.Reason]int
	// These count people who have ended. Reached were reached, as Until asks. NotReached
	// are the others, except suppressed and cancelled people. ByHand are NotReached and
	// people whose telephone somebody else opted out.
	Reached, NotReached, ByHand int
	Ladder                      Ladder

	Attempts     map[campaign.State]int
	Dispositions map[campaign.Disposition]int
	Calls        int // attempts that Vonage had
	Answered     int
	Seconds      int64
	Price        decimal.Decimal // exact
	Unpriced     int             // calls that are over and have no price yet
	Recordings   int             // of people's words, in all calls
}

// OpenCounts counts what a campaign still waits for.
type OpenCounts struct {
	Contacts int // not ended
	Attempts int // that may still become a call, or are one
	Unpriced int // calls that are over and have no price yet
}

// Ladder is how far the campaign got with its people: each number is a part of the one
// before.
type Ladder struct {
	Called   int // Vonage had a call
	Answered int // somebody, or something, answered
	Heard    int // a person heard the message to its end, or gave a result
	Result   int // a person pressed a key that has a result
	// Results counts the people by result, in the campaign's own words.
	Results map[string]int
	// OwnNCCO: the campaign sends its own NCCO, so it is not known who heard it.
	OwnNCCO bool
}
