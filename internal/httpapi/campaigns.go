package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"dialer/campaign"
	"dialer/internal/app"
)

func (a *api) campaigns() app.Campaigns { return app.Campaigns{Store: a.Store} }

func (a *api) listCampaigns(r request) (answer, error) {
	q, err := r.list()
	if err != nil {
		return answer{}, err
	}
	return list(a.Store.ListCampaigns(r.Context(), q))
}

// createCampaign makes a campaign that calls at once, or from its start, or once it
// is resumed.
func (a *api) createCampaign(r request) (answer, error) {
	d, err := campaign.ParseDocument("", r.body)
	if err != nil {
		return answer{}, err
	}
	if len(d.People.Countries) == 0 {
		d.People.Countries = a.Countries
	}
	s, err := d.Settings()
	if err == nil {
		err = campaign.CheckName(d.Name)
	}
	if err != nil {
		return answer{}, err
	}
	draft := r.URL.Query().Get("draft")
	if draft != "" && draft != "true" && draft != "false" {
		return answer{}, errors.New("draft: want true or false")
	}
	c, err := a.campaigns().Create(r.Context(), r.by, d.Name, s, draft == "true")
	if err != nil {
		return answer{}, err
	}
	created, err := a.campaignAnswer(r, c.ID)
	created.status, created.location = http.StatusCreated, prefix+"campaigns/"+url.PathEscape(c.Name)
	return created, err
}

func (a *api) campaignAnswer(r request, id int64) (answer, error) {
	record, err := a.Store.CampaignRecord(r.Context(), id)
	return answer{body: record.JSON, version: record.Version}, err
}

func (a *api) getCampaign(r request) (answer, error) {
	c, err := a.Store.CampaignByName(r.Context(), r.PathValue("name"))
	if err != nil {
		return answer{}, err
	}
	return a.campaignAnswer(r, c.ID)
}

// patchCampaign takes a merge patch (RFC 7396) of the campaign's document. It holds
// for each call that has not begun.
func (a *api) patchCampaign(r request) (answer, error) {
	var patch any
	if err := decodeJSON(r.body, &patch); err != nil {
		return answer{}, err
	}
	if _, ok := patch.(map[string]any); !ok {
		return answer{}, errors.New("want an object with the members of the campaign document that change")
	}
	version, err := a.matchedVersion(r)
	if err != nil {
		return answer{}, err
	}
	edited, err := a.campaigns().Edit(r.Context(), r.by, r.PathValue("name"), app.Edit{
		Version:      version,
		Change:       func(was campaign.Document) (campaign.Document, error) { return patched(was, patch) },
		CheckMessage: a.CheckMessage,
	})
	//guard:false internal/httpapi.TestEditsAtOnce: of two edits of one version that is named, one is refused
	if version != 0 && errors.Is(err, campaign.ErrEdited) {
		err = app.ErrChanged
	}
	if err != nil {
		return answer{}, err
	}
	return a.campaignAnswer(r, edited.Campaign.ID)
}

// matchedVersion is the version of the campaign that the request's If-Match names;
// 0: whichever there is.
func (a *api) matchedVersion(r request) (int, error) {
	want := ifMatch(r)
	if want == "" || want == "*" {
		return 0, nil
	}
	found, err := a.getCampaign(r)
	if err != nil {
		return 0, err
	}
	//guard:false internal/httpapi.TestEditACampaign: an edit of what was changed since it was read is refused
	if want != found.version {
		return 0, app.ErrChanged
	}
	var is struct{ Version int }
	err = json.Unmarshal(found.body.(json.RawMessage), &is)
	return is.Version, err
}

// patched is the document with the changes that the patch names.
func patched(was campaign.Document, patch any) (campaign.Document, error) {
	text, err := was.JSON()
	if err != nil {
		return was, err
	}
	var is any
	if err := decodeJSON(text, &is); err != nil {
		return was, err
	}
	if text, err = json.Marshal(mergePatch(is, patch)); err != nil {
		return was, err
	}
	return campaign.ParseDocument("", text)
}

// mergePatch is RFC 7396.
func mergePatch(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	merged := map[string]any{}
	if is, ok := target.(map[string]any); ok {
		for name, value := range is {
			merged[name] = value
		}
	}
	for name, value := range changes {
		if value == nil {
			delete(merged, name)
		} else {
			merged[name] = mergePatch(merged[name], value)
		}
	}
	return merged
}

// ifMatch is the version that a change is about; "": whatever is there.
func ifMatch(r request) string {
	return strings.Trim(strings.TrimPrefix(strings.TrimSpace(r.Header.Get("If-Match")), "W/"), `"`)
}

// decodeJSON reads exactly one value.
func decodeJSON(text []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(to); err != nil {
		return fmt.Errorf("the body is no JSON of the form that is wanted: %s", jsonMistake(err))
	}
	if d.More() {
		return errors.New("the body holds more than one JSON value")
	}
	return nil
}

// jsonMistake says where the mistake is, and shows nothing of the values.
func jsonMistake(err error) string {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("%s: want %s", wrong.Field, wrong.Type)
	}
	if wrong, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("a mistake behind byte %d", wrong.Offset)
	}
	return "it ends early, or has a member that is not known"
}

func (a *api) pause(r request) (answer, error) {
	var body struct {
		Reason string `json:"reason"`
	}
	if len(bytes.TrimSpace(r.body)) > 0 {
		if err := decodeJSON(r.body, &body); err != nil {
			return answer{}, err
		}
	}
	if body.Reason == "" {
		body.Reason = "by hand"
	}
	return a.changed(r, func(name string) (campaign.Campaign, error) {
		return a.campaigns().Pause(r.Context(), r.by, name, body.Reason)
	})
}

func (a *api) resume(r request) (answer, error) {
	return a.changed(r, func(name string) (campaign.Campaign, error) { return a.campaigns().Resume(r.Context(), r.by, name) })
}

func (a *api) stop(r request) (answer, error) {
	return a.changed(r, func(name string) (campaign.Campaign, error) { return a.campaigns().Stop(r.Context(), r.by, name) })
}

// changed answers with the campaign as it is after a change.
func (a *api) changed(r request, change func(name string) (campaign.Campaign, error)) (answer, error) {
	c, err := change(r.PathValue("name"))
	if err != nil {
		return answer{}, err
	}
	return a.campaignAnswer(r, c.ID)
}
