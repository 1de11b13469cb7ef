package httpapi

import (
	"context"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/httpapi/operations"
)

// Why answers with all that is known about one number, and why.
func (a *api) Why(ctx context.Context, r operations.WhyRequestObject) (operations.WhyResponseObject, error) {
	number, err := a.numberInAddress(r.Number)
	if err != nil {
		return nil, invalid("number: %v", err)
	}
	h, err := a.Store.NumberHistory(ctx, number)
	if err != nil {
		return nil, err
	}
	w := operations.Why200JSONResponse{
		Number: number, Contacts: []operations.WhyContact{}, ManualCalls: attemptsOf(h.Manual), RefusedRows: []operations.WhyRefusedRow{},
	}
	if s := h.Suppression; s.Number != "" {
		w.Suppression = &operations.WhySuppression{
			Scope: s.Scope(), Campaign: given(s.Campaign), Purpose: given(s.Purpose), Invalid: s.Invalid, // Vonage said that there is no such number
			Source: s.Source, Note: s.Note, CreatedAt: s.CreatedAt, ExpiresAt: given(s.ExpiresAt),
		}
	}
	for _, c := range h.Contacts {
		w.Contacts = append(w.Contacts, whyOf(c))
	}
	for _, row := range h.Refused {
		w.RefusedRows = append(w.RefusedRows, operations.WhyRefusedRow{Campaign: row.Campaign, Line: row.Line, Column: row.Column, Reason: row.Reason})
	}
	return w, nil
}

func whyOf(h app.ContactHistory) operations.WhyContact {
	k := h.Contact
	w := operations.WhyContact{
		Campaign: h.Campaign.Name, Status: string(h.Campaign.Status), Key: k.Key, State: string(k.State), Reason: given(string(k.Reason)), Because: h.Because,
		Obstacles: []operations.WhyObstacle{}, NextAttemptAt: given(h.NextCall), HeardAt: given(k.HeardAt), Result: given(k.Result), Attempts: attemptsOf(h.Attempts),
	}
	for _, o := range h.Obstacles {
		w.Obstacles = append(w.Obstacles, operations.WhyObstacle{Reason: string(o), Meaning: h.MeaningOf(o)})
	}
	return w
}

func attemptsOf(list []campaign.Attempt) []operations.WhyAttempt {
	attempts := make([]operations.WhyAttempt, len(list))
	for i, a := range list {
		attempts[i] = operations.WhyAttempt{
			AttemptId: a.ID.String(), AttemptNo: a.No, State: string(a.State), Disposition: given(string(a.Disposition())), Note: a.Note, CallUuid: given(a.CallUUID),
			CreatedAt: a.CreatedAt, DialedAt: given(a.DialedAt), AnsweredAt: given(a.AnsweredAt), HeardAt: given(a.HeardAt), DurationS: a.Bill.Duration,
		}
		if a.Bill.Price.Valid {
			attempts[i].Price = new(a.Bill.Price.Decimal.StringFixed(8))
		}
	}
	return attempts
}

// given is null for a zero value.
func given[T comparable](v T) *T {
	var none T
	if v == none {
		return nil
	}
	return &v
}
