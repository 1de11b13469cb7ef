package httpapi

import (
	"encoding/base64"
	"encoding/json"

	"dialer/internal/app"
	"dialer/internal/httpapi/operations"
)

const wrongLimit = "limit: want a number from 1 to 1000"

// page is the part of a list that ?limit= and ?cursor= select.
func page(limit *operations.Limit, cursor *operations.Cursor) (app.ListQuery, error) {
	q := app.ListQuery{Limit: 100}
	if limit != nil {
		if q.Limit = *limit; q.Limit < 1 || q.Limit > 1000 {
			return q, invalid(wrongLimit)
		}
	}
	after, err := base64.RawURLEncoding.DecodeString(orZero(cursor))
	if err != nil {
		return q, app.ErrCursor
	}
	q.After = string(after)
	return q, nil
}

// listed is a page in the form of every list's answer: the types of all lists are alike.
func listed(p app.Page, err error) (operations.CampaignList, error) {
	list := operations.CampaignList{Items: make([]operations.JSON, len(p.Items))}
	for i, item := range p.Items {
		list.Items[i] = raw(item)
	}
	if p.Next != "" {
		list.NextCursor = new(base64.RawURLEncoding.EncodeToString([]byte(p.Next)))
	}
	return list, err
}

func raw(text json.RawMessage) operations.JSON { return operations.JSON{RawMessage: text} }

// orZero is a parameter's value, or the zero value if there is none.
func orZero[T any](v *T) T {
	if v == nil {
		return *new(T)
	}
	return *v
}
