package app

import (
	"context"
	"encoding/json"
	"fmt"

	"dialer/campaign"
)

// CampaignStore keeps campaigns. Each change is audited in its transaction; a change
// without effect leaves no entry.
type CampaignStore interface {
	// CampaignByName finds a campaign by its name, or else by its id.
	CampaignByName(ctx context.Context, nameOrID string) (campaign.Campaign, error)
	Report(ctx context.Context, campaignIDs ...int64) ([]Report, error)
	// Figures counts the calls of a campaign, or of all if its id is 0.
	Figures(ctx context.Context, campaignID int64, q FiguresQuery) (Figures, error)
	// CampaignDocument is nil for a campaign without a document.
	CampaignDocument(ctx context.Context, campaignID int64) (json.RawMessage, error)
	// CampaignVersion is the current version.
	CampaignVersion(ctx context.Context, campaignID int64) (CampaignVersion, error)
	// RowsToCall returns up to limit rows of contacts that are still to be
	// called.
	RowsToCall(ctx context.Context, campaignID int64, limit int) ([]map[string]string, error)
	// EditCampaign gives the campaign other settings if it still has the version, and
	// returns what changed. Contacts that are still to be called are called by the new
	// settings, or not at all.
	EditCampaign(ctx context.Context, by Actor, campaignID int64, version int, s campaign.Settings) ([]campaign.Difference, error)
	// CreateCampaign makes a campaign that takes contacts until its end or a stop;
	// campaign.ErrExists if there is a campaign of that name.
	CreateCampaign(ctx context.Context, by Actor, name string, draft bool, s campaign.Settings) (campaign.Campaign, error)
	// Pause takes effect at its commit: no call of the campaign begins after that.
	Pause(ctx context.Context, by Actor, campaignID int64, reason string) error
	Resume(ctx context.Context, by Actor, campaignID int64) error
	// Stop ends the campaign for good.
	Stop(ctx context.Context, by Actor, campaignID int64) error
}

// Campaigns has the use cases of campaigns. People give a campaign's name or id.
type Campaigns struct{ Store CampaignStore }

// Find finds the campaign.
func (c Campaigns) Find(ctx context.Context, name string) (campaign.Campaign, error) {
	return c.Store.CampaignByName(ctx, name)
}

// Document is the campaign's document, as a person writes it; "" if the campaign was made
// without one.
func (c Campaigns) Document(ctx context.Context, campaignID int64) (string, error) {
	stored, err := c.Store.CampaignDocument(ctx, campaignID)
	if err != nil || stored == nil {
		return "", err
	}
	d, err := campaign.ParseDocument("", stored)
	if err != nil {
		return string(stored), nil // from a later version: unchanged
	}
	return d.YAML()
}

// Create makes a campaign that takes contacts one by one, and calls them, until its
// end or a stop. A draft waits for Resume.
func (c Campaigns) Create(ctx context.Context, by Actor, name string, s campaign.Settings, draft bool) (campaign.Campaign, error) {
	if err := by.may(Operator); err != nil {
		return campaign.Campaign{}, err
	}
	if err := s.Validate(); err != nil {
		return campaign.Campaign{}, err
	}
	return c.Store.CreateCampaign(ctx, by, name, draft, s)
}

// Reading is how the campaign reads rows that come without a command.
func (c Campaigns) Reading(ctx context.Context, of campaign.Campaign) (campaign.Reading, error) {
	return readingOf(ctx, c.Store, of)
}

// Report reports on one campaign, or on all if name is "".
func (c Campaigns) Report(ctx context.Context, name string) ([]Report, error) {
	if name == "" {
		return c.Store.Report(ctx)
	}
	found, err := c.Find(ctx, name)
	if err != nil {
		return nil, err
	}
	return c.Store.Report(ctx, found.ID)
}

// Pause stops new calls of the campaign. Calls in progress continue.
func (c Campaigns) Pause(ctx context.Context, by Actor, name, reason string) (campaign.Campaign, error) {
	return c.change(ctx, by, name, func(id int64) error { return c.Store.Pause(ctx, by, id, reason) })
}

// Resume lets a paused campaign call again.
func (c Campaigns) Resume(ctx context.Context, by Actor, name string) (campaign.Campaign, error) {
	return c.change(ctx, by, name, func(id int64) error { return c.Store.Resume(ctx, by, id) })
}

// Stop ends the campaign for good. Calls in progress continue: see
// Calls.HangUpAll.
func (c Campaigns) Stop(ctx context.Context, by Actor, name string) (campaign.Campaign, error) {
	return c.change(ctx, by, name, func(id int64) error { return c.Store.Stop(ctx, by, id) })
}

// change returns the campaign as it was before.
func (c Campaigns) change(ctx context.Context, by Actor, name string, do func(id int64) error) (campaign.Campaign, error) {
	if err := by.may(Operator); err != nil {
		return campaign.Campaign{}, fmt.Errorf("campaign %q: %w", name, err)
	}
	found, err := c.Find(ctx, name)
	if err != nil {
		return campaign.Campaign{}, err
	}
	return found, do(found.ID)
}
