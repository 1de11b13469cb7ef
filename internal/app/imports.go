package app

import (
	"context"

	"dialer/campaign"
)

// ImportStore keeps imports. It has the methods of csvimport.Store with an actor added.
type ImportStore interface {
	OpenCampaign(ctx context.Context, by Actor, name string, s campaign.Settings) (campaign.Campaign, error)
	AddContacts(ctx context.Context, by Actor, campaignID int64, source string, batch campaign.RowBatch) (campaign.BatchResult, error)
	BeginImport(ctx context.Context, by Actor, im campaign.Import) (campaign.Import, error)
	EndImport(ctx context.Context, by Actor, im campaign.Import) (removed int, kept bool, err error)
	FinishImport(ctx context.Context, by Actor, campaignID int64) error
}

// Import is an import by one person; csvimport.Import stores through it.
type Import struct {
	By    Actor
	Store ImportStore
}

// OpenCampaign creates the campaign, or finds the existing one of that name.
func (i Import) OpenCampaign(ctx context.Context, name string, s campaign.Settings) (campaign.Campaign, error) {
	if err := i.By.may(Operator); err != nil {
		return campaign.Campaign{}, err
	}
	return i.Store.OpenCampaign(ctx, i.By, name, s)
}

// BeginImport notes that an import into a campaign begins.
func (i Import) BeginImport(ctx context.Context, im campaign.Import) (campaign.Import, error) {
	if err := i.By.may(Operator); err != nil {
		return campaign.Import{}, err
	}
	return i.Store.BeginImport(ctx, i.By, im)
}

// EndImport ends an import whose file was read to its end.
func (i Import) EndImport(ctx context.Context, im campaign.Import) (removed int, kept bool, err error) {
	if err := i.By.may(Operator); err != nil {
		return 0, true, err
	}
	return i.Store.EndImport(ctx, i.By, im)
}

// AddContacts adds a batch of rows in one transaction.
func (i Import) AddContacts(ctx context.Context, campaignID int64, source string, batch campaign.RowBatch) (campaign.BatchResult, error) {
	if err := i.By.may(Operator); err != nil {
		return campaign.BatchResult{}, err
	}
	return i.Store.AddContacts(ctx, i.By, campaignID, source, batch)
}

// FinishImport lets an importing campaign run (or stay paused).
func (i Import) FinishImport(ctx context.Context, campaignID int64) error {
	if err := i.By.may(Operator); err != nil {
		return err
	}
	return i.Store.FinishImport(ctx, i.By, campaignID)
}

// ImportResult accounts for every row of an import: Rows is the sum of the counts
// from Added to Refused.
type ImportResult struct {
	ID         int64 `json:"-"`
	Rows       int   `json:"rows"`
	Added      int   `json:"added"`
	Already    int   `json:"already"` // in the campaign, with the same values
	Updated    int   `json:"updated"`
	Differ     int   `json:"differ"` // in the campaign with other values, which stay
	Duplicates int   `json:"duplicates"`
	Refused    int   `json:"refused"`
	Removed    int   `json:"removed"` // ended, because their rows are gone
	// RefusedRows are the first of the rows without an effect, and why.
	RefusedRows []RefusedImportRow `json:"refused_rows"`
}

// RefusedImportRow is a row that had no effect. It contains nothing of the row's text.
type RefusedImportRow struct {
	Line   int    `json:"line"`
	Column string `json:"column"`
	Reason string `json:"reason"`
}
