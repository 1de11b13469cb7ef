package httpapi

import (
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/google/uuid"
)

// whyAnswer is all that is known of one number, and why.
type whyAnswer struct {
	Number      string       `json:"number"`
	Suppression *suppressed  `json:"suppression"` // null: it is not suppressed
	Contacts    []whyContact `json:"contacts"`
	Manual      []whyAttempt `json:"manual_calls"`
	Refused     []whyRefused `json:"refused_rows"`
}

type suppressed struct {
	Scope     string     `json:"scope"`
	Campaign  *string    `json:"campaign"`
	Purpose   *string    `json:"purpose"`
	Invalid   bool       `json:"invalid"` // Vonage said that there is no such number
	Source    string     `json:"source"`
	Note      string     `json:"note"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at"`
}

type whyContact struct {
	Campaign      string                `json:"campaign"`
	Status        campaign.Status       `json:"status"`
	Key           string                `json:"key"`
	State         campaign.ContactState `json:"state"`
	Reason        *campaign.Reason      `json:"reason"`
	Because       string                `json:"because"`
	Obstacles     []obstacle            `json:"obstacles"`
	NextAttemptAt *time.Time            `json:"next_attempt_at"`
	HeardAt       *time.Time            `json:"heard_at"`
	Result        *string               `json:"result"`
	Attempts      []whyAttempt          `json:"attempts"`
}

type obstacle struct {
	Reason  campaign.Withdrawal `json:"reason"`
	Meaning string              `json:"meaning"`
}

type whyAttempt struct {
	AttemptID   uuid.UUID      `json:"attempt_id"`
	No          int            `json:"attempt_no"`
	State       campaign.State `json:"state"`
	Disposition *string        `json:"disposition"`
	Note        string         `json:"note"`
	CallUUID    *string        `json:"call_uuid"`
	CreatedAt   time.Time      `json:"created_at"`
	DialedAt    *time.Time     `json:"dialed_at"`
	AnsweredAt  *time.Time     `json:"answered_at"`
	HeardAt     *time.Time     `json:"heard_at"`
	DurationS   *int           `json:"duration_s"`
	Price       *string        `json:"price"`
}

type whyRefused struct {
	Campaign string `json:"campaign"`
	Line     int    `json:"line"`
	Column   string `json:"column"`
	Reason   string `json:"reason"`
}

func (a *api) why(r request) (answer, error) {
	number, err := a.numberInAddress(r.PathValue("number"))
	if err != nil {
		return answer{}, invalid("number: %v", err)
	}
	h, err := a.Store.NumberHistory(r.Context(), number)
	if err != nil {
		return answer{}, err
	}
	w := whyAnswer{Number: number, Contacts: []whyContact{}, Manual: attemptsOf(h.Manual), Refused: []whyRefused{}}
	if s := h.Suppression; s.Number != "" {
		w.Suppression = &suppressed{s.Scope(), given(s.Campaign), given(s.Purpose), s.Invalid, s.Source, s.Note, s.CreatedAt, given(s.ExpiresAt)}
	}
	for _, c := range h.Contacts {
		w.Contacts = append(w.Contacts, whyOf(c))
	}
	for _, row := range h.Refused {
		w.Refused = append(w.Refused, whyRefused(row))
	}
	return answer{body: w}, nil
}

func whyOf(h app.ContactHistory) whyContact {
	k := h.Contact
	w := whyContact{
		Campaign: h.Campaign.Name, Status: h.Campaign.Status, Key: k.Key, State: k.State, Reason: given(k.Reason), Because: h.Because,
		Obstacles: []obstacle{}, NextAttemptAt: given(h.NextCall), HeardAt: given(k.HeardAt), Result: given(k.Result), Attempts: attemptsOf(h.Attempts),
	}
	for _, o := range h.Obstacles {
		w.Obstacles = append(w.Obstacles, obstacle{o, o.Meaning()})
	}
	return w
}

func attemptsOf(list []campaign.Attempt) []whyAttempt {
	attempts := make([]whyAttempt, len(list))
	for i, a := range list {
		attempts[i] = whyAttempt{
			AttemptID: a.ID, No: a.No, State: a.State, Disposition: given(string(a.Disposition())), Note: a.Note, CallUUID: given(a.CallUUID),
			CreatedAt: a.CreatedAt, DialedAt: given(a.DialedAt), AnsweredAt: given(a.AnsweredAt), HeardAt: given(a.HeardAt), DurationS: a.Bill.Duration,
		}
		if a.Bill.Price.Valid {
			attempts[i].Price = new(a.Bill.Price.Decimal.StringFixed(8))
		}
	}
	return attempts
}

// given is null for what there is not.
func given[T comparable](v T) *T {
	var none T
	if v == none {
		return nil
	}
	return &v
}
