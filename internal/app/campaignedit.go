package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dialer/campaign"
)

// CampaignVersion is a campaign's settings from one edit to the next.
type CampaignVersion struct {
	Version int       `json:"version"`
	MadeAt  time.Time `json:"made_at"`
	MadeBy  string    `json:"made_by"`
}

// Edit is a change of a campaign.
type Edit struct {
	// Version is the version that the edit is based on; 0: any. If the campaign has
	// another version, the result is campaign.ErrEdited.
	Version int
	// Change returns the document that the campaign is to have.
	Change func(campaign.Document) (campaign.Document, error)
	// CheckMessage says what is wrong with a message that will be sent; nil: messages are
	// not checked.
	CheckMessage func(campaign.Settings, campaign.Rendered) error
}

// Edited is a campaign after an edit.
type Edited struct {
	Campaign campaign.Campaign
	Version  int
	Changes  []campaign.Difference // none: there was nothing to change
}

// ErrEdit means that the edit itself is wrong. The wrapped error says where.
var ErrEdit = errors.New("this edit cannot be made")

// checkedRows is how many people's messages are tried before an edit is stored.
const checkedRows = 100

// Edit gives a campaign another document. From its commit it applies to each call that
// has not begun.
func (c Campaigns) Edit(ctx context.Context, by Actor, name string, e Edit) (done Edited, err error) {
	if err := by.may(Operator); err != nil {
		return Edited{}, fmt.Errorf("campaign %q: %w", name, err)
	}
	if done.Campaign, err = c.Find(ctx, name); err != nil {
		return Edited{}, err
	}
	id := done.Campaign.ID
	holds, err := c.Store.CampaignVersion(ctx, id)
	if err != nil {
		return Edited{}, err
	}
	done.Version = holds.Version
	if e.Version != 0 && e.Version != done.Version {
		return Edited{}, campaign.ErrEdited
	}
	s, err := c.editedSettings(ctx, done.Campaign, e)
	if err != nil {
		return Edited{}, err
	}
	done.Changes, err = c.Store.EditCampaign(ctx, by, id, done.Version, s)
	if err == nil && len(done.Changes) > 0 {
		done.Version++
	}
	if err != nil {
		return Edited{}, err
	}
	done.Campaign, err = c.Find(ctx, name)
	return done, err
}

// editedSettings are the campaign's new settings. A setting that is not in the document
// stays as it is.
func (c Campaigns) editedSettings(ctx context.Context, of campaign.Campaign, e Edit) (s campaign.Settings, err error) {
	stored, err := c.Store.CampaignDocument(ctx, of.ID)
	if err != nil {
		return s, err
	}
	if stored == nil {
		return s, fmt.Errorf("%w: the campaign was made without a document", ErrEdit)
	}
	was, err := campaign.ParseDocument("", stored)
	if err != nil {
		return s, fmt.Errorf("read the campaign's document: %w", err)
	}
	document, err := e.Change(was)
	if err == nil {
		err = was.CheckEdit(document)
	}
	if err == nil {
		s, err = document.Settings()
	}
	if err != nil {
		return s, fmt.Errorf("%w: %w", ErrEdit, err)
	}
	if !s.End.IsZero() && !s.End.Equal(of.Settings.End) && !s.End.After(time.Now()) {
		return s, fmt.Errorf("%w: the end, %s, is past; `dialer campaign stop` ends a campaign now", ErrEdit, s.End.Format(time.RFC3339))
	}
	if len(document.People.Countries) == 0 && len(was.People.Countries) == 0 {
		s.Countries = of.Settings.Countries // even if the default ones are different now
	}
	return s, c.checkMessages(ctx, of.ID, s, e)
}

// checkMessages makes the messages of some contacts that are still to be called.
func (c Campaigns) checkMessages(ctx context.Context, id int64, s campaign.Settings, e Edit) error {
	rows, err := c.Store.RowsToCall(ctx, id, checkedRows)
	if err != nil {
		return err
	}
	for _, vars := range rows {
		rendered, err := s.Message.Render(vars)
		if err == nil && e.CheckMessage != nil {
			err = e.CheckMessage(s, rendered)
		}
		if err != nil {
			return fmt.Errorf("%w: the message cannot be made for a person of the campaign: %w", ErrEdit, err)
		}
	}
	return nil
}
