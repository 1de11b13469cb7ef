package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"dialer/internal/app"
	"dialer/internal/httpapi/operations"
)

// actions are the possible actions on a call.
var actions = []string{"hangup", "mute", "unmute", "earmuff", "unearmuff", "transfer", "stream", "talk", "dtmf"}

func (a *api) ListCalls(ctx context.Context, r operations.ListCallsRequestObject) (operations.ListCallsResponseObject, error) {
	asked, err := page(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	q := app.CallQuery{ListQuery: asked, State: orZero(r.Params.State)}
	if name := orZero(r.Params.Campaign); name != "" {
		c, err := a.Store.CampaignByName(ctx, name)
		if err != nil {
			return nil, err
		}
		q.CampaignID = c.ID
	}
	list, err := listed(a.Store.ListCalls(ctx, q))
	return operations.ListCalls200JSONResponse(list), err
}

func (a *api) GetCall(ctx context.Context, r operations.GetCallRequestObject) (operations.GetCallResponseObject, error) {
	record, err := a.Store.CallRecord(ctx, r.Uuid)
	return operations.GetCall200JSONResponse(raw(record.JSON)), err
}

// CreateCall makes one call. If it is not known whether Vonage made it, the answer
// is 202: the attempt is settled from evidence, and must not be repeated.
func (a *api) CreateCall(ctx context.Context, r operations.CreateCallRequestObject) (operations.CreateCallResponseObject, error) {
	made, err := a.Calls.Make(ctx, actorOf(ctx), r.Body.RawMessage)
	if err != nil {
		return nil, err
	}
	record, err := a.Store.CallRecord(ctx, made.AttemptID)
	location := prefix + "calls/" + made.AttemptID
	if !made.Known {
		return operations.CreateCall202JSONResponse{Body: raw(record.JSON), Headers: operations.CreateCall202ResponseHeaders{Location: &location}}, err
	}
	return operations.CreateCall201JSONResponse{Body: raw(record.JSON), Headers: operations.CreateCall201ResponseHeaders{Location: &location}}, err
}

func (a *api) ActOnCall(ctx context.Context, r operations.ActOnCallRequestObject) (operations.ActOnCallResponseObject, error) {
	if !slices.Contains(actions, r.Action) {
		return nil, requestError{http.StatusNotFound, "there is no such action"}
	}
	var order json.RawMessage
	if r.Body != nil {
		order = r.Body.RawMessage
	}
	said, err := a.Calls.Act(ctx, actorOf(ctx), r.Uuid, r.Action, order)
	return operations.ActOnCall200JSONResponse{CallUuid: r.Uuid, Action: r.Action, Answer: said}, err
}
