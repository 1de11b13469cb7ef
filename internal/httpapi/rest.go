package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/httpapi/operations"
)

func (a *api) suppressions() app.Suppressions { return app.Suppressions{Store: a.Store} }

func (a *api) ListSuppressions(ctx context.Context, r operations.ListSuppressionsRequestObject) (operations.ListSuppressionsResponseObject, error) {
	asked, err := page(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	q := app.SuppressionQuery{ListQuery: asked, Ended: orZero(r.Params.Ended)}
	if text := orZero(r.Params.Number); text != "" {
		if q.Number, err = a.numberInAddress(text); err != nil {
			return nil, invalid("number: %v", err)
		}
	}
	list, err := listed(a.Store.ListSuppressions(ctx, q))
	return operations.ListSuppressions200JSONResponse(list), err
}

// Suppress adds one number to the list.
func (a *api) Suppress(ctx context.Context, r operations.SuppressRequestObject) (operations.SuppressResponseObject, error) {
	number, err := a.readNumber(r.Body.Number)
	if err != nil {
		return nil, invalid("number: %v", err)
	}
	by := actorOf(ctx)
	s := app.Suppression{
		Number: number, Source: orZero(r.Body.Source), Note: orZero(r.Body.Note), Campaign: orZero(r.Body.Campaign), Purpose: orZero(r.Body.Purpose), ExpiresAt: orZero(r.Body.ExpiresAt),
	}
	if s.Source == "" {
		s.Source = by.Name
	}
	if r.Body.ExpiresAt != nil && !s.ExpiresAt.After(time.Now()) {
		return nil, errors.New("expires_at: it is past")
	}
	done, err := a.suppressions().Add(ctx, by, []app.Suppression{s}, false)
	if err != nil {
		return nil, err
	}
	found, err := a.Store.ListSuppressions(ctx, app.SuppressionQuery{ListQuery: app.ListQuery{Limit: 1}, ID: done.ID})
	if err == nil && len(found.Items) == 0 {
		err = campaign.ErrNotFound // it was lifted already
	}
	if err != nil {
		return nil, err
	}
	return operations.Suppress201JSONResponse{Body: raw(found.Items[0]), Headers: operations.Suppress201ResponseHeaders{
		Location: new(prefix + "suppressions?number=" + url.QueryEscape(number)),
	}}, nil
}

// Unsuppress lifts one suppression of a number.
func (a *api) Unsuppress(ctx context.Context, r operations.UnsuppressRequestObject) (operations.UnsuppressResponseObject, error) {
	number, err := a.numberInAddress(r.Number)
	if err != nil {
		return nil, invalid("number: %v", err)
	}
	_, err = a.suppressions().Lift(ctx, actorOf(ctx), app.Lift{
		Number: number, Scope: string(orZero(r.Params.Scope)), Campaign: orZero(r.Params.Campaign), Purpose: orZero(r.Params.Purpose),
	})
	return operations.Unsuppress204Response{}, err
}

func (a *api) ListAlarms(ctx context.Context, r operations.ListAlarmsRequestObject) (operations.ListAlarmsResponseObject, error) {
	q, err := page(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := listed(a.Store.ListAlarms(ctx, q, orZero(r.Params.Resolved)))
	return operations.ListAlarms200JSONResponse(list), err
}

func (a *api) ResolveAlarm(ctx context.Context, r operations.ResolveAlarmRequestObject) (operations.ResolveAlarmResponseObject, error) {
	id, err := strconv.ParseInt(r.Id, 10, 64)
	if err != nil {
		return nil, campaign.ErrNotFound
	}
	alarms, said := app.Alarms{Store: a.Store}, orZero(r.Body)
	if said.Decision != nil || said.CallUuid != nil {
		d := app.AttemptDecision{Word: string(orZero(said.Decision)), CallUUID: orZero(said.CallUuid)}
		return operations.ResolveAlarm204Response{}, alarms.Decide(ctx, actorOf(ctx), id, d)
	}
	resolved, err := alarms.Resolve(ctx, actorOf(ctx), []int64{id})
	if err == nil && len(resolved) == 0 {
		err = fmt.Errorf("an open alarm of this id: %w", campaign.ErrNotFound)
	}
	return operations.ResolveAlarm204Response{}, err
}

func (a *api) ListAudit(ctx context.Context, r operations.ListAuditRequestObject) (operations.ListAuditResponseObject, error) {
	q, err := page(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	list, err := listed(a.Store.ListAudit(ctx, q, orZero(r.Params.Object), orZero(r.Params.Actor)))
	return operations.ListAudit200JSONResponse(list), err
}

// Erase removes the data of everybody with a number.
func (a *api) Erase(ctx context.Context, r operations.EraseRequestObject) (operations.EraseResponseObject, error) {
	number, err := a.numberInAddress(r.Number)
	if err != nil {
		return nil, invalid("number: %v", err)
	}
	e, err := app.Erase(ctx, a.Store, actorOf(ctx), number, orZero(r.Params.Try))
	return operations.Erase200JSONResponse{
		Contacts: e.Contacts, Attempts: e.Attempts, Events: e.Events, ProviderCalls: e.ProviderCalls,
		InboundCalls: e.InboundCalls, RefusedRows: e.RefusedRows, WebhooksOut: e.WebhooksOut, Suppressed: e.Suppressed,
	}, err
}
