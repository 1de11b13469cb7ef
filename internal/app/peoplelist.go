package app

import (
	"context"
	"encoding/json"
	"time"

	"dialer/campaign"

	"github.com/shopspring/decimal"
)

// PeopleOrder is how a page sorts a campaign's people.
type PeopleOrder string

// The orders that an index serves. The last two list only people who have a next call, or
// a result.
const (
	ByKey    PeopleOrder = "key"
	ByState  PeopleOrder = "state"
	ByNext   PeopleOrder = "next"
	ByResult PeopleOrder = "result"
)

// PeopleQuery selects the people of a campaign that a page shows. An empty field selects
// all. At most one of State, Reason, Result, NotReached and ByHand is set.
type PeopleQuery struct {
	Limit                 int
	State, Reason, Result string
	NotReached            bool   // people who ended without what the campaign wants, except suppressed and cancelled ones
	ByHand                bool   // the same, and people whose telephone somebody else opted out
	Search                string // a key or a number, its beginning, or a part of the row
	Whole                 bool   // search only for the whole key or number
	Order                 PeopleOrder
	Descending            bool
	After                 string // PeoplePage.Next of the page before; "": from the beginning
}

// PeoplePage is a page of a campaign's people: objects with the columns of
// reporting.contacts.
type PeoplePage struct {
	Items []json.RawMessage
	Next  string // contains no key and no number; "": this is the last
	// Looked is how many rows a text search has read, the next ones by key; 0: it has
	// read all that are left.
	Looked int
}

// OutcomePoint is how the calls of a span of time ended.
type OutcomePoint struct {
	At       time.Time                    `json:"at"` // when the span begins
	Ended    map[campaign.Disposition]int `json:"ended"`
	Underway int                          `json:"under_way"` // begun then, and not over or with an unknown outcome
}

// Outcomes are a campaign's calls over time.
type Outcomes struct {
	Every  time.Duration  `json:"-"` // how long each span is
	EveryS int            `json:"every_s"`
	Points []OutcomePoint `json:"points"` // spans without a call are left out
}

// CountryCost is what a campaign's calls to one country cost.
type CountryCost struct {
	Country        string // ISO code; "": no country, or not stored
	Calls, Seconds int64
	Confirmed      decimal.Decimal // by Vonage
	ConfirmedCalls int64
	// Estimated is the likely cost of ended calls without a price, by their length and
	// the country's rate. Missing counts the calls that cannot be estimated, because
	// their length or the rate is not known.
	Estimated      decimal.Decimal
	EstimatedCalls int64
	Missing        int64
	Open           int64 // not over
}

// PeopleListStore reads the data of a campaign's page.
type PeopleListStore interface {
	CampaignPeople(ctx context.Context, campaignID int64, q PeopleQuery) (PeoplePage, error)
	Outcomes(ctx context.Context, campaignID int64) (Outcomes, error)
	CostByCountry(ctx context.Context, campaignID int64) ([]CountryCost, error)
}
