package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
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

// patchCampaign takes a merge patch (RFC 7396) of the campaign's document. What a
// campaign says and when is fixed once it is made, so only a patch that changes
// nothing is taken.
func (a *api) patchCampaign(r request) (answer, error) {
	found, err := a.getCampaign(r)
	if err != nil {
		return answer{}, err
	}
	if !matches(r, found.version) {
		return answer{}, app.ErrChanged
	}
	var patch any
	if err := decodeJSON(r.body, &patch); err != nil {
		return answer{}, err
	}
	if _, ok := patch.(map[string]any); !ok {
		return answer{}, errors.New("want an object with the members of the campaign document that change")
	}
	var is struct{ Document any }
	if err := decodeJSON(found.body.(json.RawMessage), &is); err != nil {
		return answer{}, err
	}
	if !reflect.DeepEqual(mergePatch(is.Document, patch), is.Document) {
		return answer{}, errors.New("a campaign's document is fixed once it is made: stop this one and make another; to end its calls for a while, pause it")
	}
	return found, nil
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

// matches reports whether the request's If-Match allows the version.
func matches(r request, version string) bool {
	want := ifMatch(r)
	return want == "" || want == "*" || want == version
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
