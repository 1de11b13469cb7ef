package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/httpapi/operations"
)

func (a *api) contacts() app.Contacts { return app.Contacts{Store: a.Store, Read: a.ReadRow} }

func (a *api) ListContacts(ctx context.Context, r operations.ListContactsRequestObject) (operations.ListContactsResponseObject, error) {
	asked, err := page(r.Params.Limit, r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	c, err := a.Store.CampaignByName(ctx, r.Name)
	if err != nil {
		return nil, err
	}
	q := app.ContactQuery{ListQuery: asked, State: orZero(r.Params.State), Reason: orZero(r.Params.Reason), Result: orZero(r.Params.Result)}
	if text := orZero(r.Params.ToNumber); text != "" {
		if q.Number, err = a.numberInAddress(text); err != nil {
			return nil, invalid("to_number: %v", err)
		}
	}
	list, err := listed(a.Store.ListContacts(ctx, c.ID, q))
	return operations.ListContacts200JSONResponse(list), err
}

// numberInAddress reads a number in an address: as digits with the country code, as the
// API writes it, or in any form that a CSV may have.
func (a *api) numberInAddress(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text != "" && text[0] >= '1' && text[0] <= '9' {
		text = "+" + text
	}
	return a.readNumber(text)
}

// readNumber reads a number as the import of a CSV does.
func (a *api) readNumber(text string) (string, error) {
	n, err := campaign.ParseNumber(text, a.DefaultCountry)
	return n.Digits, err
}

// contact answers with the current contact with the key.
func (a *api) contact(ctx context.Context, name, key string) (operations.Contact, *string, error) {
	c, err := a.Store.CampaignByName(ctx, name)
	if err != nil {
		return operations.JSON{}, nil, err
	}
	record, err := a.Store.ContactRecord(ctx, c.ID, key)
	return raw(record.JSON), etag(record.Version), err
}

func (a *api) GetContact(ctx context.Context, r operations.GetContactRequestObject) (operations.GetContactResponseObject, error) {
	body, etag, err := a.contact(ctx, r.Name, r.Key)
	return operations.GetContact200JSONResponse{Body: body, Headers: operations.GetContact200ResponseHeaders{ETag: etag}}, err
}

// PutContact adds the person with a key, or gives them another row.
func (a *api) PutContact(ctx context.Context, r operations.PutContactRequestObject) (operations.PutContactResponseObject, error) {
	var row map[string]any
	if err := decodeJSON(r.Body.RawMessage, &row); err != nil {
		return nil, err
	}
	if row == nil {
		return nil, errors.New("want an object of columns and their values")
	}
	values, err := cells(row)
	if err != nil {
		return nil, err
	}
	added, late, err := a.contacts().Put(ctx, actorOf(ctx), r.Name, r.Key, values, ifMatch(r.Params.IfMatch))
	if err != nil {
		return nil, err
	}
	body, etag, err := a.contact(ctx, r.Name, r.Key)
	if !added {
		headers := operations.PutContact200ResponseHeaders{ETag: etag}
		if late != "" {
			headers.DialerWarning = &late
		}
		return operations.PutContact200JSONResponse{Body: body, Headers: headers}, err
	}
	location := prefix + "campaigns/" + url.PathEscape(r.Name) + "/contacts/" + url.PathEscape(r.Key)
	return operations.PutContact201JSONResponse{Body: body, Headers: operations.PutContact201ResponseHeaders{ETag: etag, Location: &location}}, err
}

// cells are a row's values in the form of a CSV.
func cells(row map[string]any) (map[string]string, error) {
	values := make(map[string]string, len(row))
	for column, value := range row {
		switch value := value.(type) {
		case nil:
			values[column] = ""
		case string:
			values[column] = value
		case json.Number:
			values[column] = value.String()
		case bool:
			values[column] = strconv.FormatBool(value)
		default:
			return nil, fmt.Errorf("%s: want a text, a number, true, false or null", column)
		}
	}
	return values, nil
}

func (a *api) CancelContact(ctx context.Context, r operations.CancelContactRequestObject) (operations.CancelContactResponseObject, error) {
	version := ifMatch(r.Params.IfMatch)
	if version == "*" {
		version = ""
	}
	if err := a.contacts().Cancel(ctx, actorOf(ctx), r.Name, r.Key, version); err != nil {
		return nil, err
	}
	body, etag, err := a.contact(ctx, r.Name, r.Key)
	return operations.CancelContact200JSONResponse{Body: body, Headers: operations.CancelContact200ResponseHeaders{ETag: etag}}, err
}

// CallContact makes the person with a key due at once.
func (a *api) CallContact(ctx context.Context, r operations.CallContactRequestObject) (operations.CallContactResponseObject, error) {
	if err := a.contacts().CallNow(ctx, actorOf(ctx), r.Name, r.Key); err != nil {
		return nil, err
	}
	body, etag, err := a.contact(ctx, r.Name, r.Key)
	return operations.CallContact200JSONResponse{Body: body, Headers: operations.CallContact200ResponseHeaders{ETag: etag}}, err
}
