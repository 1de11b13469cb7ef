package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/httpapi/operations"
)

func (a *api) campaigns() app.Campaigns { return app.Campaigns{Store: a.Store} }

func (a *api) ListCampaigns(ctx context.Context, r operations.ListCampaignsRequestObject) (operations.ListCampaignsResponseObject, error) {
	q, err := page(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := listed(a.Store.ListCampaigns(ctx, q))
	return operations.ListCampaigns200JSONResponse(list), err
}

// CreateCampaign makes a campaign that calls at once, from its start, or after it is
// resumed.
func (a *api) CreateCampaign(ctx context.Context, r operations.CreateCampaignRequestObject) (operations.CreateCampaignResponseObject, error) {
	d, err := campaign.ParseDocument("", r.Body.RawMessage)
	if err != nil {
		return nil, err
	}
	if len(d.People.Countries) == 0 {
		d.People.Countries = a.Countries
	}
	s, err := d.Settings()
	if err == nil {
		err = campaign.CheckName(d.Name)
	}
	if err != nil {
		return nil, err
	}
	c, err := a.campaigns().Create(ctx, actorOf(ctx), d.Name, s, orZero(r.Params.Draft))
	if err != nil {
		return nil, err
	}
	body, etag, err := a.campaign(ctx, c, nil)
	return operations.CreateCampaign201JSONResponse{Body: body, Headers: operations.CreateCampaign201ResponseHeaders{
		ETag: etag, Location: new(prefix + "campaigns/" + url.PathEscape(c.Name)),
	}}, err
}

// campaign answers with the current campaign, unless the operation failed.
func (a *api) campaign(ctx context.Context, c campaign.Campaign, err error) (operations.CampaignWithDocument, *string, error) {
	if err != nil {
		return operations.JSON{}, nil, err
	}
	record, err := a.Store.CampaignRecord(ctx, c.ID)
	return raw(record.JSON), etag(record.Version), err
}

// etag is a version in the form of a header.
func etag(version string) *string { return new(`"` + version + `"`) }

func (a *api) GetCampaign(ctx context.Context, r operations.GetCampaignRequestObject) (operations.GetCampaignResponseObject, error) {
	c, err := a.Store.CampaignByName(ctx, r.Name)
	body, etag, err := a.campaign(ctx, c, err)
	return operations.GetCampaign200JSONResponse{Body: body, Headers: operations.GetCampaign200ResponseHeaders{ETag: etag}}, err
}

// PatchCampaign takes a merge patch (RFC 7396) of the campaign's document. It applies to
// each call that has not begun.
func (a *api) PatchCampaign(ctx context.Context, r operations.PatchCampaignRequestObject) (operations.PatchCampaignResponseObject, error) {
	var patch any
	if err := decodeJSON(r.Body.RawMessage, &patch); err != nil {
		return nil, err
	}
	if _, ok := patch.(map[string]any); !ok {
		return nil, errors.New("want an object with the members of the campaign document that change")
	}
	version, err := a.matchedVersion(ctx, r.Name, ifMatch(r.Params.IfMatch))
	if err != nil {
		return nil, err
	}
	edited, err := a.campaigns().Edit(ctx, actorOf(ctx), r.Name, app.Edit{
		Version:      version,
		Change:       func(was campaign.Document) (campaign.Document, error) { return patched(was, patch) },
		CheckMessage: a.CheckMessage,
	})
	//guard:false internal/httpapi.TestEditsAtOnce: of two edits of one version that is named, one is refused
	if version != 0 && errors.Is(err, campaign.ErrEdited) {
		err = app.ErrChanged
	}
	body, etag, err := a.campaign(ctx, edited.Campaign, err)
	return operations.PatchCampaign200JSONResponse{Body: body, Headers: operations.PatchCampaign200ResponseHeaders{ETag: etag}}, err
}

// matchedVersion is the version of the campaign that If-Match names; 0: any.
func (a *api) matchedVersion(ctx context.Context, name, want string) (int, error) {
	if want == "" || want == "*" {
		return 0, nil
	}
	c, err := a.Store.CampaignByName(ctx, name)
	if err != nil {
		return 0, err
	}
	found, err := a.Store.CampaignRecord(ctx, c.ID)
	if err != nil {
		return 0, err
	}
	//guard:false internal/httpapi.TestEditACampaign: an edit of what was changed since it was read is refused
	if want != found.Version {
		return 0, app.ErrChanged
	}
	var is struct{ Version int }
	err = json.Unmarshal(found.JSON, &is)
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

// ifMatch is the version that a change requires; "": any.
func ifMatch(header *operations.Ifmatch) string {
	return strings.Trim(strings.TrimPrefix(strings.TrimSpace(orZero(header)), "W/"), `"`)
}

// decodeJSON reads exactly one value.
func decodeJSON(text []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(to); err != nil {
		return notWanted(err)
	}
	if d.More() {
		return errors.New("the body holds more than one JSON value")
	}
	return nil
}

// notWanted is the error of a body that could not be decoded.
func notWanted(err error) error {
	return fmt.Errorf("the body is no JSON of the form that is wanted: %s", jsonMistake(err))
}

// jsonMistake says where the mistake is, without showing values.
func jsonMistake(err error) string {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("%s: want %s", wrong.Field, wrong.Type)
	}
	if wrong, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("a mistake behind byte %d", wrong.Offset)
	}
	return "it ends early, or has a member that is not known"
}

func (a *api) PauseCampaign(ctx context.Context, r operations.PauseCampaignRequestObject) (operations.PauseCampaignResponseObject, error) {
	reason := orZero(orZero(r.Body).Reason)
	if reason == "" {
		reason = "by hand"
	}
	c, err := a.campaigns().Pause(ctx, actorOf(ctx), r.Name, reason)
	body, etag, err := a.campaign(ctx, c, err)
	return operations.PauseCampaign200JSONResponse{Body: body, Headers: operations.PauseCampaign200ResponseHeaders{ETag: etag}}, err
}

func (a *api) ResumeCampaign(ctx context.Context, r operations.ResumeCampaignRequestObject) (operations.ResumeCampaignResponseObject, error) {
	c, err := a.campaigns().Resume(ctx, actorOf(ctx), r.Name)
	body, etag, err := a.campaign(ctx, c, err)
	return operations.ResumeCampaign200JSONResponse{Body: body, Headers: operations.ResumeCampaign200ResponseHeaders{ETag: etag}}, err
}

func (a *api) StopCampaign(ctx context.Context, r operations.StopCampaignRequestObject) (operations.StopCampaignResponseObject, error) {
	c, err := a.campaigns().Stop(ctx, actorOf(ctx), r.Name)
	body, etag, err := a.campaign(ctx, c, err)
	return operations.StopCampaign200JSONResponse{Body: body, Headers: operations.StopCampaign200ResponseHeaders{ETag: etag}}, err
}
