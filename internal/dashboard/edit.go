package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"dialer/campaign"
	"dialer/internal/app"
)

// documentView is the campaign's document, and the form that edits it.
type documentView struct {
	Text    string
	Version int
	Refused string // what is wrong with the text that was sent
}

// documentOn reads the version before the document: an edit between the two is
// noticed when the form is sent.
func (d *dashboard) documentOn(ctx context.Context, campaignID int64) (view documentView, err error) {
	holds, err := d.Store.CampaignVersion(ctx, campaignID)
	if err == nil {
		view.Version = holds.Version
		view.Text, err = (app.Campaigns{Store: d.Store}).Document(ctx, campaignID)
	}
	return view, err
}

// editCampaign gives a campaign the document that was typed. A refused document stays in
// the form, with the reason.
func (d *dashboard) editCampaign(v *visit) error {
	id, name, err := d.campaignOf(v)
	if err != nil {
		return err
	}
	page := fmt.Sprintf("/campaigns/%d", id)
	typed := documentView{Text: strings.ReplaceAll(v.PostFormValue("document"), "\r\n", "\n")}
	if typed.Version, err = strconv.Atoi(v.PostFormValue("version")); err != nil || typed.Version < 1 {
		return errors.New("not edited: the form does not say of which version it was made; open the campaign's page again")
	}
	done, err := (app.Campaigns{Store: d.Store}).Edit(v.Context(), v.by, name, app.Edit{
		Version: typed.Version,
		Change: func(campaign.Document) (campaign.Document, error) {
			return campaign.ParseDocument("document", []byte(typed.Text))
		},
		CheckMessage: d.CheckMessage,
	})
	switch {
	case err == nil && len(done.Changes) == 0:
		return v.done(page, "same")
	case err == nil:
		return v.done(page, "edit")
	case errors.Is(err, campaign.ErrNotFound) || ours(err):
		return err
	case errors.Is(err, campaign.ErrEdited):
		err = errors.New("not edited: somebody else edited it since you opened this page; open the page again, and repeat your change")
	}
	typed.Refused = err.Error()
	return d.showCampaign(v, http.StatusUnprocessableEntity, nil, &typed)
}
