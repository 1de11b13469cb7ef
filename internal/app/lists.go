package app

import (
	"context"
	"encoding/json"
	"errors"
)

// Page is one page of a list: JSON objects with the columns of a reporting view, so
// that the API, the pages and SQL show the same.
type Page struct {
	Items []json.RawMessage
	Next  string // where the next page begins; "": this is the last
}

// Record is one object, with its version for a later change.
type Record struct {
	JSON    json.RawMessage
	Version string
}

// ListQuery has the parameters of every list.
type ListQuery struct {
	Limit int
	After string // Page.Next of the page before; "": from the beginning
}

// ContactQuery selects contacts of a campaign. An empty field selects all.
type ContactQuery struct {
	ListQuery
	State, Reason, Result string
	Number                string // E.164 digits
}

// CallsUp selects the calls that are up, or whose request is on its way. The pages count
// these as calls now.
const CallsUp = "up"

// CallQuery selects attempts, the latest first.
type CallQuery struct {
	ListQuery
	CampaignID int64  // 0: all campaigns, and manual calls
	State      string // "open": attempts that may be a call or become one; CallsUp: those that are up
}

// SuppressionQuery selects suppressions.
type SuppressionQuery struct {
	ListQuery
	Number string
	ID     int64 // 0: whichever
	Ended  bool  // those that were lifted or replaced, too
	// LatestFirst lists them from the end; else they come in the order in which they were made.
	LatestFirst bool
}

// ErrChanged means that the object was changed since it was read.
var ErrChanged = errors.New("it was changed since you read it: read it again, and repeat your change")

// ErrCursor means that the cursor did not come from one of our answers.
var ErrCursor = errors.New("the cursor is none of ours: begin without one")

// ListStore reads lists a page at a time, and single objects.
type ListStore interface {
	ListCampaigns(ctx context.Context, q ListQuery) (Page, error)
	ListContacts(ctx context.Context, campaignID int64, q ContactQuery) (Page, error)
	ListCalls(ctx context.Context, q CallQuery) (Page, error)
	ListSuppressions(ctx context.Context, q SuppressionQuery) (Page, error)
	ListAlarms(ctx context.Context, q ListQuery, resolved bool) (Page, error)
	ListAudit(ctx context.Context, q ListQuery, object, actor string) (Page, error)

	// CampaignRecord also has the campaign's document, besides the view's columns.
	CampaignRecord(ctx context.Context, id int64) (Record, error)
	ContactRecord(ctx context.Context, campaignID int64, key string) (Record, error)
	// CallRecord finds an attempt by its call's uuid or by its own id.
	CallRecord(ctx context.Context, uuid string) (Record, error)
	ImportRecord(ctx context.Context, id int64) (Record, error)
}
