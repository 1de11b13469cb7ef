package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
)

func (a *api) suppressions() app.Suppressions { return app.Suppressions{Store: a.Store} }

func (a *api) listSuppressions(r request) (answer, error) {
	page, err := r.list()
	if err != nil {
		return answer{}, err
	}
	q := app.SuppressionQuery{ListQuery: page, Ended: r.URL.Query().Get("ended") == "true"}
	if text := r.URL.Query().Get("number"); text != "" {
		if q.Number, err = a.numberInAddress(text); err != nil {
			return answer{}, invalid("number: %v", err)
		}
	}
	return list(a.Store.ListSuppressions(r.Context(), q))
}

// suppress adds one number to the list.
func (a *api) suppress(r request) (answer, error) {
	var body struct {
		Number    string     `json:"number"`
		Source    string     `json:"source"`
		Note      string     `json:"note"`
		Campaign  string     `json:"campaign"`
		Purpose   string     `json:"purpose"`
		ExpiresAt *time.Time `json:"expires_at"`
	}
	if err := decodeJSON(r.body, &body); err != nil {
		return answer{}, err
	}
	number, err := a.readNumber(body.Number)
	if err != nil {
		return answer{}, invalid("number: %v", err)
	}
	s := app.Suppression{Number: number, Source: body.Source, Note: body.Note, Campaign: body.Campaign, Purpose: body.Purpose}
	if s.Source == "" {
		s.Source = r.by.Name
	}
	if body.ExpiresAt != nil {
		if s.ExpiresAt = *body.ExpiresAt; !s.ExpiresAt.After(time.Now()) {
			return answer{}, errors.New("expires_at: it is past")
		}
	}
	if _, err := a.suppressions().Add(r.Context(), r.by, []app.Suppression{s}, false); err != nil {
		return answer{}, err
	}
	page, err := a.Store.ListSuppressions(r.Context(), app.SuppressionQuery{ListQuery: app.ListQuery{Limit: 1}, Number: number})
	if err == nil && len(page.Items) == 0 {
		err = campaign.ErrNotFound // it was lifted already
	}
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusCreated, body: page.Items[0], location: prefix + "suppressions?number=" + url.QueryEscape(number)}, nil
}

func (a *api) unsuppress(r request) (answer, error) {
	number, err := a.numberInAddress(r.PathValue("number"))
	if err != nil {
		return answer{}, invalid("number: %v", err)
	}
	if err := a.suppressions().Remove(r.Context(), r.by, []string{number}); err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusNoContent}, nil
}

func (a *api) listAlarms(r request) (answer, error) {
	q, err := r.list()
	if err != nil {
		return answer{}, err
	}
	return list(a.Store.ListAlarms(r.Context(), q, r.URL.Query().Get("resolved") == "true"))
}

func (a *api) resolveAlarm(r request) (answer, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return answer{}, campaign.ErrNotFound
	}
	resolved, err := app.Alarms{Store: a.Store}.Resolve(r.Context(), r.by, []int64{id})
	if err == nil && len(resolved) == 0 {
		err = fmt.Errorf("an open alarm of this id: %w", campaign.ErrNotFound)
	}
	if err != nil {
		return answer{}, err
	}
	return answer{status: http.StatusNoContent}, nil
}

func (a *api) listAudit(r request) (answer, error) {
	q, err := r.list()
	if err != nil {
		return answer{}, err
	}
	return list(a.Store.ListAudit(r.Context(), q, r.URL.Query().Get("object"), r.URL.Query().Get("actor")))
}

// erase forgets whoever has a number.
func (a *api) erase(r request) (answer, error) {
	number, err := a.numberInAddress(r.PathValue("number"))
	if err != nil {
		return answer{}, invalid("number: %v", err)
	}
	try := r.URL.Query().Get("try")
	if try != "" && try != "true" && try != "false" {
		return answer{}, errors.New("try: want true or false")
	}
	erased, err := app.Erase(r.Context(), a.Store, r.by, number, try == "true")
	return answer{body: erased}, err
}
