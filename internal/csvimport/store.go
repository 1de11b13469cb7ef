package csvimport

import (
	"context"

	"dialer/campaign"
)

// Store is where rows go.
type Store interface {
	// OpenCampaign creates the campaign in state importing, or finds the one
	// of that name. campaign.ErrOtherSettings when its settings differ.
	// A stopped campaign takes no more rows: the error says so.
	OpenCampaign(ctx context.Context, name string, s campaign.Settings) (campaign.Campaign, error)
	// AddContacts loads a batch of rows by COPY, in one transaction. source
	// identifies the file, so that a second run of the same file is told from
	// a duplicate. Rows that were added before, or repeat a number of the
	// campaign, are reported and not added.
	AddContacts(ctx context.Context, campaignID int64, source string, batch campaign.Batch) (campaign.Added, error)
	// FinishImport lets an importing campaign run (or stay paused).
	FinishImport(ctx context.Context, campaignID int64) error
}
