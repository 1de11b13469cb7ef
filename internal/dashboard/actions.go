package dashboard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/google/uuid"
)

// testCall orders a call to one number with the message of a row. It is a manual call, in
// no campaign's figures.
func (d *dashboard) testCall(ctx context.Context, by app.Actor, number, of string, s campaign.Settings, vars map[string]string) error {
	n, err := campaign.ParseNumber(number, d.DefaultCountry)
	if err == nil {
		err = cmp.Or(n.CheckKind(), s.Countries.Check(n))
	}
	if err != nil {
		return fmt.Errorf("not called: %w", err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	return app.TestCall(ctx, d.Store, by, campaign.Placement{
		Attempt: campaign.Attempt{ID: id, Kind: campaign.ManualCall, To: n.Digits, From: s.From[0], Manual: campaign.Manual{
			ToKind: campaign.KindPhone, Detail: "test of " + of,
		}},
		Settings: s, Vars: vars,
	})
}

// testCampaign calls a number with what the next person of a campaign would hear.
func (d *dashboard) testCampaign(v *visit, name string) error {
	c, err := d.Store.CampaignByName(v.Context(), name)
	if err != nil {
		return err
	}
	rows, err := d.Store.RowsToCall(v.Context(), c.ID, 1)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return errors.New("not called: nobody is left to call, whose row the message could be made of")
	}
	return d.testCall(v.Context(), v.by, v.PostFormValue("number"), name, c.Settings, rows[0])
}

// callAgain makes a draft with a campaign's document and the people it has not reached.
// It returns the draft's id.
func (d *dashboard) callAgain(v *visit, id int64, name string) (int64, error) {
	text, err := app.Campaigns{Store: d.Store}.Document(v.Context(), id)
	if err != nil {
		return 0, err
	}
	if text == "" {
		return 0, errors.New("the campaign was made without a document: export those not reached, and make a new campaign of the file")
	}
	document, err := campaign.ParseDocument("", []byte(text))
	if err != nil {
		return 0, err
	}
	document.Name = strings.TrimSpace(v.PostFormValue("name"))
	if err := campaign.CheckName(document.Name); err != nil {
		return 0, err
	}
	if _, err := d.Store.CampaignByName(v.Context(), document.Name); err == nil {
		return 0, fmt.Errorf("there is a campaign %q already: give the new one another name", document.Name)
	}
	document.When.Start, document.When.End = "", "" // the times of the first campaign are past, or will be
	settings, err := document.Settings()
	if err != nil {
		return 0, err
	}
	draft, err := app.Campaigns{Store: d.Store}.Create(v.Context(), v.by, document.Name, settings, true)
	if err != nil {
		return 0, err
	}
	people, write := io.Pipe()
	go func() {
		write.CloseWithError(d.Export(v.Context(), write, name, "csv", app.ExportQuery{NotReached: true}))
	}()
	_, err = d.ImportInto(v.Context(), v.by, people, draft)
	_ = people.Close() // so that the export ends, if the import did not read it all
	return draft.ID, err
}

// hangUpAll ends a campaign's calls that are up or about to be.
func (d *dashboard) hangUpAll(v *visit, id int64) error {
	if err := d.typed(v, id, "calls", "not hung up", "calls are up, or about to be,", standing.Up); err != nil {
		return err
	}
	_, err := d.HangUpAll(v.Context(), v.by, id)
	return err
}

// act does one thing to a call in progress.
func (d *dashboard) act(v *visit) error {
	action := v.PathValue("action")
	body := map[string]any{}
	field := func(member, name string) {
		if text := strings.TrimSpace(v.PostFormValue(name)); text != "" {
			body[member] = text
		}
	}
	switch action {
	case "hangup", "mute", "unmute", "earmuff", "unearmuff":
	case "talk":
		field("text", "text")
	case "dtmf":
		field("digits", "digits")
	case "transfer":
		field("url", "url")
	default:
		return campaign.ErrNotFound
	}
	if _, err := d.Act(v.Context(), v.by, v.PathValue("uuid"), action, body); err != nil {
		if ours(err) {
			return err
		}
		return d.showCalls(v, http.StatusUnprocessableEntity, err)
	}
	if action != "hangup" {
		action = "act"
	}
	return v.done("/calls", action)
}

// address is a campaign's page.
func address(id int64) string { return "/campaigns/" + strconv.FormatInt(id, 10) }
